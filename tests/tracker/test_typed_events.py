"""The typed modules for Snowplow's own schemas: what the generator writes, and events that a pipeline takes."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from nbtrack.collector import LocalCollector
from nbtrack.tracker import Emitter, Tracker, agent, ecommerce, media, screens

ROOT = Path(__file__).parents[2]
PRODUCT = ecommerce.Product(id="p-1", category="books", currency="EUR", price=19.5)
CART = ecommerce.Cart(currency="EUR", total_value=39.0)
PROMOTION = ecommerce.Promotion(id="summer")
SALE = ecommerce.TransactionEntity(
    currency="EUR", payment_method="card", revenue=39.0, total_quantity=2, transaction_id="t-1"
)
PLAYER = media.MediaPlayer(current_time=1.5, ended=False, paused=False)
SCREEN_ID = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"
NOW = "2026-01-31T12:00:00.000Z"
EVENTS = [
    ecommerce.ProductView(product=PRODUCT, page=ecommerce.Page(type="product")),
    ecommerce.AddToCart(product=(PRODUCT, PRODUCT), cart=CART),
    ecommerce.RemoveFromCart(product=PRODUCT, cart=CART, user=ecommerce.User(id="u-1")),
    ecommerce.ProductListView(product=(PRODUCT, PRODUCT), name="new"),
    ecommerce.ProductListClick(product=PRODUCT, name="new"),
    ecommerce.PromotionView(promotion=PROMOTION),
    ecommerce.PromotionClick(promotion=PROMOTION),
    ecommerce.CheckoutStep(checkout_step=ecommerce.CheckoutStepEntity(step=1)),
    ecommerce.Transaction(transaction=SALE, product=[PRODUCT]),
    ecommerce.TransactionError(
        transaction=SALE,
        transaction_error=ecommerce.TransactionErrorEntity(error_code="E1", resolution="user_action"),
    ),
    media.MediaPlay(media_player=PLAYER),
    media.MediaVolumeChange(new_volume=50, media_player=PLAYER, session=None),
    media.MediaAdStart(media_player=PLAYER, ad=media.Ad(ad_id="a-1")),
    screens.ScreenView(id=SCREEN_ID, name="home"),
    screens.ScreenEnd(screen=screens.Screen(id=SCREEN_ID, name="home")),
    agent.AgentInvocation(invocation_id=SCREEN_ID, invoked_at=NOW, session_id=SCREEN_ID),
    agent.ToolExecution(invocation_id=SCREEN_ID, executed_at=NOW, execution_duration_ms=12, success=True),
]


@pytest.mark.parametrize("module", [agent, ecommerce, media, screens], ids=lambda module: module.__name__)
def test_a_module_is_what_the_generator_writes(module: Any) -> None:
    spec = importlib.util.spec_from_file_location("typed_events", ROOT / "docs" / "typed_events.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = script.write(module.__name__.rpartition(".")[2])
    assert Path(module.__file__).read_text(encoding="utf-8") == written, "run python docs/typed_events.py"


def test_their_events_are_good() -> None:
    with LocalCollector() as collector:
        with Tracker("docs", Emitter(collector.url), validate="raise") as tracker:
            for event in EVENTS:
                tracker.track(event)
        assert collector.counts() == {"total": len(EVENTS), "good": len(EVENTS), "bad": 0}
        frame = collector.events(schema="iglu:*/snowplow_ecommerce_action/jsonschema/*")
        [column] = [name for name in frame.columns if "ecommerce_action" in name]
        assert [data["type"] for data in frame[column]] == [
            "product_view", "add_to_cart", "remove_from_cart", "list_view", "list_click", "promo_view", "promo_click",
            "checkout_step", "transaction", "trns_error",
        ]  # fmt: skip


def test_they_belong_to_no_tracking_plan() -> None:
    assert "specification" not in vars(ecommerce.AddToCart)
    assert ecommerce.AddToCart(context=[PRODUCT, CART]).event_json.data == {"type": "add_to_cart"}
