"""CSV files: a cell is a string, every row is sent or named, and nothing is guessed."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack import backfill, col
from nbtrack.bulk import SourceError, TemplateError, preview
from nbtrack.bulk.sources.csv_files import CsvOptions
from nbtrack.bulk.sources.frames import open_source
from nbtrack.schemas import Registry
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson, StructuredEvent
from tests.support.backfills import check_accounts, track_rows

URI = "iglu:com.acme/thing/jsonschema/1-0-0"


def thing(**data: Any) -> SelfDescribing:
    return SelfDescribing(SelfDescribingJson(URI, data))


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, *columns: str, **options: Any) -> list[tuple[str | None, ...]]:
    source = open_source(path, CsvOptions(**options))
    names = columns or tuple(source.names or ())
    rows: list[tuple[str | None, ...]] = []
    for chunk in source.chunks(names, 100):
        rows += zip(*(chunk.table.column(name).to_pylist() for name in names), strict=True)
    return rows


def test_a_cell_is_the_string_that_stands_there(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "id,name,at,v,t\n12,x,12/05/2020,3-4-20,10:30\n#13,'a',2020-05-12,007,yes\n14,apt # 5,,\"\",1.50\n",
    )
    assert read(path) == [
        ("12", "x", "12/05/2020", "3-4-20", "10:30"),
        ("#13", "'a'", "2020-05-12", "007", "yes"),
        ("14", "apt # 5", None, "", "1.50"),
    ]
    report = backfill(path, thing(x=col("id")), key="id", dry_run=True)
    assert (report.rows, report.sent) == (3, 3)
    assert [event["ue_px"]["data"]["data"]["x"] for event in report.sample] == ["12", "#13", "14"]


def test_values_far_behind_the_first_rows_stay_strings(tmp_path: Path) -> None:
    path = write(tmp_path, "n,code\n" + "1,10\n" * 50_000 + "1.5,01220\n")
    assert read(path)[-1] == ("1.5", "01220")


def test_a_header_is_the_first_row_whatever_it_looks_like(tmp_path: Path) -> None:
    path = write(tmp_path, "2020,2021\n1,2\n")
    assert read(path, "2021") == [("2",)]
    assert read(path, header=False) == [("2020", "2021"), ("1", "2")]
    assert read(path, "b", header=["a", "b"]) == [("2021",), ("2",)]


def test_a_name_of_two_columns_is_an_error_where_it_is_used(tmp_path: Path) -> None:
    path = write(tmp_path, "a,a,b\n1,2,3\n")
    with pytest.raises(TemplateError, match="more than one column called 'a'"):
        backfill(path, thing(x=col("a")), dry_run=True)
    assert backfill(path, thing(x=col("b")), dry_run=True).ok


def test_a_row_with_another_number_of_fields_is_skipped_with_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,2\n3,4,5\n6\n7,8\n\n9,10\n")
    report = backfill(path, thing(x=col("a")), key="a", dry_run=True)
    check_accounts(report)
    assert (report.rows, report.sent, report.skipped) == (5, 3, 2)
    assert report.errors[["row", "reason"]].values.tolist() == [
        [1, f"{path}, line 3: 3 fields, expected 2"],
        [2, f"{path}, line 4: 1 field, expected 2"],
    ]


def test_bad_rows_keep_their_place_among_many(tmp_path: Path) -> None:
    lines = [f"{number},x" for number in range(60_000)]
    for bad in (5, 30_000, 59_999):
        lines[bad] = "1,2,3"
    path = write(tmp_path, "a,b\n" + "\n".join(lines) + "\n")
    report = backfill(path, thing(x=col("a")), dry_run=True)
    assert report.errors["row"].to_list() == [5, 30_000, 59_999]
    assert (report.rows, report.sent) == (60_000, 59_997)


def test_an_event_without_placeholders_counts_all_rows_of_a_file(tmp_path: Path) -> None:
    report = backfill(write(tmp_path, "a,b\n1,2\n3\n5,6\n"), thing(x=1), dry_run=True)
    assert (report.rows, report.sent, report.skipped) == (3, 2, 1)


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "\ufeffa,b\r\n"])
def test_a_file_with_a_header_only_has_no_rows(tmp_path: Path, content: str) -> None:
    report = backfill(write(tmp_path, content), thing(x=col("a")), dry_run=True)
    assert (report.rows, report.ok) == (0, True)


def test_other_dialects_are_options(tmp_path: Path) -> None:
    german = write(tmp_path, "name;betrag\nZoë;1,5\nn/a;2\n".encode("latin-1"))
    options = {"delimiter": ";", "encoding": "latin-1", "null": "n/a"}
    assert read(german, **options) == [("Zoë", "1,5"), (None, "2")]
    assert read(write(tmp_path, "a\tb\n1,2\t3\n", "rows.tsv")) == [("1,2", "3")]
    assert read(write(tmp_path, 'a\n5" disk\n"x"\n'), quote=None) == [('5" disk',), ('"x"',)]
    packed = tmp_path / "rows.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read(packed) == [("1", "2")]


def test_an_error_names_the_option_that_helps(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"not valid UTF-8; pass its encoding, such as csv=\{'encoding'"):
        backfill(write(tmp_path, "a,b\ncafé,1\n".encode("latin-1")), thing(x=col("a")), dry_run=True)
    with pytest.raises(SourceError, match=r"is empty; a CSV file needs a header, or csv=\{'header'"):
        backfill(write(tmp_path, ""), thing(x=col("a")), dry_run=True)
    with pytest.raises(TemplateError, match=r"it has: a;b; .*pass csv=\{'delimiter': ';'\}"):
        backfill(write(tmp_path, "a;b\n1;2\n"), thing(x=col("a")), dry_run=True)
    with pytest.raises(SourceError, match="a quote is not closed"):
        backfill(write(tmp_path, 'a,b\n1,2\n3,"4\n5,6\n'), thing(x=col("a")), dry_run=True)


def schema(**properties: Any) -> Registry:
    registry = Registry()
    name = {"vendor": "com.acme", "name": "thing", "format": "jsonschema", "version": "1-0-0"}
    registry.register({"self": name, "type": "object", "properties": properties})
    return registry


def test_the_type_of_a_property_in_a_registered_schema_converts_cell_by_cell(tmp_path: Path) -> None:
    path = write(tmp_path, "n,x,b,s,t\n12,1.5,true,007,[1]\nabc,2,no,,\n,3.0,yes,1,\n")
    registry = schema(
        n={"type": ["integer", "null"]}, x={"type": "number"}, b={"type": "boolean"}, s={"type": ["string", "null"]},
        t={"type": ["array", "null"]},
    )  # fmt: skip
    event = thing(**{name: col(name) for name in ("n", "x", "b", "s", "t")})
    report = backfill(path, event, registry=registry, dry_run=True)
    assert [sample["ue_px"]["data"]["data"] for sample in report.sample] == [
        {"n": 12, "x": 1.5, "b": True, "s": "007", "t": [1]},
        {"n": None, "x": 3, "b": True, "s": "1", "t": None},
    ]
    assert report.errors["reason"].to_list() == ["n: not a number: 'abc'"]


def test_the_decimal_sign_is_an_option(tmp_path: Path) -> None:
    path = write(tmp_path, 'x\n"1,5"\n2\n1.000\n')
    options = {"registry": schema(x={"type": "number"}), "csv": {"decimal": ","}}
    report = backfill(path, thing(x=col("x")), dry_run=True, **options)
    assert [sample["ue_px"]["data"]["data"]["x"] for sample in report.sample] == [1.5, 2]
    assert report.errors["reason"].to_list() == ["x: not a number: '1.000'"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "id\tn\n1\té\n".encode("utf-16"),
            r"is UTF-16, .* pass csv=\{'encoding': 'utf-16', 'delimiter': '\\t'\}",
        ),
        (gzip.compress(b"id,n\n1,2\n"), r"is packed by gzip; end its name with \.gz"),
        (b"PK\x03\x04\xff\x00\n", "is an Excel workbook or a ZIP archive; read it with pandas.read_excel"),
        (
            "id,n\n1,é\n".encode("latin-1"),
            r"is not valid UTF-8; pass its encoding, such as csv=\{'encoding': 'latin-1'\}",
        ),
    ],
)
def test_a_file_that_is_not_utf_8_is_named_for_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        backfill(write(tmp_path, content), thing(n=col("n")), dry_run=True)


def test_the_delimiter_line_of_excel_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "sep=;\nid;n\n1;2\n")
    for options in ({}, {"delimiter": ";"}):
        with pytest.raises(TemplateError, match=r"the first line is Excel's, .*: remove it, and pass csv="):
            backfill(path, thing(n=col("n")), csv=options, dry_run=True)


number_strings = st.one_of(
    st.from_regex(r"-?[0-9]{1,18}([.][0-9]{0,20})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ["-0", "-0.0", "007", "+1", " 1", ".5", "1.", "9007199254740993", "1e400", "much", "\u0661"]
    ),
)
time_strings = st.one_of(
    st.datetimes().map(str),
    st.datetimes(
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(minutes=330))])
    ).map(str),
    st.sampled_from(
        ["0000-01-01", "0001-01-01", "1500-06-01 10:00", "9999-12-31T23:59:59.9999", "2024-01-01T10Z", "soon"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(number_strings, number_strings, time_strings), min_size=1, max_size=3))
def test_each_row_is_read_as_python_reads_it_alone(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    lines = [f'{n},{x},{at},"{money}"' for n, x, at in rows for money in [x.replace(".", ",")]]
    path = write(folder, "\n".join(["n,x,at,money", *lines, ""]))
    event = SelfDescribing(
        SelfDescribingJson(URI, {"n": col("n"), "x": col("x"), "money": col("money").to_number(decimal=",")}),
        true_timestamp=col("at"),
    )
    registry = schema(n={"type": "integer"}, x={"type": "number", "maximum": 1000}, money={"type": "number"})
    expected = []
    for n, x, at in rows:
        try:
            data = {
                "n": col("n").to_number().evaluate(n),
                "x": col("x").to_number().evaluate(x),
                "money": col("x").to_number().evaluate(x),
            }
            ttm = str(col("at").to_datetime().evaluate(at))
            [payload] = track_rows(
                SelfDescribing(SelfDescribingJson(URI, data), true_timestamp=datetime.fromisoformat(ttm)),
                [{}],
                encode_base64=False,
            )
        except ValueError:
            continue
        data = json.loads(payload["ue_pr"])["data"]["data"]
        if not registry.faults(URI, data):
            expected.append((data, payload["ttm"]))
    report = backfill(path, event, registry=registry, dry_run=True)
    assert (report.sent, report.skipped) == (len(expected), len(rows) - len(expected))
    found = [(sample["ue_px"]["data"]["data"], sample["ttm"]) for sample in report.sample]
    assert list(map(repr, found)) == list(map(repr, expected))[: len(found)]


def test_flat_fields_and_times_take_strings(tmp_path: Path) -> None:
    path = write(tmp_path, "v,at\n9.50,2024-01-01 10:00:00\nmuch,2024-01-02\n1,soon\n")
    event = StructuredEvent("a", "b", value=col("v"), true_timestamp=col("at"))
    report = backfill(path, event, dry_run=True)
    assert (report.sent, report.skipped) == (1, 2)
    assert report.sample[0]["se_va"] == "9.50"
    assert report.sample[0]["ttm"] == "1704103200000"
    reasons = report.errors["reason"].to_list()
    assert "se_va" in reasons[0]
    assert reasons[1] == "at: not a time in ISO 8601: 'soon'; use col(…).to_datetime(format=…)"


def test_types_are_inferred_only_if_asked_and_only_where_they_can_be_written_back(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "n,x,zip,b,at,s\n1,1.5,01220,true,2024-01-01 10:00:00,a\n2,2.25,75001,false,2024-01-02 11:00:00,1\n",
    )
    names = ("n", "x", "zip", "b", "at", "s")
    event = thing(**{name: col(name) for name in names})
    report = backfill(path, event, csv={"types": "infer"}, dry_run=True)
    assert report.sample[0]["ue_px"]["data"]["data"] == {
        "n": 1, "x": 1.5, "zip": "01220", "b": True, "at": "2024-01-01T10:00:00.000000Z", "s": "a",
    }  # fmt: skip
    assert "types inferred from all values: n int, x float, b bool, at datetime" in str(report)


def test_several_files_are_read_by_the_names_of_their_columns(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n1,x\n", "1.csv")
    write(tmp_path, "b,c\ny,2\n", "2.csv")
    events = preview(str(tmp_path / "*.csv"), thing(a=col("a"), b=col("b"), c=col("c")))["ue_px"]
    assert [event["data"]["data"] for event in events] == [
        {"a": "1", "b": "x", "c": None},
        {"a": None, "b": "y", "c": "2"},
    ]


names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=8)
cells = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10) | st.sampled_from(
    ["", " ", '"', '""', ",", "\n", "\r\n", "\r", "#", "1.5", "007", "null", "\ufeff", "é漢🤦"]
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    header = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    return header, draw(st.lists(st.lists(cells, min_size=len(header), max_size=len(header)), max_size=8))


@settings(max_examples=150, deadline=None)
@given(tables())
def test_a_table_that_python_wrote_comes_back_equal(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[str]]]
) -> None:
    header, rows = table
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL if any("" in row for row in rows) else csv.QUOTE_MINIMAL)
    writer.writerows([header, *rows])
    path = write(tmp_path_factory.mktemp("csv"), text.getvalue())
    source = open_source(path)
    assert source.names == header
    assert read(path) == [tuple(row) for row in rows]


def test_a_path_may_begin_with_the_home_folder_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "url\nhttps://acme.com\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("~/rows.csv", f"file://{tmp_path}/rows.csv"):
        assert backfill(path, PageView(col("url")), dry_run=True).sent == 1
