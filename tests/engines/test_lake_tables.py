"""Tables of Delta Lake and Iceberg: what they hold now, and not what lies in their folders."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import SourceError
from nbtrack.tracker import StructuredEvent
from tests.support.backfills import check_accounts
from tests.support.engines import load

pytestmark = [
    pytest.mark.engines,
    pytest.mark.filterwarnings(
        "default::DeprecationWarning",
        "default::FutureWarning",
        "default::UserWarning",
        "default::ResourceWarning",
    ),
]
EVENT = StructuredEvent("shop", "buy", label=col("x"))
ROWS = pa.table({"x": [f"r{number}" for number in range(100)], "n": range(100)})
KEPT = 40


def check(data: Any) -> None:
    report = backfill(data, EVENT, key="x", dry_run=True)
    check_accounts(report)
    assert (report.rows, report.sent, report.ok) == (KEPT, KEPT, True), data


@pytest.fixture
def delta(tmp_path: Path) -> Path:
    library = load("deltalake")
    library.write_deltalake(str(tmp_path / "delta"), ROWS)
    library.DeltaTable(str(tmp_path / "delta")).delete(f"n >= {KEPT}")
    library.DeltaTable(str(tmp_path / "delta")).optimize.compact()
    return tmp_path / "delta"


@pytest.fixture
def iceberg(tmp_path: Path) -> Any:
    catalogs = load("pyiceberg.catalog.sql")
    catalog = catalogs.SqlCatalog("c", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=tmp_path.as_uri())
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.orders", schema=ROWS.schema)
    table.append(ROWS)
    table.delete(f"n >= {KEPT}")
    return table


def test_rows_that_were_deleted_from_a_delta_table_are_not_sent(delta: Path) -> None:
    for data in (delta, f"{delta}/", delta / "*.parquet", f"{delta}/**/*.parquet", delta.as_uri()):
        check(data)
    check(load("deltalake").DeltaTable(str(delta)))


def test_rows_that_were_deleted_from_an_iceberg_table_are_not_sent(iceberg: Any) -> None:
    folder = iceberg.location().removeprefix("file://")
    for data in (iceberg, iceberg.scan(), folder, f"{folder}/data/*.parquet", f"{folder}/**/*.parquet"):
        check(data)


def test_an_iceberg_table_with_two_newest_versions_is_not_guessed(iceberg: Any) -> None:
    folder = Path(iceberg.location().removeprefix("file://"))
    newest = max(folder.glob("metadata/*.metadata.json"))
    (newest.parent / f"{newest.name[:6]}other.metadata.json").write_bytes(newest.read_bytes())
    with pytest.raises(SourceError, match=r"more than one newest version .*; pass the table of its catalog"):
        backfill(folder, EVENT, key="x", dry_run=True)


def test_a_delta_table_that_cannot_be_read_is_named(delta: Path) -> None:
    for file in (delta / "_delta_log").glob("*.json"):
        file.write_text("{}")
    with pytest.raises(SourceError, match=r"cannot read the Delta table .*delta: "):
        backfill(delta, EVENT, key="x", dry_run=True)


def test_tables_and_columns_of_ibis() -> None:
    ibis = load("ibis")
    table = ibis.memtable(ROWS.slice(0, KEPT).to_pandas())
    check(table)
    check(table.filter(table.n >= 0))
    with pytest.raises(SourceError, match="needs a DataFrame, and a StringColumn is one column"):
        backfill(table.x, EVENT, dry_run=True)
