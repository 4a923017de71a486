"""Whatever its type, its neighbours and its way here, the event of a row is the one that `track()` sends for it."""

import itertools
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack import backfill, col
from nbtrack.bulk import make_event_id, make_namespace, preview
from nbtrack.tracker import SelfDescribing, SelfDescribingJson
from nbtrack.values import jsonable, key_text

EXAMPLES = 300 if os.environ.get("NBTRACK_LONG") else 40
EVENT = SelfDescribing(
    SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {"x": col("x"), "in": [{"deep": col("x")}]})
)

text = st.text(st.characters(codec="utf-8"), max_size=6)
LEAVES: list[tuple[pa.DataType, Any]] = [
    (pa.bool_(), st.booleans()),
    (pa.int8(), st.integers(-128, 127)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats() | st.integers(-9, 9).map(float)),
    (pa.decimal128(12, 3), st.decimals(-(10**8), 10**8, places=3, allow_nan=False)),
    (pa.decimal128(38, 2), st.integers(-(10**8), 10**8).map(lambda number: Decimal(number).scaleb(-2))),
    (pa.string(), text),
    (pa.large_string(), text),
    (pa.binary(), st.binary(max_size=4)),
    (pa.date32(), st.dates(date(1, 1, 1), date(9999, 12, 31))),
    (pa.time64("us"), st.times()),
    (pa.timestamp("us"), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))),  # noqa: DTZ001 - one without
    (pa.timestamp("ms", "Asia/Tokyo"), st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001
        lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000, tzinfo=UTC)
    )),
    (pa.duration("us"), st.timedeltas(timedelta(-(10**5)), timedelta(10**5))),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "b", ""])),
    (pa.null(), st.none()),
]  # fmt: skip


def nested(leaf: tuple[pa.DataType, Any], depth: int) -> st.SearchStrategy[tuple[pa.DataType, Any]]:
    """Return types that hold others, up to a depth, with a strategy for their values."""
    if not depth:
        return st.just(leaf)
    inner = st.sampled_from(LEAVES[:-2]).flatmap(lambda other: nested(other, depth - 1))
    lists = inner.map(lambda pair: (pa.list_(pair[0]), st.lists(st.none() | pair[1], max_size=3)))
    structs = st.tuples(inner, inner).map(
        lambda pairs: (
            pa.struct([("a", pairs[0][0]), ("b", pairs[1][0])]),
            st.fixed_dictionaries({"a": st.none() | pairs[0][1], "b": pairs[1][1]}),
        )
    )
    return lists | structs


def types() -> st.SearchStrategy[tuple[pa.DataType, Any]]:
    return st.sampled_from(LEAVES).flatmap(
        lambda leaf: st.integers(0, 3).flatmap(lambda depth: nested(leaf, depth))
    )


@st.composite
def columns(draw: st.DrawFn) -> tuple[pa.Array, list[int]]:
    """Draw a column, and borders at which it is cut."""
    type_, values = draw(types())
    cells = draw(st.lists(st.none() | values, min_size=1, max_size=8))
    return pa.array(cells, type_), sorted(draw(st.sets(st.integers(1, len(cells)), max_size=3)))


def tracked(value: Any) -> dict[str, Any]:
    [payload] = [EVENT.substitute({"x": value})]
    return jsonable(payload.event_json.to_json()["data"])


def sent(data: Any) -> list[dict[str, Any]]:
    return [value["data"]["data"] for value in preview(data, EVENT, 50)["ue_px"]]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(columns())
def test_a_row_of_any_type_is_tracked_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, column: tuple[pa.Array, list[int]]
) -> None:
    array, borders = column
    table = pa.table({"x": array})
    expected = [tracked(value) for value in array.to_pylist()]
    cuts = [0, *borders, len(array)]
    parts = [table.slice(start, end - start) for start, end in itertools.pairwise(cuts) if end > start]
    folder = Path(tmp_path_factory.mktemp("rows"))
    ways: dict[str, Any] = {
        "table": table,
        "pieces": pa.concat_tables(parts),
        "iterable": parts,
        "reader": pa.concat_tables(parts).to_reader(),
    }
    if not pa.types.is_null(array.type):
        for number, part in enumerate(parts):
            pq.write_table(part, folder / f"{number}.parquet")
        ways["parquet"] = str(folder / "*.parquet")
        ways["pandas"] = pd.DataFrame({"x": pd.Series(pd.array(array, dtype=pd.ArrowDtype(array.type)))})
    for name, data in ways.items():
        assert repr(sent(data)) == repr(expected), name


@settings(max_examples=EXAMPLES, deadline=None)
@given(columns())
def test_the_id_of_a_row_depends_on_its_value_alone(column: tuple[pa.Array, list[int]]) -> None:
    array, borders = column
    namespace = make_namespace(EVENT)
    table = pa.table({"x": array})
    keys = [key_text(value) for value in array.to_pylist()]
    expected = [str(make_event_id(namespace, [key])) for key in keys]
    cuts = [0, *borders, len(array)]
    parts = [table.slice(start, end - start) for start, end in itertools.pairwise(cuts) if end > start]
    for data in (table, parts):
        assert list(preview(data, EVENT, 50, key="x")["eid"]) == expected
    report = backfill(table, EVENT, key="x", dry_run=True)
    assert report.null_keys == sum(not key for key in keys)


def test_every_character_of_a_key_gives_the_id_that_python_makes() -> None:
    characters = [*map(chr, range(0x250)), "\u2028", "\ufeff", "\U0001f600"]
    values = [
        *characters,
        *(f"a{character}b" for character in characters),
        *(rf"\u00{n:02x}" for n in range(256)),
    ]
    values += [f"\\{value}" for value in values]
    expected = [str(make_event_id(make_namespace(EVENT), [value])) for value in values]
    assert list(preview(pa.table({"x": values}), EVENT, len(values), key="x")["eid"]) == expected
