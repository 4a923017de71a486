"""Wrong uses, each with the code of mypy's error at the end of its line."""

from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson, StructuredEvent, Subject, Tracker


def main(tracker: Tracker) -> None:
    tracker.track("page view")  # arg-type
    tracker.track(SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {}))  # arg-type
    PageView(3)  # arg-type
    PageView("u", tstamp=1)  # call-arg
    PageView()  # call-arg
    PageView("u", context=3)  # arg-type
    StructuredEvent("c", "a", value="much")  # arg-type
    SelfDescribing({"schema": "x", "data": {}})  # arg-type
    Subject().set_platform("toaster")  # arg-type
    Subject().set_user_agent("x")  # attr-defined
    Subject().set_lang(5)  # arg-type
    Tracker("ns", object())  # arg-type
    Tracker("ns", [], validate="maybe")  # arg-type
    tracker.track_page_view(page_title="t")  # call-arg
    tracker.track_struct_event("c", "a", value="much")  # arg-type
    number: int = tracker.track(PageView("u"))  # assignment
    print(number)
