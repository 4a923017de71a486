"""Messages of events and trackers: each says what is wrong, where, why, and what to do; the page lists them."""

import warnings

from nbtrack import col
from nbtrack.delivery import Emitter
from nbtrack.tracker import (
    EmitterConfiguration,
    FormSubmit,
    InvalidEvent,
    InvalidEventWarning,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    Snowplow,
    StructuredEvent,
    Subject,
    Tracker,
)
from tests.support.messages import Messages, message_tests

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
UUID = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"
NOBODY = "http://127.0.0.1:9"
EVENT = StructuredEvent("shop", "buy", label=col("order_id"))


def track_strictly(event_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        event = PageView("https://acme.com", event_id=event_id)
    Tracker("shop", Emitter(NOBODY), validate="raise").track(event)


MESSAGES: Messages = {
    "a tracker's name in place of a tracker": (
        lambda: Snowplow.remove_tracker("shop"),
        TypeError,
        "remove_tracker takes a tracker, got 'shop'; use remove_tracker_by_namespace for a name",
    ),
    "a schema's name that is not a URI": (
        lambda: SelfDescribingJson("com.acme/purchase", {}),
        InvalidEventWarning,
        "schema must be an Iglu URI such as iglu:com.acme/purchase/jsonschema/1-0-0, got 'com.acme/purchase'; a pipeline",
    ),
    "a required string that is empty": (
        lambda: PageView(""),
        ValueError,
        "page_url must not be empty, got ''",
    ),
    "an invalid time": (
        lambda: PageView("https://acme.com", true_timestamp="noon"),
        ValueError,
        "true_timestamp is not allowed: not a time in ISO 8601: 'noon'",
    ),
    "a payload in place of an event": (
        lambda: Tracker("shop", Emitter(NOBODY)).track({"e": "pv"}),
        TypeError,
        "track takes an event, such as PageView(…), got {'e': 'pv'}",
    ),
    "a tracker without an emitter": (
        lambda: Tracker("shop", []),
        ValueError,
        "emitters must not be empty: a tracker needs at least one",
    ),
    "arguments of snowplow-tracker 0.x": (
        lambda: Tracker(Emitter(NOBODY), namespace="shop"),
        TypeError,
        "the first argument must be the namespace, a str: Tracker('my-namespace', emitters)",
    ),
    "a string in place of an emitter": (
        lambda: Tracker("shop", "sp.acme.com"),
        ValueError,
        "emitters must be an emitter or a list of emitters, such as Emitter(…), got 'sp.acme.com'",
    ),
    "a class in place of an emitter": (
        lambda: Tracker("shop", Emitter),
        ValueError,
        "emitters must be an emitter or a list of emitters, such as Emitter(…), got <class ",
    ),
    "a string in place of another emitter": (
        lambda: Tracker("shop", Emitter(NOBODY)).add_emitter("sp.acme.com"),
        ValueError,
        "emitter must be an emitter, such as Emitter(…), got 'sp.acme.com'",
    ),
    "a name in place of a tracker's subject": (
        lambda: Tracker("shop", Emitter(NOBODY), "me"),
        ValueError,
        "subject must be a Subject, such as Subject(), got 'me'",
    ),
    "a name in place of an event's subject": (
        lambda: PageView("https://acme.com", event_subject="me"),
        ValueError,
        "event_subject must be a Subject, such as Subject(), got 'me'",
    ),
    "a folder in place of a tracker's registry": (
        lambda: Tracker("shop", Emitter(NOBODY), registry="schemas"),
        ValueError,
        "registry must be a Registry, such as Registry(['schemas']), got 'schemas'",
    ),
    "an encoder that cannot be called": (
        lambda: Tracker("shop", Emitter(NOBODY), json_encoder="default"),
        ValueError,
        "json_encoder must be a function, got 'default'",
    ),
    "a string in place of an entity for every event": (
        lambda: Tracker("shop", Emitter(NOBODY)).add_global_context(TIMING),
        ValueError,
        "must be a SelfDescribingJson, a function that returns some, or a pair (filter, either), got",
    ),
    "a dict in place of a configuration": (
        lambda: Snowplow.create_tracker("shop", NOBODY, emitter_config={"batch_size": 3}),
        TypeError,
        "emitter_config must be EmitterConfiguration(…), got {'batch_size': 3}",
    ),
    "data and schema swapped": (
        lambda: SelfDescribingJson({"timing": 3}, TIMING),
        ValueError,
        "schema must be a str, got {'timing': 3}",
    ),
    "an entity that is not in a list": (
        lambda: PageView("https://acme.com", context=SelfDescribingJson(TIMING, {})),
        ValueError,
        "context must be a list of SelfDescribingJson, got SelfDescribingJson(",
    ),
    "a dict in place of self-describing JSON": (
        lambda: SelfDescribing({"schema": TIMING, "data": {}}),
        ValueError,
        "event_json must be a SelfDescribingJson, got {'schema': ",
    ),
    "an invalid event id": (
        lambda: PageView("https://acme.com", event_id="1"),
        InvalidEventWarning,
        "event_id: UUID expected, got '1'; a pipeline will fail the event (validate='raise' makes this an error)",
    ),
    "the same with validate='raise'": (
        lambda: track_strictly("1"),
        InvalidEvent,
        "eid: UUID expected, got '1'",
    ),
    "a list in place of one value": (
        lambda: Subject().set_user_id(["alice"]),
        InvalidEventWarning,
        "user_id: one value expected, got ['alice']; it is sent as JSON",
    ),
    "a string that is too long": (
        lambda: StructuredEvent("shop" * 300, "buy"),
        InvalidEventWarning,
        "category: at most 1,000 characters expected, got 'shopshop",
    ),
    "an invalid platform": (
        lambda: Subject().set_platform("toaster"),
        ValueError,
        "value must be one of app, cnsl,",
    ),
    "an invalid form element": (
        lambda: FormSubmit("signup", elements=[{"name": "plan"}]),
        ValueError,
        "elements must be a dict with name, value, a nodeName of HTML",
    ),
    "a plugin that does nothing": (
        lambda: Tracker("shop", Emitter(NOBODY)).add_plugin(print),
        ValueError,
        "plugin must be an object with before_track or after_track, got",
    ),
    "a value without a JSON form": (
        lambda: Tracker("shop", Emitter(NOBODY)).track(
            SelfDescribing(SelfDescribingJson(TIMING, {"timing": object()}))
        ),
        TypeError,
        "timing is a object, which has no JSON form; convert it, or pass a json_encoder",
    ),
    "a placeholder in a tracked event": (
        lambda: Tracker("shop", Emitter(NOBODY)).track(EVENT),
        TypeError,
        "se_la is col('order_id'), a placeholder for a column, which has no value here: pass the event to",
    ),
    "a name of snowplow-tracker's early days": (
        lambda: Tracker("shop", Emitter(NOBODY)).addEmitter,
        AttributeError,
        "Tracker has no addEmitter: use add_emitter",
    ),
    "a name that a tracker has already": (
        lambda: [Snowplow.add_tracker(Tracker("twice", Emitter(NOBODY))) for _ in "ab"],
        TypeError,
        "Tracker with this namespace already exists: 'twice'; use Snowplow.get_tracker to get it",
    ),
    "a negative number in a configuration": (
        lambda: EmitterConfiguration(batch_size=-1),
        ValueError,
        "batch_size must be at least 0, got -1",
    ),
}


test_a_message_says_what_is_wrong_and_what_to_do, test_the_page_lists_every_message = message_tests(
    "tracker", MESSAGES
)
