"""The forms of what ran: text, HTML, a DataFrame, a tree and a trace; none of them believes what a name holds."""

import html.parser
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.activities import Activity, Entry
from nbtrack.activities.rendering import outcome, render_html
from nbtrack.activities.tracing import make_trace

VOID = {"br", "meta"}


def entry(number: int, **values: Any) -> Entry:
    return Entry(
        **{"id": str(number), "kind": "step", "name": f"step {number}", "started": 1e9 + number, **values}
    )


SAMPLE = [
    entry(1, kind="cell", name="load", count=3, seconds=1.24, status="ok", rows_out=336_776, delivery="delivered",
          validation="valid", properties={"source": "nycflights13"}),
    entry(2, name="clean", parent="1", seconds=0.4, status="ok", rows_in=336_776, rows_out=16, delivery="pending"),
    entry(3, kind="cell", name="", count=4, seconds=0.2, status="error", error="KeyError", delivery="delivered",
          validation="invalid", reasons=("$.name: too long",)),
    entry(4, kind="event", name="report", delivery="pending", destination="https://sp.acme.com"),
    entry(5, kind="cell", name="fit", status="running", delivery="running"),
]  # fmt: skip


class Checker(html.parser.HTMLParser):
    """Notes the elements, the text and the attributes, and whether elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.texts: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.names.update(name for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def check(markup: str) -> Checker:
    checker = Checker()
    checker.feed(markup)
    checker.close()
    assert checker.open == []
    assert checker.seen <= {
        "div",
        "span",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "small",
        "p",
    }
    assert checker.names <= {"class", "style", "title", "scope", "aria-hidden"}
    return checker


def test_the_text_is_a_table_with_the_columns_that_hold_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    lines = [line.rstrip() for line in repr(Activity(SAMPLE)).splitlines()]
    assert lines[0] == "nbtrack activity: 5 entries, 1 failed, 1 running, 2 delivered, 2 pending, 1 invalid"
    assert next(line.split()[2:] for line in lines[2:])[:3] == ["✓", "[3]", "load"]
    assert "336,776 → 16" in lines[3]
    assert "error: KeyError" in lines[4]
    assert "cell 4" in lines[4]
    assert lines[5].endswith("pending for https://sp.acme.com")
    assert repr(Activity([])) == "nbtrack activity: 0 entries"
    assert "rows" not in repr(Activity(SAMPLE[2:])).splitlines()[1]


def test_the_table_says_what_the_text_says() -> None:
    checker = check(Activity(SAMPLE)._repr_html_())
    shown = " ".join(checker.texts)
    for part in (
        "load",
        "1.24 s",
        "336,776 → 16",
        "source nycflights13",
        "delivered, valid",
        "error: KeyError",
    ):
        assert part in shown
    assert "$.name: too long" in shown


names = st.text(max_size=80)
entries = st.builds(
    Entry,
    id=st.sampled_from("abcdef"),
    kind=st.sampled_from(["cell", "step", "event"]),
    name=names,
    started=st.floats(0, 4e9),
    seconds=st.none() | st.floats(0, 1e6),
    status=st.sampled_from(["ok", "error", "lost", "running", None, "syntax_error"]),
    error=st.none() | names,
    count=st.none() | st.integers(0, 99),
    rows_in=st.none() | st.integers(0, 10**9),
    properties=st.dictionaries(names, names | st.integers() | st.booleans() | st.floats(), max_size=6),
    parent=st.none() | st.sampled_from("abcdef"),
    session=st.sampled_from(["", "one", "two"]),
    reasons=st.tuples(names),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, max_size=8))
def test_no_name_breaks_a_form(found: list[Entry]) -> None:
    activity = Activity(found)
    check(activity._repr_html_())
    check(activity.tree()._repr_html_())
    for text in (repr(activity), repr(activity.tree())):
        assert all(one.isprintable() or one == "\n" for one in text)
        assert len(text.splitlines()) <= len(found) + 2
    assert len(activity.frame()) == len(found)
    trace = json.loads(json.dumps(make_trace(found)))
    assert sum("dur" in event or event["ph"] == "i" for event in trace["traceEvents"]) == len(found)


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, max_size=8))
def test_what_a_thread_of_a_trace_holds_is_nested(found: list[Entry]) -> None:
    threads: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for event in make_trace(found)["traceEvents"]:
        if event["ph"] == "X":
            threads.setdefault((event["pid"], event["tid"]), []).append(
                (event["ts"], event["ts"] + event["dur"])
            )
    for spans in threads.values():
        for start, end in spans:
            for other_start, other_end in spans:
                apart = other_end <= start or end <= other_start
                inside = (start <= other_start and other_end <= end) or (
                    other_start <= start and end <= other_end
                )
                assert apart or inside


def test_a_tree_shows_when_each_ran_on_one_scale() -> None:
    found = [
        entry(1, kind="cell", name="outer", seconds=2.0, status="ok", started=10.0),
        entry(2, name="first", parent="1", seconds=0.5, status="ok", started=10.0),
        entry(3, name="second", parent="1", seconds=1.0, status="error", error="KeyError", started=11.0),
        entry(4, kind="cell", name="short", seconds=0.5, status="ok", started=13.0),
    ]
    assert repr(Activity(found).tree()).splitlines() == [
        "outer         2 s  ████████████████████",
        "├─ first   500 ms  █████",
        "└─ second     1 s            ██████████  error: KeyError",
        "short      500 ms  █████",
    ]


def test_filters_choose_by_outcome_and_by_name() -> None:
    assert [one.id for one in Activity(SAMPLE, failed=True)] == ["3"]
    assert [one.id for one in Activity(SAMPLE, failed=False)] == ["1", "2", "4", "5"]
    assert [one.id for one in Activity(SAMPLE, name="CL*")] == ["2"]
    assert [one.id for one in Activity(SAMPLE, name="cell 4")] == ["3"]
    assert repr(Activity(SAMPLE, failed=True)).startswith("nbtrack activity: 1 of 5 shown")


def test_a_frame_has_a_row_for_each_entry_and_types_of_its_own() -> None:
    frame = Activity(SAMPLE).frame()
    assert list(frame["name"]) == ["load", "clean", "cell 4", "report", "fit"]
    assert str(frame["start"].dt.tz) == "UTC"
    assert frame["rows_out"].tolist()[:2] == [336_776, 16]
    assert [str(frame[name].dtype) for name in ("seconds", "rows_in", "execution_count")] == [
        "float64",
        "Int64",
        "Int64",
    ]
    assert list(Activity([]).frame().columns) == list(frame.columns)


def test_entries_of_several_sessions_name_where_they_ran() -> None:
    mine = entry(1, seconds=1.0, status="ok", session="5887d762-a14f-4902")
    other = entry(2, seconds=1.0, status="ok", session="b07f0fc7-6f00-427d", notebook="etl<b>.ipynb")
    alone, both = Activity([mine]), Activity([mine, other])
    assert "session" not in f"{alone}{alone._repr_html_()}"
    assert "session 5887d762" in repr(both)
    assert "etl<b>.ipynb, session b07f0fc7" in repr(both)
    assert ">session 5887d762</td>" in both._repr_html_()
    assert ">etl&lt;b&gt;.ipynb, session b07f0fc7</td>" in both._repr_html_()
    named = [one["args"]["name"] for one in make_trace(both.entries)["traceEvents"] if one["ph"] == "M"]
    assert named == ["session 5887d762", "etl<b>.ipynb, session b07f0fc7"]


def test_a_trace_is_saved_for_its_owner(tmp_path: Path) -> None:
    path = Activity(SAMPLE).save(tmp_path / "trace.json")
    trace = json.loads(path.read_text())
    load = next(event for event in trace["traceEvents"] if event["name"] == "load")
    assert (load["ph"], load["dur"], load["args"]["source"]) == ("X", 1_240_000, "nycflights13")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ValueError, match=r"saved as \.json, got 'trace\.txt'"):
        Activity(SAMPLE).save("trace.txt")


@pytest.mark.parametrize(
    ("status", "error", "shown"),
    [
        ("error", "KeyError", "error: KeyError"),
        ("syntax_error", "SyntaxError", "syntax error"),
        ("syntax_error", "IndentationError", "syntax error: IndentationError"),
        ("interrupted", "KeyboardInterrupt", "interrupted"),
        ("exited", "SystemExit", "exited"),
        ("lost", None, "lost"),
    ],
)
def test_a_failure_is_named_once(status: str, error: str | None, shown: str) -> None:
    entry = Entry(id="1", kind="cell", name="fit", started=0.0, status=status, error=error)
    assert outcome(entry) == shown
    assert f">{shown}<" in render_html([entry], 1)


def test_a_filter_that_nothing_matches_leaves_no_empty_table() -> None:
    html = Activity([Entry(id="1", kind="cell", name="fit", started=0.0)], name="nosuch")._repr_html_()
    assert "0 of 1 shown" in html
    assert "<table" not in html
