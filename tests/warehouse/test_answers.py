"""SQL over a local collector's events: tables, types, and that a query changes and reaches nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import nbtrack
from nbtrack.collector import CollectorClient, LocalCollector
from nbtrack.collector.events.database import StoredEvent
from nbtrack.schemas import Registry
from nbtrack.tracker import Emitter, PageView, SelfDescribing, SelfDescribingJson, Tracker
from nbtrack.warehouse.answers import query_collector
from tests.support.fault_server import free_port

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


class CountingClient(CollectorClient):
    """Counts the good events that are read."""

    def __init__(self, collector: LocalCollector) -> None:
        super().__init__(collector.url, collector.token)
        self.read = 0

    def good_events(self, *, after: int = 0) -> Iterator[StoredEvent]:
        for event in super().good_events(after=after):
            self.read += 1
            yield event


def view_pages(collector: LocalCollector, pages: int, app_id: str = "docs") -> None:
    with Tracker("docs", Emitter(collector.url), app_id=app_id) as tracker:
        for number in range(pages):
            tracker.track(PageView(f"https://acme.com/{number}"))


def check_answer(client: CountingClient, expected: int, read: int) -> None:
    """Check that an answer is that of a client that asks for the first time, and how many events were read for it."""
    query = "select * from events order by event_id"
    before = client.read
    answer = client.sql(query)
    assert client.read - before == read
    pd.testing.assert_frame_equal(answer, CollectorClient(client.url, client.token).sql(query))
    assert len(answer) == expected


def test_a_query_reads_only_what_arrived_since_the_one_before() -> None:
    with LocalCollector() as collector:
        client = CountingClient(collector)
        check_answer(client, 0, read=0)
        view_pages(collector, 3)
        check_answer(client, 3, read=3)
        check_answer(client, 3, read=1)  # the newest one, by which the collector is known again
        with Tracker("docs", Emitter(collector.url)) as tracker:
            tracker.track(
                SelfDescribing(SelfDescribingJson(TIMING, {"category": "c", "variable": "v", "timing": 5}))
            )
            tracker.track(SelfDescribing(SelfDescribingJson(TIMING, {"timing": "fast"})))
        check_answer(client, 4, read=2)
        assert client.sql("select timing from timing")["timing"].to_list() == [5]
        assert len(client.sql("from failed")) == len(collector.bad()) > 0
        view_pages(collector, 1)
        check_answer(client, 5, read=2)


def test_events_that_were_deleted_are_in_no_answer() -> None:
    with LocalCollector() as collector:
        client = CountingClient(collector)
        view_pages(collector, 3, "mine")
        view_pages(collector, 2, "other")
        check_answer(client, 5, read=5)
        collector.forget(app_id="other")
        check_answer(client, 3, read=3)
        view_pages(collector, 2, "other")  # they may get the numbers of those that were deleted
        check_answer(client, 5, read=3)
        collector.reset()
        view_pages(collector, 5, "third")
        check_answer(client, 5, read=5)


def test_a_collector_that_was_started_again_without_its_events_gives_answers_of_its_own() -> None:
    collector = LocalCollector(port=free_port())
    for app_id in ("before", "after"):
        with collector:
            view_pages(collector, 3, app_id)
            assert collector.sql("select distinct app_id from events")["app_id"].to_list() == [app_id]


def test_a_schema_that_is_registered_later_types_the_events_before() -> None:
    uri, registry = "iglu:com.acme/answer/jsonschema/1-0-0", Registry()
    schema = {"self": {"vendor": "com.acme", "name": "answer", "format": "jsonschema", "version": "1-0-0"},
              "type": "object", "properties": {"n": {"type": "integer"}}}  # fmt: skip
    with LocalCollector() as collector:
        collector.register(schema)
        with Tracker("docs", Emitter(collector.url)) as tracker:
            tracker.track(SelfDescribing(SelfDescribingJson(uri, {"n": 5})))
        assert query_collector(collector, "select data from answer", registry)["data"].to_list() == [
            '{"n":5}'
        ]
        registry.register(schema)
        assert query_collector(collector, "select n from answer", registry)["n"].to_list() == [5]


def test_a_large_copy_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbtrack.warehouse.answers.MAX_KEPT_BYTES", 0)
    with LocalCollector() as collector:
        client = CountingClient(collector)
        view_pages(collector, 3)
        check_answer(client, 3, read=3)
        check_answer(client, 3, read=3)
