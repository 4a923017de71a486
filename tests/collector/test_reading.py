"""Reading: no event that was stored can break a reader, and what cannot be shown is shown as such."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from nbtrack.collector import LocalCollector
from tests.support.collector import Sender, page_view

ENDINGS = ("tsv", "ndjson", "csv", *(("parquet",) if importlib.util.find_spec("pyarrow") else ()))

ODD_JSON = [
    "true",
    "[]",
    "{}",
    "1",
    '"x"',
    "null",
    '{"schema":1,"data":1}',
    '{"schema":"x","data":{"schema":"y","data":5}}',
]
FIXTURES = Path(__file__).parent / "fixtures"


def read_everything(collector, folder):
    """Read a collector in each way there is."""
    send = Sender(collector)
    for path in ("good", "bad", "events"):
        assert send.read(f"/micro/{path}").status == 200
    assert send.read("/micro/events", {"page": 1, "pageSize": 50, "filters": []}).status == 200
    for ending in ENDINGS:
        collector.export(folder / f"events.{ending}")
    collector.bad()
    collector.summary()
    return collector.events()


@pytest.mark.parametrize("key", ["ue_pr", "co"])
@pytest.mark.parametrize("text", ODD_JSON)
@pytest.mark.parametrize("event_type", ["pv", "ue"])
def test_json_of_any_shape_is_checked_and_can_be_read(send, tmp_path, event_type, key, text):
    send.post([page_view(e=event_type, **{key: text}), page_view()])
    events = read_everything(send.collector, tmp_path)
    assert len(events) == send.collector.counts()["good"]
    assert send.collector.counts()["bad"] == (0 if (event_type, key, text) == ("pv", "co", "null") else 1)


def test_a_database_with_an_event_that_cannot_be_shown_can_be_read(tmp_path):
    path = shutil.copy(FIXTURES / "version-0-unreadable.sqlite", tmp_path)
    with LocalCollector(db=path) as collector:
        assert len(read_everything(collector, tmp_path)) == 9
