"""The deprecated ``track_*`` methods, as one table of signatures.

Each row is a signature of snowplow-tracker 1.x and the event class that replaces it.
"""

# ruff: noqa: PYI019 - a decorator can return the caller's own tracker class only through a type variable
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid4
from warnings import warn

from nbtrack.protocol import SNOWPLOW_VENDOR, iglu
from nbtrack.tracker.aliases import ElementClasses, FormClasses, FormNodeName, Items, Number, TimestampLike
from nbtrack.tracker.events.base import Context, Event
from nbtrack.tracker.events.core import PagePing, PageView, ScreenView, SelfDescribing, StructuredEvent
from nbtrack.tracker.events.ecommerce import AddToCart, RemoveFromCart, Transaction, TransactionItem
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.events.forms import FormChange, FormSubmit
from nbtrack.tracker.events.iglu import LinkClick, SiteSearch
from nbtrack.tracker.subject import Subject

P = ParamSpec("P")
T = TypeVar("T", bound="LegacyMethods")
Signature = Callable[Concatenate[T, P], None]
Method = Callable[Concatenate[T, P], T]


def _deprecated(
    factory: Callable[..., Event | Iterable[Event]], advice: str = ""
) -> Callable[[Signature[T, P]], Method[T, P]]:
    """Turn a signature into a method that warns, builds the event with `factory`, tracks it and returns the tracker."""

    def make(row: Signature[T, P]) -> Method[T, P]:
        signature = inspect.signature(row)
        name = row.__name__
        instead = advice or f"{getattr(factory, '__name__', '')} with track()"

        @functools.wraps(row)
        def method(self: T, /, *args: P.args, **named: P.kwargs) -> T:
            warn(f"{name} is deprecated: use {instead}", DeprecationWarning, stacklevel=2)
            values = signature.bind(self, *args, **named).arguments
            del values["self"]
            if "tstamp" in values:
                values["true_timestamp"] = values.pop("tstamp")
            made = factory(**values)
            for event in [made] if isinstance(made, Event) else made:
                self.track(event)
            return self

        return method

    return make


def _old_screen_view(name: str | None = None, id_: str | None = None, **common: Any) -> Event:
    data = {key: value for key, value in (("name", name), ("id", id_)) if value is not None}
    return SelfDescribing(SelfDescribingJson(iglu(SNOWPLOW_VENDOR, "screen_view"), data), **common)


def _mobile_screen_view(name: str, id_: str | None = None, **others: Any) -> Event:
    return ScreenView(str(uuid4()) if id_ is None else id_, name, **others)


def _order(items: Items | None = None, **values: Any) -> Iterator[Event]:
    yield Transaction(**values)
    shared = {"currency", "context", "event_subject"} & values.keys()
    for item in items or ():
        own = dict(item)
        moment = own.pop("tstamp", values.get("true_timestamp"))
        defaults = {key: values[key] for key in shared}
        yield TransactionItem(**{**defaults, **own, "order_id": values["order_id"]}, true_timestamp=moment)


class LegacyMethods:
    """The 15 deprecated methods of a tracker; `nbtrack.tracker` has an event class for each."""

    def track(self, event: Event) -> str:
        """Track an event."""
        raise NotImplementedError

    @_deprecated(PageView)
    def track_page_view(
        self: T,
        page_url: str,
        page_title: str | None = None,
        referrer: str | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `PageView`."""

    @_deprecated(PagePing)
    def track_page_ping(
        self: T,
        page_url: str,
        page_title: str | None = None,
        referrer: str | None = None,
        min_x: int | None = None,
        max_x: int | None = None,
        min_y: int | None = None,
        max_y: int | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `PagePing`."""

    @_deprecated(LinkClick)
    def track_link_click(
        self: T,
        target_url: str,
        element_id: str | None = None,
        element_classes: ElementClasses | None = None,
        element_target: str | None = None,
        element_content: str | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `LinkClick`."""

    @_deprecated(AddToCart)
    def track_add_to_cart(
        self: T,
        sku: str,
        quantity: int,
        name: str | None = None,
        category: str | None = None,
        unit_price: Number | None = None,
        currency: str | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track an `AddToCart`."""

    @_deprecated(RemoveFromCart)
    def track_remove_from_cart(
        self: T,
        sku: str,
        quantity: int,
        name: str | None = None,
        category: str | None = None,
        unit_price: Number | None = None,
        currency: str | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `RemoveFromCart`."""

    @_deprecated(FormChange)
    def track_form_change(
        self: T,
        form_id: str,
        element_id: str | None,
        node_name: FormNodeName,
        value: str | None,
        type_: str | None = None,
        element_classes: ElementClasses | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `FormChange`."""

    @_deprecated(FormSubmit)
    def track_form_submit(
        self: T,
        form_id: str,
        form_classes: FormClasses | None = None,
        elements: Items | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `FormSubmit`."""

    @_deprecated(SiteSearch)
    def track_site_search(
        self: T,
        terms: Sequence[str],
        filters: dict[str, str | bool] | None = None,
        total_results: int | None = None,
        page_results: int | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `SiteSearch`."""

    @_deprecated(TransactionItem)
    def track_ecommerce_transaction_item(
        self: T,
        order_id: str,
        sku: str,
        price: Number,
        quantity: int,
        name: str | None = None,
        category: str | None = None,
        currency: str | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `TransactionItem`."""

    @_deprecated(_order, "Transaction and TransactionItem with track()")
    def track_ecommerce_transaction(
        self: T,
        order_id: str,
        total_value: Number,
        affiliation: str | None = None,
        tax_value: Number | None = None,
        shipping: Number | None = None,
        city: str | None = None,
        state: str | None = None,
        country: str | None = None,
        currency: str | None = None,
        items: Items | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `Transaction` and a `TransactionItem` for each item."""

    @_deprecated(_old_screen_view, "ScreenView with track()")
    def track_screen_view(
        self: T,
        name: str | None = None,
        id_: str | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a screen view with its old schema, ``com.snowplowanalytics.snowplow/screen_view``."""

    @_deprecated(_mobile_screen_view, "ScreenView with track()")
    def track_mobile_screen_view(
        self: T,
        name: str,
        id_: str | None = None,
        type: str | None = None,  # noqa: A002 - the reference's name
        previous_name: str | None = None,
        previous_id: str | None = None,
        previous_type: str | None = None,
        transition_type: str | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `ScreenView`, with a random id by default."""

    @_deprecated(StructuredEvent)
    def track_struct_event(
        self: T,
        category: str,
        action: str,
        label: str | None = None,
        property_: str | None = None,
        value: Number | None = None,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `StructuredEvent`."""

    @_deprecated(SelfDescribing)
    def track_self_describing_event(
        self: T,
        event_json: SelfDescribingJson,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `SelfDescribing`."""

    @_deprecated(SelfDescribing)
    def track_unstruct_event(
        self: T,
        event_json: SelfDescribingJson,
        context: Context | None = None,
        tstamp: TimestampLike | None = None,
        event_subject: Subject | None = None,
    ) -> None:
        """Track a `SelfDescribing`."""
