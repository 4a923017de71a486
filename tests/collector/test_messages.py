"""Messages of the local collector: each says what is wrong, where, why, and what to do; the page lists them."""

from pathlib import Path

import pytest

from nbtrack.collector import CollectorClient, CollectorError, LocalCollector
from nbtrack.delivery import Emitter
from nbtrack.tracker import (
    PageView,
    Tracker,
)
from tests.support.messages import Messages, check_message, missing_from_page

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
NOBODY = "http://127.0.0.1:9"


MESSAGES: Messages = {
    "a collector that has not started": (
        lambda: LocalCollector().events(),
        ConnectionError,
        "<LocalCollector not started> does not run: call its start(), or enter it: with LocalCollector() as collector",
    ),
    "a folder of schemas that is not there": (
        lambda: LocalCollector(iglu=["nowhere"]),
        FileNotFoundError,
        "iglu names 'nowhere', and no folder is at ",
    ),
    "a folder in place of a list of them": (
        lambda: LocalCollector(iglu="schemas"),
        TypeError,
        "iglu must be a list, such as ['schemas', 'https://iglu.acme.com'], got 'schemas'",
    ),
    "a database in a place of no file": (
        lambda: LocalCollector(db="/"),
        ValueError,
        "db must be the path of a file in a folder that is there, not '/'",
    ),
    "a port as a text": (
        lambda: LocalCollector(port="9090"),
        TypeError,
        "port must be an int of 0 or more, got '9090'",
    ),
    "a port beyond all": (
        lambda: LocalCollector(port=70_000),
        ValueError,
        "port must be between 0 and 65535, not 70000",
    ),
    "a client without an address": (
        lambda: CollectorClient("127.0.0.1:9090"),
        ValueError,
        "url must be a collector's address, such as http://127.0.0.1:9090, not '127.0.0.1:9090'",
    ),
    "a schema where the number goes": (
        lambda: LocalCollector().wait_for(TIMING),
        TypeError,
        "n must be an int of 0 or more, got 'iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0'",
    ),
    "a limit that is none": (
        lambda: LocalCollector().bad(limit="x"),
        TypeError,
        "limit must be an int of 0 or more, got 'x'",
    ),
    "a collector that is gone": (
        lambda: CollectorClient(NOBODY).counts(),
        ConnectionError,
        "no collector answers at http://127.0.0.1:9 (",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_message_says_what_is_wrong_and_what_to_do(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    check_message(*MESSAGES[case])


def test_the_page_lists_every_message():
    assert missing_from_page("collector", MESSAGES) == []


def test_a_port_that_is_taken_is_named():
    with LocalCollector() as collector:
        port = int(collector.url.rpartition(":")[2])
        with pytest.raises(
            OSError, match=rf"no collector can listen on port {port} of 127\.0\.0\.1 \(.*port 0 takes"
        ):
            LocalCollector(port=port).start()


def test_a_collector_that_wants_a_token_says_where_it_is():
    with (
        LocalCollector() as collector,
        pytest.raises(CollectorError, match="the collector's token is needed"),
    ):
        CollectorClient(collector.url, "wrong").counts()


def test_an_event_that_did_not_come_is_told_with_what_came():
    with LocalCollector() as collector:
        with Tracker("shop", Emitter(collector.url, batch_size=1)) as tracker:
            tracker.track(PageView("https://acme.com", event_id="5d79770b-015b-4af8-8c91-b2ed6faf4b1e"))
        with pytest.raises(TimeoutError, match=r"1 of 2 good events came; in all 1 good and 0 bad"):
            collector.wait_for(2, timeout=0.2)
        with pytest.raises(ValueError, match=r"no event has a column 'event_idd'; did you mean 'event_id'\?"):
            collector.events(columns=["event_idd"])
        with pytest.raises(TypeError, match=r"columns must be a list, such as \['event_id', 'page_url'\]"):
            collector.events(columns="event_id")
        with pytest.raises(ValueError, match=r"x\.xlsx: the ending must be \.parquet, \.tsv"):
            collector.export("x.xlsx")
