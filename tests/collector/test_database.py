"""The database: commits last, repeats are recognised, and files of earlier versions open."""

import itertools
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.collector import LocalCollector
from nbtrack.collector.events.bad_rows import BadRow
from nbtrack.collector.events.database import Database, EventFilter, ValidatedRequest
from nbtrack.collector.events.validation import ValidationResult
from tests.support.collector import Sender, page_view, validated

WRITE = """
import os, signal, sys
from nbtrack.collector.events.database import Database
from tests.support.collector import validated
Database(sys.argv[1], lasting=sys.argv[2] == "True").write([validated({"e": "pv", "p": "web", "tv": "1"})])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "events.sqlite")
    yield database
    database.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize("lasting", [True, False])
def test_a_commit_survives_the_end_of_its_process(tmp_path, lasting):
    path = tmp_path / "events.sqlite"
    ended = subprocess.run([sys.executable, "-c", WRITE, str(path), str(lasting)], check=False)
    assert ended.returncode == -signal.SIGKILL
    database = Database(path)
    assert (database.good, database.last) == (1, 1)
    database.close()


def test_a_repeat_is_recognised_by_id_and_content_after_a_restart_too(tmp_path):
    events = [page_view(eid="1", page="a"), page_view(eid="1", page="b"), page_view(eid="2", page="a")]
    for start in range(3):
        database = Database(tmp_path / "events.sqlite")
        database.write([validated(*events)])
        assert (database.good, database.repeats) == (3, 3 * start)
        database.close()


def test_repeats_within_one_commit_are_recognised(database):
    event = page_view()
    later = event | {"stm": "1800000000000", "dtm": "1800000000000"}
    database.write([validated(event, later), validated(later), validated(event | {"page": "another"})])
    assert (database.good, database.repeats) == (2, 2)
    assert [
        stored.payload.get("page") for stored in database.read(EventFilter(event_id=event["eid"]), limit=9)
    ] == [None, "another"]


# ids that are found in different places: short ones, and UUIDs whose first halves are the same
IDS = st.sampled_from(
    ["id-0", "id-1", *(f"00000000-0000-4000-8000-00000000000{number}" for number in range(3))]
)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(IDS, st.integers(0, 2)), min_size=1, max_size=4)),
        max_size=6,
    )
)
def test_each_content_of_an_id_is_stored_once(groups):
    database = Database(None)
    sent = []
    for number, (is_one_request, group) in enumerate(groups):
        events = [page_view(eid=event_id, page=str(content), stm=str(number)) for event_id, content in group]
        sent += group
        database.write([validated(*events)] if is_one_request else [validated(event) for event in events])
    stored = [
        (event.payload["eid"], int(event.payload["page"]))
        for event in database.read(EventFilter(), limit=100)
    ]
    assert sorted(stored) == sorted(set(sent))
    assert (database.good, database.repeats) == (len(stored), len(sent) - len(set(sent)))
    for event_id, _ in stored:
        found = database.read(EventFilter(event_id=event_id), limit=100)
        assert {int(event.payload["page"]) for event in found} == {
            content for other, content in stored if other == event_id
        }
    database.close()


CONTENTS = st.lists(st.tuples(IDS, st.integers(0, 1)), min_size=1, max_size=4)
HISTORIES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), CONTENTS),
        st.tuples(st.just("fail"), CONTENTS),
        st.tuples(st.just("forget"), IDS),
        st.tuples(st.sampled_from(["keep", "reset", "close", "kill"]), st.none()),
    ),
    max_size=12,
)


@pytest.mark.parametrize("max_recent", [1, 3, 30_000])
@settings(deadline=None, max_examples=60)
@given(history=HISTORIES)
def test_ids_are_found_whenever_their_index_is_merged_and_however_the_collector_ends(history, max_recent):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr("nbtrack.collector.events.database.MAX_RECENT", max_recent)
        paths = (Path(folder) / f"{number}.sqlite" for number in itertools.count())
        path = next(paths)
        database = Database(path)
        # in the order they came
        stored: dict[tuple[str, int], None] = {}
        for step, value in history:
            if step in {"write", "fail"}:
                requests = [
                    validated(*(page_view(eid=event_id, page=str(content)) for event_id, content in value))
                ]
                if step == "fail":
                    requests.append(validated(page_view(), time=object()))
                    with pytest.raises(sqlite3.Error):
                        database.write(requests)
                else:
                    database.write(requests)
                    stored |= dict.fromkeys(value)
            elif step == "forget":
                database.forget(EventFilter(event_id=value))
                stored = {event: None for event in stored if event[0] != value}
            elif step == "keep":
                sum(database.prune(0, max_per_source=1))
                stored = dict.fromkeys(list(stored)[-1:])
            elif step == "reset":
                database.reset()
                stored.clear()
            else:
                after = path
                if step == "kill":
                    # what another process would find after this one ended without a word
                    after = next(paths)
                    for suffix in ("", "-wal"):
                        shutil.copy(f"{path}{suffix}", f"{after}{suffix}")
                database.close()
                path, database = after, Database(after)
        for event_id in {event[0] for event in stored} | {"id-0"}:
            found = database.read(EventFilter(event_id=event_id), limit=100)
            assert sorted(int(event.payload["page"]) for event in found) == sorted(
                content for other, content in stored if other == event_id
            )
        assert database.good == len(stored)
        database.close()


def test_a_request_that_is_sent_again_stores_nothing_and_shows_its_repeats(database):
    events = [page_view() for _ in range(30)]
    database.write([validated(*events)])
    for stm in ("1800000000000", "1800000000001"):
        database.write([validated(*(event | {"stm": stm} for event in events), time=1_800_000_000_000)])
    assert (database.good, database.repeats) == (30, 60)
    assert len(database.summary()["last_repeats"]) == 20
    # an event without an id is never a repeat
    for _ in range(2):
        database.write([validated(page_view(eid="1"), page_view(eid=""))])
    assert (database.good, database.repeats) == (33, 61)


@pytest.mark.parametrize(
    "make",
    [
        lambda number: page_view(eid=str(uuid.UUID(int=number))),
        lambda number: page_view(eid=f"0190a000-0000-7000-8000-{number:012x}"),
        lambda number: page_view(eid="one-id", page=str(number)),
        lambda number: page_view(eid=str(uuid.UUID(int=7)), page=str(number)),
    ],
    ids=["counted ids", "ids of one millisecond", "one id", "one UUID"],
)
def test_events_whose_ids_are_alike_take_no_longer_and_are_found(database, make):
    events = [make(number) for number in range(4000)]
    for start in range(3):
        began = time.process_time()
        for first in range(0, len(events), 1000):
            database.write([validated(*events[first : first + 1000])])
        assert time.process_time() - began < 2
        assert (database.good, database.repeats) == (4000, 4000 * start)
    for event in events[::500] if make(0)["eid"] != make(1)["eid"] else events[:1]:
        found = database.read(EventFilter(event_id=event["eid"]), limit=100)
        assert event in [stored.payload for stored in found]


def test_old_events_and_those_of_a_source_that_has_too_many_are_removed(database):
    now = 1_700_000_000_000
    database.write([validated(*[page_view(aid="old") for _ in range(3)], time=now - 1000)])
    database.write([validated(*[page_view(aid="flood") for _ in range(9)], page_view(aid="mine"), time=now)])
    assert sum(database.prune(now - 10, 5)) == 7
    left = [event.payload["aid"] for event in database.read(EventFilter(), limit=100)]
    assert left == ["flood"] * 5 + ["mine"]
    assert (database.good, database.removed) == (6, 7)
    assert database.counts()["good"] == sum(good for good, _ in database.minutes.values())


def test_events_are_stored_between_the_steps_of_a_removal(database):
    now = 1_700_000_000_000
    database.write([validated(*[page_view(aid="flood") for _ in range(7000)], time=now)])
    steps = database.prune(now - 1, 1000)
    removed = [next(steps)]
    database.write([validated(page_view(aid="mine"), time=now)])
    removed += steps
    assert sum(removed) == 6000
    assert max(removed) <= 2000
    assert database.counts() == {"total": 1001, "good": 1001, "bad": 0}
    assert (database.removed, database.count_matching(EventFilter(app_id="mine"))) == (6000, 1)
    assert (
        database.summary()["last"][0]["event_id"]
        == database.read(EventFilter(), limit=1, newest=True)[0].payload["eid"]
    )


def test_forgotten_events_are_gone_from_the_file(tmp_path):
    path = tmp_path / "events.sqlite"
    database = Database(path)
    session = "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1"
    database.write([validated(page_view(sid=session, page="a-secret-page"), page_view(page="another"))])
    assert database.forget(EventFilter(session=session)) == 1
    assert [event.payload["page"] for event in database.read(EventFilter(), limit=9)] == ["another"]
    database.close()
    assert b"a-secret-page" not in path.read_bytes()


CELL = "iglu:com.acme/cell/jsonschema/1-0-0"


def of_schemas(events, *schemas):
    """Return a request whose first events are of these schemas, and the others of another one."""
    names = [*schemas, *["iglu:com.acme/view/jsonschema/1-0-0"] * (len(events) - len(schemas))]
    request = validated(*events)
    request.results = [ValidationResult(name) for name in names]
    return request


def unreadable():
    """Return a request that no event could be read from."""
    return ValidatedRequest(validated().request, failure=BadRow("adapter_failures"))


def count_anew(path):
    """Return the counts by schema that another process would read from the file."""
    database = Database(path)
    try:
        return database.count_by_schema()
    finally:
        database.close()


@pytest.mark.parametrize("asked_before", [True, False])
def test_counts_by_schema_follow_all_that_is_written_and_removed(tmp_path, asked_before):
    path = tmp_path / "events.sqlite"
    database = Database(path)
    if asked_before:
        assert database.count_by_schema() == []
    views = [page_view(aid=f"app-{number % 2}") for number in range(5)]
    cell, other = page_view(), page_view(aid="other")
    steps = (
        lambda: database.write([of_schemas(views), of_schemas([cell, other], CELL), unreadable()]),
        lambda: database.write([of_schemas(views), of_schemas([*views[:2], page_view()])]),
        lambda: database.forget(EventFilter(app_id="app-1")),
        lambda: list(database.prune(0, 2)),
        lambda: database.forget(EventFilter(name="cell")),
        database.reset,
        lambda: database.write([of_schemas([cell], CELL)]),
    )
    totals = []
    for step in steps:
        step()
        counts = database.count_by_schema()
        assert counts == count_anew(path)
        totals.append(sum(row["good"] + row["bad"] for row in counts))
        assert totals[-1] == database.counts()["total"]
        assert database.schemas() == sorted(row["schema"] for row in counts if row["schema"])
    assert totals == [8, 9, 7, 6, 5, 0, 1]
    database.close()


def test_a_write_that_fails_counts_nothing_by_schema(database):
    database.write([validated(page_view())])
    before = database.count_by_schema()
    broken = validated(page_view(), page_view())
    broken.request.headers = [object()]
    with pytest.raises(TypeError):
        database.write([broken])
    assert database.count_by_schema() == before


def test_counts_by_schema_take_no_longer_with_many_events(database):
    def measure():
        times = []
        for _ in range(20):
            started = time.perf_counter()
            database.count_by_schema()
            times.append(time.perf_counter() - started)
        return min(times)

    database.write([validated(page_view())])
    few = measure()
    database.write([validated(*[page_view() for _ in range(30_000)])])
    assert measure() < 20 * few + 0.001


@pytest.fixture
def version_0(tmp_path):
    """A copy of a database that the version before the first `user_version` wrote."""
    return shutil.copy(Path(__file__).parent / "fixtures" / "version-0.sqlite", tmp_path)


def test_a_database_of_version_0_opens_with_all_its_events(version_0):
    with LocalCollector(db=version_0) as collector:
        summary = collector.summary()
        assert (summary["good"], summary["bad"], summary["repeats"]) == (8, 6, 3)
        events = collector.events()
        assert events["event_name"].value_counts().to_dict() == {
            "page_view": 4,
            "timing": 2,
            "event": 1,
            "page_ping": 1,
        }
        assert events["contexts_com_snowplowanalytics_snowplow_parent_event_1"].notna().sum() == 2
        assert events["page_title"].dropna().tolist() == ["Über"]
        assert len(set(collector.bad()["kind"])) == 3
        assert len(collector.payloads()) == 12
        send = Sender(collector)
        assert len(send.read("/micro/good").json) == 8
        assert len(send.read("/micro/bad").json) == 6
        assert len(send.read("/micro/events").json) == 12


def test_a_repeat_of_an_event_of_version_0_is_recognised(version_0):
    with LocalCollector(db=version_0) as collector:
        event = next(payload for payload in collector.payloads() if payload.get("page") == "Über")
        Sender(collector).post([event | {"stm": "1700000000999"}, page_view()])
        summary = collector.summary()
        assert (summary["good"], summary["repeats"]) == (9, 4)


def test_a_database_of_a_later_version_is_not_opened(tmp_path):
    path = tmp_path / "events.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=1000")
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="written by a later version of nbtrack"):
        Database(path)
