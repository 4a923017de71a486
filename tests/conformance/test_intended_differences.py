"""The reviewed list: where our payloads differ from the reference's on purpose, and which defect that mends.

The numbers are those of the list of the reference's defects that this project keeps. Nothing else may differ:
test_same_payloads.py holds that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from tests.support.calls import event, method, sdj


@dataclass
class Difference:
    defect: int
    what: str
    call: Callable[..., Any]
    look: Callable[[list[dict[str, Any]]], Any]
    theirs: Any
    mine: Any
    method: str = "post"


ITEM = {"sku": "s", "price": 1, "quantity": 1}


def twice(library, tracker):
    page = library.PageView("u")
    tracker.set_subject(library.Subject().set_user_id("alice")).track(page)
    tracker.set_subject(library.Subject()).track(page)


def platform(library, tracker):
    tracker.set_subject(library.Subject().set_platform("srv"))
    tracker.track(library.PageView("u", event_subject=library.Subject().set_user_id("bob")))


def cleared(library, tracker):
    page = library.PageView("u", page_title="old", referrer="r")
    page.page_title = None
    tracker.track(page)


def cleared_screen(library, tracker):
    screen = library.ScreenView("i", "n", type="feed")
    screen.type = None
    tracker.track(screen)


def own_context(library, tracker):
    items = [{**ITEM, "context": [sdj(library, {"n": 1})]}]
    tracker.track_ecommerce_transaction("o", 1, items=items)


REVIEWED = [
    Difference(
        17, "an event tracked twice carries nothing over from the first time", twice,
        lambda sent: [one.get("uid") for one in sent], ["alice", "alice"], ["alice", None],
    ),
    Difference(
        19, "a platform that nobody set does not override the tracker's", platform,
        lambda sent: sent[0]["p"], "pc", "srv",
    ),
    Difference(
        20, "NaN in data becomes null, not a token that JSON does not have",
        event("SelfDescribing", event_json=lambda m: sdj(m, {"a": float("nan"), "b": float("-inf")})),
        lambda sent: sent[0]["ue_pr"]["data"]["data"], {"a": "NaN", "b": "-Infinity"}, {"a": None, "b": None},
    ),
    Difference(
        20, "NaN as the value of a structured event is left out",
        event("StructuredEvent", category="c", action="a", value=float("nan")),
        lambda sent: sent[0].get("se_va"), "nan", None,
    ),
    Difference(
        21, "a numpy integer is a time",
        event("PageView", page_url="u", true_timestamp=np.int64(5)),
        lambda sent: sent[0].get("ttm"), None, "5",
    ),
    Difference(
        21, "a datetime is a time",
        event("PageView", page_url="u", true_timestamp=datetime(2026, 1, 31, tzinfo=UTC)),
        lambda sent: sent[0].get("ttm"), None, "1769817600000",
    ),
    Difference(23, "None clears a value", cleared, lambda sent: sent[0].get("page"), "old", None),
    Difference(
        23, "None clears a member of a screen view", cleared_screen,
        lambda sent: sent[0]["ue_pr"]["data"]["data"].get("type"), "feed", None,
    ),
    Difference(
        24, "items of an order have a true time only if the order has one",
        method("track_ecommerce_transaction", "o", 1, items=lambda _: [dict(ITEM)]),
        lambda sent: ["ttm" in one for one in sent], [False, True], [False, False],
    ),
    Difference(
        24, "an item's own entities are sent", own_context,
        lambda sent: ["co" in one for one in sent], [False, False], [False, True],
    ),
    Difference(
        24, "an item's own currency is sent",
        method("track_ecommerce_transaction", "o", 1, currency="EUR", items=lambda _: [{**ITEM, "currency": "USD"}]),
        lambda sent: sent[1]["ti_cu"], "EUR", "USD",
    ),
    Difference(
        25, "a list in a flat value is JSON, not Python",
        event("Event", dict_={"e": "pv", "url": ["a", None]}),
        lambda sent: sent[0]["url"], "['a', None]", '["a",null]',
    ),
    Difference(
        25, "an integral float in a field of integers is an integer, which pipelines read",
        event("PageView", page_url="u", event_subject=lambda m: m.Subject().set_domain_session_index(3.0)),
        lambda sent: sent[0]["vid"], "3.0", "3",
    ),
    Difference(
        25, "None in a bare event is left out, not sent as a word",
        event("Event", dict_={"e": "pv", "url": "u", "page": None, "refr": ""}),
        lambda sent: [sent[0].get("page"), sent[0].get("refr")], ["None", ""], [None, None],
    ),
    Difference(
        29, "the type of a form's element is written as the schema spells it",
        method("track_form_change", "f", "e", "INPUT", "v", "TEXT"),
        lambda sent: sent[0]["ue_pr"]["data"]["data"]["type"], "TEXT", "text",
    ),
]  # fmt: skip


@pytest.mark.parametrize("difference", REVIEWED, ids=lambda one: f"{one.defect}: {one.what}")
def test_an_intended_difference_is_as_reviewed(pair, difference):
    theirs, mine = pair.both(difference.call, difference.method)
    assert difference.look(theirs) == difference.theirs
    assert difference.look(mine) == difference.mine
