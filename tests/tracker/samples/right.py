"""A program that uses the tracker as documented; mypy --strict has nothing to say about it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from nbtrack.template import col
from nbtrack.tracker import (
    ApplicationError,
    Emitter,
    EmitterConfiguration,
    Event,
    InMemoryEventStore,
    LinkClick,
    PagePing,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    Snowplow,
    StructuredEvent,
    Subject,
    Timing,
    Tracker,
    TrackerConfiguration,
    event_class,
)


class Own:
    """An emitter of one's own."""

    def input(self, payload: Mapping[str, str]) -> None:
        print(payload["e"])


def main() -> None:
    emitter = Emitter("localhost", protocol="http", batch_size=5, event_store=InMemoryEventStore())
    subject: Subject = Subject().set_platform("srv").set_user_id("alice").set_user_id(None)
    tracker = Tracker("ns", [emitter, Own()], subject, app_id="app", encode_base64=False, validate="warn")
    entity = SelfDescribingJson("iglu:com.acme/user/jsonschema/1-0-0", {"plan": "free"})
    event_id: str = tracker.track(PageView("https://acme.com", "title", true_timestamp=datetime.now(UTC)))
    tracker.track(PagePing("https://acme.com", min_x=0, context=[entity], event_id=event_id))
    tracker.track(StructuredEvent("shop", "add", value=2.5, event_subject=subject))
    tracker.track(SelfDescribing(entity, device_timestamp=1_769_817_600_000))
    tracker.track(LinkClick("https://acme.com", element_classes=["a"], context=[entity]))
    tracker.track(Timing("query", "load", 12.5, true_timestamp=1))
    tracker.track(ApplicationError.of(ValueError("x")))
    page = PageView(col("url"), event_subject=Subject().set_user_id(col("user").default("nobody")))
    page.page_title = None
    url: str = page.page_url
    tracker.add_global_context(entity).add_global_context(lambda event: [entity])
    tracker.add_global_context((lambda event: isinstance(event, PageView), entity))
    chained: Tracker = tracker.track_page_view(url, "title").track_struct_event("c", "a")
    made: type[Event] = event_class("iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0")
    kept: Tracker = Snowplow.create_tracker(
        "kept",
        "localhost",
        tracker_config=TrackerConfiguration(encode_base64=False),
        emitter_config=EmitterConfiguration(batch_size=2, custom_retry_codes={500: False}),
    )
    print(chained.flush().get_namespace(), made.__name__, kept.complete_payload(page)["eid"])


if __name__ == "__main__":
    main()
