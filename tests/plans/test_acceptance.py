"""The plan of a bookshop: what its classes send, and what is found in events that do not match it."""

import importlib.util
import inspect
import itertools
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nbtrack.plans import PlanChecks, TrackingPlan, generate, read_tracking_plan
from nbtrack.schemas import Registry
from nbtrack.tracker import InvalidEvent, Tracker
from tests.support.tracking_plans import (
    BASKET_ITEM_ADDED,
    SHOP,
    SPECIFICATION,
    product,
    specification,
    structure,
    write_plan,
)

_numbers = itertools.count()
BASKET = "iglu:com.example.shop/basket_change/jsonschema/1-1-0"
BOOK = "iglu:com.example.shop/book/jsonschema/1-0-0"
READER = "iglu:com.example.shop/reader/jsonschema/2-0-0"


def load(plan: TrackingPlan, folder: Path) -> Any:
    """Import the module that is generated for a plan."""
    path = folder / f"tracking_{next(_numbers)}.py"
    path.write_text(generate(plan).text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


class Receiver:
    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []

    def input(self, payload: dict[str, Any]) -> None:
        self.payloads.append(payload)

    @property
    def entities(self) -> list[dict[str, Any]]:
        return list(json.loads(self.payloads[-1]["co"])["data"])

    @property
    def data(self) -> Any:
        return json.loads(self.payloads[-1]["ue_pr"])["data"]["data"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load(read_tracking_plan(SHOP), tmp_path_factory.mktemp("module"))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def tracker(receiver: Receiver) -> Tracker:
    return Tracker("docs", receiver, encode_base64=False, validate="raise", tracking_plan=SHOP)


def added(shop: Any, *books: Any, **more: Any) -> Any:
    given = {"action": "add", "quantity": 2, "currency": "EUR", **more}
    return shop.BasketItemAdded(**given, context=list(books) or [shop.Book(isbn="9", format="paper")])


def findings(tracker: Tracker, event: Any) -> list[tuple[str, str, str]]:
    try:
        tracker.track(event)
    except InvalidEvent as error:
        return [(uri, getattr(fault, "path", ""), str(fault)) for uri, fault in error.faults]
    return []


def test_01_an_event_carries_its_data_its_entities_and_its_specification(
    shop: Any, tracker: Tracker, receiver: Receiver
) -> None:
    event = added(shop)
    for _ in range(2):
        tracker.track(event)
        assert receiver.data == {"action": "add", "quantity": 2, "currency": "EUR"}
        assert receiver.entities == [
            {"schema": BOOK, "data": {"isbn": "9", "format": "paper"}},
            {
                "schema": SPECIFICATION,
                "data": {
                    "id": BASKET_ITEM_ADDED,
                    "version": 4,
                    "name": "Basket Item Added",
                    "data_product_id": "5d0c2f5e-6f0b-4a64-9d0e-2f7f0c1b9a10",
                    "data_product_name": "Bookshop Checkout",
                    "data_product_domain": "Sales",
                },
            },
        ]


def test_entities_by_their_own_arguments_are_the_same(
    shop: Any, tracker: Tracker, receiver: Receiver
) -> None:
    books = [shop.BasketItemAddedBook(isbn=number, format="ebook") for number in "12"]
    event = shop.BasketItemAdded(
        action="add", quantity=2, currency="EUR", book=(books[0], books[1]), reader=shop.Reader(level=3)
    )
    tracker.track(event)
    assert [entity["data"] for entity in receiver.entities[:3]] == [
        {"isbn": "1", "format": "ebook"}, {"isbn": "2", "format": "ebook"}, {"level": 3}
    ]  # fmt: skip
    assert receiver.entities[3]["schema"] == SPECIFICATION


def test_02_without_a_lock_file_and_a_domain_their_keys_are_left_out(tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    shutil.copytree(SHOP, plan)
    (plan / ".snowtype-lock.json").unlink()
    file = plan / "data-products" / "checkout.yaml"
    file.write_text(file.read_text().replace("    domain: Sales\n", ""))
    data = load(read_tracking_plan(plan), tmp_path).BasketItemAdded.specification.data
    assert data.keys() == {"id", "name", "data_product_id", "data_product_name"}
    assert Registry().faults(SPECIFICATION, data) == []


def test_03_odd_properties_have_arguments_and_keep_their_keys(tmp_path: Path, receiver: Receiver) -> None:
    schema = {"properties": {key: {"type": "string"} for key in ("class", "smtp-id", "context")}}
    plan = write_plan(tmp_path / "plan", [structure("odd", schema)])
    module = load(read_tracking_plan(plan), tmp_path)
    entity = module.SelfDescribingJson("iglu:com.example/e/jsonschema/1-0-0", {})
    Tracker("docs", receiver, encode_base64=False).track(
        module.Odd(class_="a", smtp_id="b", context_="c", context=[entity])
    )
    assert receiver.data == {"class": "a", "smtp-id": "b", "context": "c"}
    assert [one["schema"] for one in receiver.entities] == [entity.schema]


def test_04_what_is_required_and_nullable_is_given_and_may_be_null(tmp_path: Path) -> None:
    properties = {
        "isbn": {"type": "string"},
        "subtitle": {"type": ["string", "null"]},
        "class": {"type": "string"},
    }
    schema = {"properties": properties, "required": ["isbn", "subtitle"], "additionalProperties": False}
    plan = write_plan(tmp_path / "plan", [structure("book", schema, kind="entity")])
    book = load(read_tracking_plan(plan), tmp_path).Book
    assert book(isbn="9", subtitle=None).data == {"isbn": "9", "subtitle": None}
    with pytest.raises(TypeError, match="subtitle"):
        book(isbn="9")
    assert "class" not in book(isbn="9", subtitle="x", class_=None).data


def test_05_types_and_docstring_are_those_of_the_rule(shop: Any) -> None:
    parameters = inspect.signature(shop.BasketItemAdded.__init__).parameters
    shown = {name: str(parameter.annotation).replace("typing.", "") for name, parameter in parameters.items()}
    assert shown["currency"] == "Literal['EUR']"
    assert shown["quantity"] == "<class 'int'>"
    assert shown["class_"] == "str | None"
    assert parameters["class_"].default is None
    documentation = inspect.getdoc(shop.BasketItemAdded) or ""
    for words in (
        "A book was put into the basket.", 'Trigger: Press of "Add to basket" (shop-web).', f"Schema: {BASKET}",
        f"Event specification {BASKET_ITEM_ADDED}, version 4", f"Entities: 1 to 3 BasketItemAddedBook ({BOOK})",
        f"Entities: at most 1 Reader ({READER})", "Always the shop's currency.", "At most 32 characters.",
    ):  # fmt: skip
        assert words in documentation


def test_06_a_property_that_the_rule_does_not_name_is_fine(shop: Any, tracker: Tracker) -> None:
    assert findings(tracker, added(shop, class_="gift")) == []


def test_07_a_value_that_the_rule_refuses_is_found(shop: Any, tracker: Tracker) -> None:
    [(uri, path, _)] = findings(tracker, added(shop, currency="USD"))
    assert (uri, path) == (BASKET, "$.currency")


def test_08_entities_are_counted(shop: Any, tracker: Tracker) -> None:
    book = shop.Book(isbn="9", format="paper")
    assert findings(tracker, added(shop, shop.Reader())) == [
        (BOOK, "", f"Entity {BOOK}: expected at least 1, found 0")
    ]
    assert findings(tracker, added(shop, *[book] * 4)) == [
        (BOOK, "", f"Entity {BOOK}: expected at most 3, found 4")
    ]
    assert findings(tracker, added(shop, book)) == []


def test_09_each_entity_is_checked_and_findings_have_their_order(shop: Any, tracker: Tracker) -> None:
    books = [shop.Book(isbn="9", format=kind) for kind in ("paper", "audio")]
    assert [one[:2] for one in findings(tracker, added(shop, *books))] == [(BOOK, "$.format")]
    event = added(shop, shop.Reader(), shop.Reader(), action="remove", quantity=0)
    del event.event_json.data["currency"]
    found = findings(tracker, event)
    assert [uri for uri, *_ in found] == [BASKET, BASKET, BASKET, BOOK, READER]
    assert {path for _, path, _ in found[:3]} == {"$", "$.action", "$.quantity"}


def test_10_another_version_of_a_schema_is_another_schema() -> None:
    checks = PlanChecks(read_tracking_plan(SHOP))
    named = (SPECIFICATION, {"id": BASKET_ITEM_ADDED, "version": 4})
    event = (BASKET, {"action": "add", "quantity": 1, "currency": "EUR"})
    other = BOOK.replace("1-0-0", "1-0-1")
    [finding] = checks.check(event, [(other, {"isbn": "9", "format": "paper"}), named])
    assert finding.to_json() == {"message": f"Entity {BOOK}: expected at least 1, found 0", "schema": BOOK}


@pytest.mark.parametrize(
    ("named", "messages"),
    [
        (
            {"id": BASKET_ITEM_ADDED, "version": 99},
            [f"Event spec not found: id={BASKET_ITEM_ADDED}, version=99"],
        ),
        ({"id": "0" * 8, "version": 4}, ["Event spec not found: id=00000000, version=4"]),
        ({"id": BASKET_ITEM_ADDED}, [f"Entity {BOOK}: expected at least 1, found 0"]),
        ({"id": BASKET_ITEM_ADDED.upper(), "version": 4}, [f"Entity {BOOK}: expected at least 1, found 0"]),
        ({"version": 4}, []),
        ([], []),
    ],
)
def test_11_specifications_are_found_by_id_and_version(named: Any, messages: list[str]) -> None:
    event = (BASKET, {"action": "add", "quantity": 1, "currency": "EUR"})
    found = PlanChecks(read_tracking_plan(SHOP)).check(
        event, [(SPECIFICATION.replace("1-0-4", "1-0-0"), named)]
    )
    assert [finding.message for finding in found] == messages
    assert PlanChecks(read_tracking_plan(SHOP)).check(event, []) == []


def test_12_names_that_clash_are_told_apart_and_what_is_missing_has_no_class(tmp_path: Path) -> None:
    schema = {"properties": {"quantity": {"type": "integer"}}}
    known = structure("basket_change", schema, version="1-1-0")
    uri = "iglu:com.example/basket_change/jsonschema/1-1-0"
    wrong = {"type": "object", "properties": {"quantity": {"type": "string"}}}
    absent = {"type": "object", "properties": {"colour": {"type": "string"}}}
    resources = [
        known,
        product([specification("Basket Item Added", uri, salt="1")], "Checkout"),
        product([specification("Basket Item Added", uri, salt="2")], "Returns"),
        product(
            [
                specification("Old", uri.replace("1-1-0", "1-0-0")),
                specification("Wrong", uri, rule=wrong),
                specification("Absent", uri, rule=absent),
                specification("Unfinished", None),
            ],
            "Others",
        ),
    ]
    made = generate(read_tracking_plan(write_plan(tmp_path / "plan", resources)))
    assert "class BasketItemAddedCheckout(" in made.text
    assert "class BasketItemAddedReturns(" in made.text
    problems = "\n".join(made.problems)
    assert len(made.problems) == 4
    assert (
        "pins iglu:com.example/basket_change/jsonschema/1-0-0, which is not there (the plan has version 1-1-0)"
        in problems
    )
    assert "'Wrong'" in problems
    assert "property 'quantity': the rule's type 'string' is not the schema's, 'integer'" in problems
    assert "property 'colour': the schema has no such property" in problems
    assert "'Unfinished'" in problems
    assert all(f"class {name}(" not in made.text for name in ("Old", "Wrong", "Absent", "Unfinished"))
    assert any("BasketItemAdded is taken" in note for note in made.notes)


def test_a_plan_that_nothing_checks_is_refused(receiver: Receiver) -> None:
    with pytest.raises(ValueError, match="tracking_plan is checked with validate='warn' or validate='raise'"):
        Tracker("docs", receiver, tracking_plan=SHOP)


def test_a_page_view_can_have_a_specification(tmp_path: Path, receiver: Receiver) -> None:
    page_view = "iglu:com.snowplowanalytics.snowplow/page_view/jsonschema/1-0-0"
    rule = {
        "type": "object",
        "properties": {"page_title": {"type": "string"}, "page_urlhost": {"enum": ["acme.com"]}},
    }
    plan = read_tracking_plan(
        write_plan(tmp_path / "plan", [product([specification("Home seen", page_view, rule=rule)])])
    )
    seen = load(plan, tmp_path).HomeSeen
    tracker = Tracker("docs", receiver, encode_base64=False, validate="raise", tracking_plan=plan)
    assert findings(tracker, seen(page_url="https://acme.com/", page_title="Home")) == []
    assert receiver.payloads[-1]["e"] == "pv"
    assert receiver.entities[0]["data"]["name"] == "Home seen"
    found = findings(tracker, seen(page_url="https://other.com/"))
    assert [path for _, path, _ in found] == ["$.page_title", "$.page_urlhost"]
