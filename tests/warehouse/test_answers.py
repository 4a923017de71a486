"""SQL over a local collector's events: tables, types, and that a query changes and reaches nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbtrack
from nbtrack.collector import LocalCollector
from nbtrack.tracker import Emitter, PageView, SelfDescribing, SelfDescribingJson, Tracker

PAGE = Path(__file__).parents[2] / "docs" / "pages" / "guides" / "answers.md"
TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
CELL_RUN = "iglu:io.github.nbtrack/cell_run/jsonschema/1-0-0"


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCollector]:
    with LocalCollector() as made:
        session = nbtrack.start(made, store="memory", quiet=True)
        for rows in (10, 1_000):
            with nbtrack.track("load") as step:
                step.rows_in, step.rows_out = 2 * rows, rows
                step["region"], step["share"] = "EU", 0.5
        session.flush()
        nbtrack.stop()
        with Tracker("docs", Emitter(made.url)) as tracker:
            tracker.track(PageView("https://acme.com", true_timestamp=1_700_000_000_000))
            run = {
                "run_id": "5d79770b-015b-4af8-8c91-b2ed6faf4b1e",
                "status": "ok",
                "duration_ms": 12,
                "name": "load",
            }
            tracker.track(SelfDescribing(SelfDescribingJson(CELL_RUN, run)))
            tracker.track(SelfDescribing(SelfDescribingJson(TIMING, {"timing": "fast"})))
        yield made


def test_events_have_their_columns_and_types(collector: LocalCollector) -> None:
    frame = collector.sql("select page_url, true_tstamp, event_name from events where event = 'page_view'")
    assert frame["page_url"].to_list() == ["https://acme.com"]
    assert frame["true_tstamp"][0].timestamp() == 1_700_000_000
    assert collector.sql("select count(*) as n from events")["n"].item() == 4


def test_each_kind_of_event_is_a_table_with_its_properties(collector: LocalCollector) -> None:
    frame = collector.sql(
        "select name, rows_out, [p.value for p in properties if p.name = 'region'][1] as region from analysis order by rows_out"
    )
    assert frame["rows_out"].to_list() == [10, 1_000]
    assert set(frame["region"]) == {"EU"}
    assert collector.sql("select duration_ms from cell_run")["duration_ms"].to_list() == [12]
    types = collector.sql("describe analysis").set_index("column_name")["column_type"]
    assert (types["duration_ms"], types["time"]) == ("BIGINT", "TIMESTAMP WITH TIME ZONE")


def test_failed_events_are_a_table(collector: LocalCollector) -> None:
    assert "$.timing" in collector.sql("select path from failed")["path"].to_list()


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL))
def test_the_questions_of_the_page_have_answers(collector: LocalCollector, query: str) -> None:
    collector.sql(query)


def test_there_are_ten_questions() -> None:
    assert PAGE.read_text().count("```sql") == 10


@pytest.mark.parametrize(
    "query",
    ["select * from read_csv('/etc/hostname')", "copy events to '/tmp/x.csv'", "attach '/tmp/x.duckdb'", "set enable_external_access = true"],
)  # fmt: skip
def test_a_query_reaches_no_file(collector: LocalCollector, query: str) -> None:
    with pytest.raises(ValueError, match=r"disabled|locked|Cannot change"):
        collector.sql(query)


def test_a_query_changes_nothing(collector: LocalCollector) -> None:
    collector.sql("drop view analysis")
    assert len(collector.sql("from analysis")) == 2
    assert collector.counts()["good"] == 4


def test_a_wrong_query_is_answered_with_the_tables(collector: LocalCollector) -> None:
    with pytest.raises(ValueError, match=r"(?s)nam.*\ntables: analysis, cell_run, events, failed"):
        collector.sql("select nam from analysis")
    with pytest.raises(TypeError, match="query must be a str of SQL, such as 'from events', got ''"):
        collector.sql("")
