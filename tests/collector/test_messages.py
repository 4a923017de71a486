"""Messages of the local collector: what is wrong, where, why, and what to do; the page lists them."""

import pytest

from nbtrack.collector import CollectorClient, CollectorError, LocalCollector
from nbtrack.delivery import Emitter
from nbtrack.tracker import PageView, Tracker
from tests.support.messages import Messages, message_tests

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
NOBODY = "http://127.0.0.1:9"


MESSAGES: Messages = {
    "a collector that has not started": (
        lambda: LocalCollector().events(),
        ConnectionError,
        "<LocalCollector not started>: call start() first, or use it in a with statement: with LocalCollector() as collector",
    ),
    "a folder of schemas that does not exist": (
        lambda: LocalCollector(iglu=["nowhere"]),
        FileNotFoundError,
        "iglu: no such folder: 'nowhere' (",
    ),
    "a folder instead of a list of folders": (
        lambda: LocalCollector(iglu="schemas"),
        TypeError,
        "iglu must be a list, such as ['schemas', 'https://iglu.acme.com'], got 'schemas'",
    ),
    "a database that cannot be a file": (
        lambda: LocalCollector(db="/"),
        ValueError,
        "db must be the path of a file in an existing folder, got '/'",
    ),
    "a port as a string": (
        lambda: LocalCollector(port="9090"),
        TypeError,
        "port must be an int of 0 or more, got '9090'",
    ),
    "a port out of range": (
        lambda: LocalCollector(port=70_000),
        ValueError,
        "port must be between 0 and 65535, got 70000",
    ),
    "a client without a URL": (
        lambda: CollectorClient("127.0.0.1:9090"),
        ValueError,
        "url must be a collector's URL such as http://127.0.0.1:9090, got '127.0.0.1:9090'",
    ),
    "a schema instead of a number": (
        lambda: LocalCollector().wait_for(TIMING),
        TypeError,
        "n must be an int of 0 or more, got 'iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0'",
    ),
    "a limit that is not a number": (
        lambda: LocalCollector().bad(limit="x"),
        TypeError,
        "limit must be an int of 0 or more, got 'x'",
    ),
    "a collector that does not run": (
        lambda: CollectorClient(NOBODY).counts(),
        ConnectionError,
        "cannot reach the collector at http://127.0.0.1:9 (",
    ),
}


test_a_message_says_what_is_wrong_and_what_to_do, test_the_page_lists_every_message = message_tests(
    "collector", MESSAGES
)


def test_a_port_that_is_taken_is_named():
    with LocalCollector() as collector:
        port = int(collector.url.rpartition(":")[2])
        with pytest.raises(
            OSError, match=rf"cannot listen on 127\.0\.0\.1:{port} \(.*port 0 takes any free one"
        ):
            LocalCollector(port=port).start()


def test_a_collector_that_requires_a_token_says_where_it_is():
    with (
        LocalCollector() as collector,
        pytest.raises(CollectorError, match="the collector's token is required"),
    ):
        CollectorClient(collector.url, "wrong").counts()


def test_messages_about_events_name_what_arrived_and_which_columns_exist():
    with LocalCollector() as collector:
        with Tracker("shop", Emitter(collector.url, batch_size=1)) as tracker:
            tracker.track(PageView("https://acme.com", event_id="5d79770b-015b-4af8-8c91-b2ed6faf4b1e"))
        with pytest.raises(TimeoutError, match=r"1 of 2 good events arrived; in all 1 good and 0 failed"):
            collector.wait_for(2, timeout=0.2)
        with pytest.raises(ValueError, match=r"no such column: 'event_idd'; did you mean 'event_id'\?"):
            collector.events(columns=["event_idd"])
        with pytest.raises(TypeError, match=r"columns must be a list, such as \['event_id', 'page_url'\]"):
            collector.events(columns="event_id")
        with pytest.raises(ValueError, match=r"x\.xlsx: the file must end in \.parquet, \.tsv"):
            collector.export("x.xlsx")
