"""Webhooks: Iglu's, in each of its forms, and those that a team's own package unpacks."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from nbtrack.collector.events import adapters
from nbtrack.schemas import Registry
from tests.support.collector import JSON, self_describing

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
IGLU = "/com.snowplowanalytics.iglu/v1"
FORM = "application/x-www-form-urlencoded"


def test_iglus_webhook_takes_a_form(send):
    body = b"category=a&variable=b&label=a+label"
    assert send(f"{IGLU}?schema={TIMING}", body, "POST", Content_Type=f"{FORM}; charset=utf-8").status == 200
    assert send.collector.bad()["path"].tolist() == ["$.timing"]  # required, and a form's values are strings
    (payload,) = send.collector.payloads(good=False)
    document = json.loads(payload["ue_pr"])["data"]
    assert document == {"schema": TIMING, "data": {"category": "a", "variable": "b", "label": "a label"}}


def test_a_form_may_name_its_schema_and_what_is_common_to_events(send):
    send(IGLU, f"schema={TIMING}&aid=shop&category=a".encode(), "POST", Content_Type=FORM)
    (payload,) = send.collector.payloads(good=False)
    assert payload["aid"] == "shop"
    assert json.loads(payload["ue_pr"])["data"]["data"] == {"category": "a"}


def unpack_orders(request):
    """A team's adapter: an event for each order of a shop's webhook."""
    for order in json.loads(request.body)["orders"]:
        if order == "explode":
            raise ValueError("an order is not an object")
        yield self_describing(TIMING, order)


@pytest.fixture
def own_webhook(monkeypatch):
    point = EntryPoint(
        "com.acme/orders", "tests.collector.test_webhooks:unpack_orders", adapters.ENTRY_POINTS
    )
    monkeypatch.setattr(EntryPoint, "load", lambda _point: unpack_orders)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [point])
    adapters.own_adapters.cache_clear()
    yield
    adapters.own_adapters.cache_clear()


def request(body):
    return adapters.Request(1, "POST", "com.acme", "orders", content_type=JSON, body=body)


def test_a_package_may_unpack_webhooks_of_its_own(own_webhook):
    good = {"category": "a", "variable": "b", "timing": 1}
    unpacked = adapters.unpack(request(json.dumps({"orders": [good, good]}).encode()), Registry())
    assert [json.loads(event["ue_pr"])["data"]["data"] for event in unpacked.events] == [good, good]


@pytest.mark.parametrize("body", [b"{", b'{"orders": ["explode"]}'])
def test_an_adapter_that_raises_fails_the_request(own_webhook, body):
    with pytest.raises(adapters.RequestRejected) as caught:
        adapters.unpack(request(body), Registry())
    assert caught.value.failure.kind == "adapter_failures"


def test_the_collectors_process_loads_nothing_heavy():
    program = (
        "import sys, nbtrack.collector.server.main;"
        "print([name for name in ('pandas', 'duckdb', 'pyarrow', 'numpy') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "[]"
