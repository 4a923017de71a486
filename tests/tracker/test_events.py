"""Events as classes: setters, Snowplow's typical ones, and those made from a schema."""

import inspect
import json
import warnings
from pathlib import Path

import pytest

import nbtrack.tracker as tracking
from nbtrack.schemas import Registry, SchemaNotFound
from nbtrack.template import col
from nbtrack.tracker import (
    ApplicationError,
    Event,
    InvalidEventWarning,
    PagePing,
    ScreenView,
    SelfDescribing,
    Timing,
    Tracker,
    event_class,
)
from tests.support.calls import LISTED
from tests.support.recorder import decoded
from tests.support.tools import require

UUID = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"
EXAMPLES = {
    "PageView": {"page_url": "u"},
    "PagePing": {"page_url": "u", "min_x": 1},
    "StructuredEvent": {"category": "c", "action": "a", "value": 1.5},
    "ScreenView": {"id_": UUID, "name": "n", "type": "t"},
    "LinkClick": {"target_url": "https://acme.com", "element_classes": ["a"]},
    "AddToCart": {"sku": "s", "quantity": 1, "unit_price": 9.5},
    "RemoveFromCart": {"sku": "s", "quantity": 1},
    "FormChange": {"form_id": "f", "element_id": "e", "node_name": "INPUT", "value": None, "type_": "text"},
    "FormSubmit": {"form_id": "f", "elements": [{"name": "n", "value": "v", "nodeName": "INPUT"}]},
    "SiteSearch": {"terms": ["a"], "filters": {"b": True}, "total_results": 3},
    "Timing": {"category": "c", "variable": "v", "timing": 12.5},
    "ApplicationError": {"message": "m", "exception_name": "KeyError", "is_fatal": False},
    "Transaction": {"order_id": "o", "total_value": 10, "currency": "EUR"},
    "TransactionItem": {"order_id": "o", "sku": "s", "price": 1.5, "quantity": 2},
}
# calls without content, which send what the schemas refuse; the reference sends the same
NULLS = {"track_form_change, nulls", "track_screen_view, empty"}


class Receiver:
    def __init__(self):
        self.got = []

    def input(self, payload):
        self.got.append(payload)


def test_every_event_class_has_an_example():
    classes = {
        name
        for name in tracking.__all__
        if inspect.isclass(thing := getattr(tracking, name)) and issubclass(thing, Event)
    }
    assert classes == EXAMPLES.keys() | {"Event", "SelfDescribing"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_event_reads_back_what_it_was_given(name):
    event = getattr(tracking, name)(**EXAMPLES[name])
    for attribute, value in EXAMPLES[name].items():
        assert getattr(event, attribute) == value


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_argument_of_an_event_takes_a_placeholder(name):
    for attribute in EXAMPLES[name]:
        event = getattr(tracking, name)(**{**EXAMPLES[name], attribute: col("x")})
        with pytest.raises(TypeError, match="backfill"):
            Tracker("ns", Receiver()).track(event)
        filled = event.substitute({"x": EXAMPLES[name][attribute]})
        assert getattr(filled, attribute) == EXAMPLES[name][attribute]


@pytest.mark.iglu
@pytest.mark.parametrize("base64", [True, False])
def test_every_payload_fits_iglu_centrals_schemas(base64):
    registry = Registry([Path(require("iglu")).parent, require("iglu")], builtin=False)
    receiver = Receiver()
    tracker = Tracker("ns", receiver, app_id="app", encode_base64=base64)
    for name, values in EXAMPLES.items():
        tracker.track(getattr(tracking, name)(**values, true_timestamp=1, event_id=UUID))
    tracker.track(ApplicationError.of(ValueError("x" * 5000)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # once for each line: whichever test comes first to a value that a pipeline fails sees it
        warnings.simplefilter("ignore", InvalidEventWarning)
        for name in LISTED.keys() - NULLS:
            LISTED[name](tracking, tracker)
    assert len(receiver.got) > 45
    payload_data = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    assert registry.faults(payload_data, receiver.got) == []
    for payload in receiver.got:
        for key in payload.keys() & {"ue_px", "ue_pr", "cx", "co"}:
            envelope = decoded(key, payload[key])
            assert registry.faults(envelope["schema"], envelope["data"]) == []
            inner = [envelope["data"]] if key.startswith("ue") else envelope["data"]
            for one in inner:
                if "com.acme" not in one["schema"]:
                    assert registry.faults(one["schema"], one["data"]) == [], one


def test_setters_check_and_clear():
    ping = PagePing("u", min_x=1)
    ping.min_x = None
    assert "pp_mix" not in ping.payload
    with pytest.raises(ValueError, match="page_url must not be empty"):
        ping.page_url = ""
    with pytest.warns(InvalidEventWarning, match="min_y: integer of 32 bits expected, got 'far'"):
        ping.min_y = "far"
    screen = ScreenView(UUID, "n", type="feed")
    assert screen.screen_view_properties == {"id": UUID, "name": "n", "type": "feed"}
    with pytest.raises(ValueError, match="name must be a str, got None"):
        screen.name = None


def test_an_exception_becomes_an_event_within_the_schemas_limits():
    with pytest.raises(KeyError) as caught:
        {}["price" * 2000]
    data = ApplicationError.of(caught.value, is_fatal=True).event_json.data
    told = (data["exceptionName"], data["programmingLanguage"], data["isFatal"])
    assert told == ("KeyError", "PYTHON", True)
    assert len(data["message"]) == 2048
    assert len(data["stackTrace"]) == 8192
    assert data["stackTrace"].endswith("price'\n")


SCHEMA = {
    "self": {"vendor": "com.acme", "name": "order_placed", "format": "jsonschema", "version": "1-0-0"},
    "description": "An order was placed.",
    "type": "object",
    "properties": {
        "orderId": {"type": "string", "description": "The order."},
        "class": {"type": ["string", "null"]},
        "payload": {"type": "object"},
        "itemCount": {"type": "integer", "minimum": 1},
    },
    "required": ["orderId"],
    "additionalProperties": False,
}
ORDER = "iglu:com.acme/order_placed/jsonschema/1-0-0"


@pytest.fixture
def registry():
    registry = Registry()
    registry.register(SCHEMA)
    return registry


def test_a_class_is_made_of_a_schema(registry):
    made = event_class(ORDER, registry)
    assert issubclass(made, SelfDescribing)
    assert made.__name__ == "OrderPlaced"
    assert "order_id : string\n    The order." in made.__doc__
    names = list(inspect.signature(made).parameters)
    assert names[:4] == ["order_id", "class_", "payload_", "item_count"]
    assert made.__annotations__ == {
        "order_id": str,
        "class_": str | None,
        "payload_": dict | None,
        "item_count": int | None,
    }
    event = made(order_id="o", item_count=2, true_timestamp=1)
    assert event.event_json.to_json() == {"schema": ORDER, "data": {"orderId": "o", "itemCount": 2}}
    event.item_count = 3
    assert (event.item_count, event.true_timestamp) == (3, 1)
    assert json.loads(event.build_payload(False, None)["ue_pr"])["data"]["data"]["itemCount"] == 3


def test_a_made_class_checks_names_values_and_what_is_missing(registry):
    made = event_class(ORDER, registry)
    with pytest.raises(TypeError, match="order_id"):
        made()
    with pytest.raises(TypeError, match="orderid"):
        made(order_id="o", orderid="o")
    with pytest.raises(ValueError, match=r"OrderPlaced: \$\.itemCount"):
        made(order_id="o", item_count=0)


def test_a_made_class_is_a_template_too(registry):
    made = event_class(ORDER, registry)
    template = made(order_id=col("id"), item_count=col("n"))
    assert template.substitute({"id": "o", "n": 2}).event_json.data == {"orderId": "o", "itemCount": 2}


def test_a_class_needs_a_schema_with_properties(registry):
    with pytest.raises(SchemaNotFound):
        event_class("iglu:com.acme/nothing/jsonschema/1-0-0", registry)
    registry.register({"self": {**SCHEMA["self"], "name": "empty"}, "type": "object"})
    with pytest.raises(ValueError, match="no properties"):
        event_class("iglu:com.acme/empty/jsonschema/1-0-0", registry)


def test_a_time_taken_is_an_event():
    assert Timing("query", "load", 3).event_json.data == {
        "category": "query",
        "variable": "load",
        "timing": 3,
    }
