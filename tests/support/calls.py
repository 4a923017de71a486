"""Calls that both trackers understand, as functions of the library and a tracker of it."""

from collections.abc import Callable
from datetime import date
from types import ModuleType
from typing import Any

URI = "iglu:com.acme/thing/jsonschema/1-0-0"
UUID = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"


def sdj(library: ModuleType, data: Any, name: str = "thing") -> Any:
    return library.SelfDescribingJson(f"iglu:com.acme/{name}/jsonschema/1-0-0", data)


def everything(library: ModuleType) -> Any:
    """Give a subject with all that the reference can set."""
    return (
        library.Subject()
        .set_platform("srv")
        .set_user_id("alice é")
        .set_screen_resolution(1920, 1080)
        .set_viewport(800, 600)
        .set_color_depth(24)
        .set_timezone("Europe/London")
        .set_lang("en")
        .set_domain_user_id("duid")
        .set_domain_session_id(UUID)
        .set_domain_session_index(3)
        .set_ip_address("127.0.0.1")
        .set_useragent("Mozilla/5.0 (X11)")
        .set_network_user_id("nuid & co")
    )


def event(kind: str, /, **arguments: Any) -> Callable[[ModuleType, Any], Any]:
    """Track an event of a class; arguments that are functions are called with the library."""

    def call(library: ModuleType, tracker: Any) -> None:
        values = {k: v(library) if callable(v) else v for k, v in arguments.items()}
        tracker.track(getattr(library, kind)(**values))

    return call


def method(name: str, /, *positional: Any, **arguments: Any) -> Callable[[ModuleType, Any], Any]:
    """Call a deprecated method of the tracker."""

    def call(library: ModuleType, tracker: Any) -> None:
        args = [v(library) if callable(v) else v for v in positional]
        named = {k: v(library) if callable(v) else v for k, v in arguments.items()}
        assert getattr(tracker, name)(*args, **named) is tracker

    return call


def contexts(library: ModuleType) -> Any:
    return [
        sdj(library, {"n": 1, "é": "☃ 😀", "nested": {"list": [1, 2.5, None, True]}}),
        sdj(library, [1], "list"),
    ]


def bare(library: ModuleType, tracker: Any) -> None:
    made = library.Event()
    made.payload.add("e", "pv")
    made.payload.add("url", "https://acme.com")
    tracker.track(made)


def set_later(library: ModuleType, tracker: Any) -> None:
    made = library.PagePing("https://acme.com/a")
    made.page_url, made.page_title, made.referrer = "https://acme.com/b", "title", "https://other.com"
    made.min_x, made.max_x, made.min_y, made.max_y = 0, 10, 0, 20
    made.context, made.true_timestamp = contexts(library), 1_399_021_242_030
    made.event_subject = library.Subject().set_platform("web").set_user_id("later")
    tracker.track(made)


ELEMENT = {"name": "city", "value": "Ghent", "nodeName": "INPUT", "type": "text"}
COMMON = {"context": contexts, "tstamp": 1_399_021_242_030, "event_subject": everything}
LISTED: dict[str, Callable[[ModuleType, Any], Any]] = {
    "bare event": bare,
    "set later": set_later,
    "event of a dict": event("Event", dict_={"e": "pv", "url": "https://acme.com", "uid": "own"}),
    "page view": event("PageView", page_url="https://acme.com/?q=a b&c=%20"),
    "page view in full": event(
        "PageView", page_url="https://acme.com", page_title="Tïtle ☃", referrer="https://other.com",
        context=contexts, true_timestamp=1_399_021_242_030, event_subject=everything,
    ),
    "page view, empty title": event("PageView", page_url="https://acme.com", page_title="", context=[]),
    "page ping": event("PagePing", page_url="https://acme.com", min_x=0, max_x=1, min_y=-2, max_y=3),
    "structured": event("StructuredEvent", category="shop", action="add", label="l", property_="p", value=2.72),
    "structured, zero": event("StructuredEvent", category="shop", action="add", value=0),
    "structured, false": event("StructuredEvent", category="shop", action="add", value=False),
    "self-describing": event("SelfDescribing", event_json=lambda m: sdj(m, {"a": [1, "é", 2**70, 1e300, -0.0]})),
    "self-describing, empty": event("SelfDescribing", event_json=lambda m: sdj(m, {})),
    "float time": event("PageView", page_url="u", true_timestamp=1.9),
    "screen view": event("ScreenView", id_=UUID, name="home"),
    "screen view in full": event(
        "ScreenView", id_=UUID, name="home", type="feed", previous_name="a", previous_id=UUID,
        previous_type="b", transition_type="push", context=contexts, event_subject=everything,
    ),
    "track_page_view": method("track_page_view", "https://acme.com", "t", "r", contexts, 5, everything),
    "track_page_ping": method("track_page_ping", "https://acme.com", "t", "r", 1, 2, 3, 4, contexts, 5, everything),
    "track_link_click": method("track_link_click", "https://a.com", "i", ["a", "b"], "_blank", "text", **COMMON),
    "track_link_click, short": method("track_link_click", "https://a.com"),
    "track_add_to_cart": method("track_add_to_cart", "sku", 2, "name", "cat", 9.99, "EUR", **COMMON),
    "track_remove_from_cart": method("track_remove_from_cart", "sku", 2, unit_price=0, **COMMON),
    "track_form_change": method("track_form_change", "f", "e", "INPUT", "v", "text", ["c"], **COMMON),
    "track_form_change, nulls": method("track_form_change", "f", None, "SELECT", None),
    "track_form_submit": method("track_form_submit", "f", ["c"], [ELEMENT], **COMMON),
    "track_form_submit, none": method("track_form_submit", "f", elements=[]),
    "track_site_search": method("track_site_search", ["a", "b"], {"f": True}, 10, 5, **COMMON),
    "track_ecommerce_transaction_item": method(
        "track_ecommerce_transaction_item", "o", "s", 9.99, 1, "n", "c", "EUR", **COMMON
    ),
    "track_ecommerce_transaction": method(
        "track_ecommerce_transaction", "o", 20.5, "aff", 1.5, 2, "Ghent", "EF", "BE", "EUR",
        lambda _: [{"sku": "s", "price": 10, "quantity": 2}, {"sku": "t", "price": 0.5, "quantity": 1, "name": "n"}],
        **COMMON,
    ),
    "track_ecommerce_transaction, no items": method("track_ecommerce_transaction", "o", 20),
    "track_screen_view": method("track_screen_view", "home", "id", **COMMON),
    "track_screen_view, empty": method("track_screen_view"),
    "track_mobile_screen_view": method("track_mobile_screen_view", "home", UUID, "t", "pn", UUID, "pt", "tt", **COMMON),
    "track_struct_event": method("track_struct_event", "c", "a", "l", "p", 3, **COMMON),
    "track_self_describing_event": method("track_self_describing_event", lambda m: sdj(m, {"a": 1}), **COMMON),
    "track_unstruct_event": method("track_unstruct_event", lambda m: sdj(m, {"a": 1}), **COMMON),
}  # fmt: skip


def dates(value: Any) -> Any:
    """Write dates in a way of one's own, as a `json_encoder`."""
    if isinstance(value, date):
        return {"day": value.toordinal()}
    raise TypeError(value)
