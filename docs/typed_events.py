"""Write the typed modules of the tracker for Snowplow's own schemas, with the generator that tracking plans use.

Run ``python docs/typed_events.py`` after a change of the generator or of these schemas; a test holds the modules to it.
Names are those of Snowplow's JavaScript tracker without ``track``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbtrack.plans import DataProduct, EventSpecification, Source, TrackingPlan, generate
from nbtrack.plans.generator import CONSTANT
from nbtrack.schemas import Registry, parse_uri

TRACKER = Path(__file__).resolve().parent.parent / "nbtrack" / "tracker"
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow"
NONE = DataProduct("", "")
"""These events belong to no tracking plan."""


def event(name: str, description: str, source: Source, *entities: Source) -> EventSpecification:
    """Return what the generator needs of an event."""
    return EventSpecification(name, name, description, NONE, source, entities)


def entity(uri: str, low: int | None = 0, high: int | None = 1) -> Source:
    """Return how many entities of a schema an event may have; one at most by default."""
    return Source(uri, None, low, high)


def list_ecommerce() -> Iterator[EventSpecification]:
    """Yield the ecommerce events: one schema, told apart by its type."""

    def named(schema: str) -> str:
        return f"{SNOWPLOW}.ecommerce/{schema}/jsonschema/1-0-0"

    product, cart, promotion = named("product"), named("cart"), named("promotion")
    everywhere = (entity(named("page")), entity(named("user")))
    for name, kind, description, *entities in (
        ("Product View", "product_view", "A product was viewed", entity(product, 1, 1)),
        ("Add To Cart", "add_to_cart", "Products were added to the cart", entity(product, 1, None), entity(cart, 1, 1)),
        ("Remove From Cart", "remove_from_cart", "Products were taken out of the cart", entity(product, 1, None), entity(cart, 1, 1)),
        ("Product List View", "list_view", "A list of products was viewed", entity(product, 1, None)),
        ("Product List Click", "list_click", "A product of a list was clicked", entity(product, 1, 1)),
        ("Promotion View", "promo_view", "A promotion was viewed", entity(promotion, 1, 1)),
        ("Promotion Click", "promo_click", "A promotion was clicked", entity(promotion, 1, 1)),
        ("Checkout Step", "checkout_step", "A step of the checkout was completed", entity(named("checkout_step"), 1, 1)),
        ("Transaction", "transaction", "A transaction was completed", entity(named("transaction"), 1, 1), entity(product, 0, None)),
        ("Refund", "refund", "A transaction was refunded", entity(named("refund"), 1, 1), entity(product, 0, None)),
        ("Transaction Error", "trns_error", "A transaction failed", entity(named("transaction_error"), 1, 1), entity(named("transaction"), 1, 1)),
    ):  # fmt: skip
        rule: dict[str, Any] = {"properties": {"type": {"enum": [kind], "type": "string", CONSTANT: kind}}}
        if not kind.startswith("list_"):
            rule["properties"]["name"] = {CONSTANT: None}
        action = Source(f"{SNOWPLOW}.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2", rule)
        yield event(name, description, action, *entities, *everywhere)


def list_media() -> Iterator[EventSpecification]:
    """Yield the media events, with a player each."""
    player = entity(f"{SNOWPLOW}/media_player/jsonschema/2-0-0", 1, 1)
    others = [entity(f"{SNOWPLOW}.media/{name}/jsonschema/1-0-0") for name in ("session", "ad", "ad_break")]
    for uri in Registry().uris():
        key = parse_uri(uri)
        if key.vendor == "com.snowplowanalytics.snowplow.media" and key.name.endswith("_event"):
            name = key.name.removesuffix("_event").replace("_", " ")
            yield event(f"Media {name.title()}", f"Media: {name}", Source(uri), player, *others)


def list_screens() -> Iterator[EventSpecification]:
    """Yield the events of screens and applications."""

    def named(schema: str) -> str:
        return f"iglu:com.snowplowanalytics.mobile/{schema}/jsonschema/1-0-0"

    screen, summary = entity(named("screen")), entity(named("screen_summary"))
    application = entity(named("application"))
    yield event("Screen View", "A screen was viewed", Source(named("screen_view")), application)
    yield event("Screen End", "A screen was left", Source(named("screen_end")), screen, summary, application)
    yield event(
        "List Item View", "An item of a list was seen", Source(named("list_item_view")), screen, application
    )
    yield event(
        "Scroll Changed", "A screen was scrolled", Source(named("scroll_changed")), screen, application
    )
    yield event(
        "Application Install",
        "The application was installed",
        Source(named("application_install")),
        application,
    )
    yield event(
        "Deep Link Received",
        "The application was opened by a link",
        Source(named("deep_link_received")),
        application,
    )
    yield event(
        "Message Notification",
        "A notification was received",
        Source(named("message_notification")),
        application,
    )


def list_agent() -> Iterator[EventSpecification]:
    """Yield the events of AI agents."""

    def named(schema: str) -> str:
        return f"iglu:com.snowplow.agent.tracking/{schema}/jsonschema/1-0-0"

    contexts = [entity(named(name)) for name in ("agent_context", "message_context", "tool_context")]
    for name in (
        "agent_invocation", "agent_step", "agent_completion", "agent_decision_logged", "tool_execution",
        "message_received", "message_sent", "user_intent_detected", "constraint_violation",
    ):  # fmt: skip
        words = name.replace("_", " ")
        yield event(words.title(), f"Agent: {words}", Source(named(name)), *contexts)


MODULES = {
    "ecommerce": (list_ecommerce, "Typed events and entities of Snowplow's ecommerce schemas."),
    "media": (list_media, "Typed events and entities of Snowplow's media schemas."),
    "screens": (list_screens, "Typed events and entities of Snowplow's screen and application schemas."),
    "agent": (list_agent, "Typed events and entities of Snowplow's schemas for AI agents."),
}


def write(name: str) -> str:
    """Return the source of one module."""
    specifications, title = MODULES[name]
    made = generate(TrackingPlan(tuple(specifications())), title=title)
    assert not made.problems, made.problems  # noqa: S101 - a tool of the house
    return made.text


if __name__ == "__main__":
    for module in MODULES:
        (TRACKER / f"{module}.py").write_text(write(module), encoding="utf-8")
