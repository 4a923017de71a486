"""The events of the Snowplow protocol."""

from typing import Any

from nbtrack.protocol import iglu
from nbtrack.tracker import contracts
from nbtrack.tracker.aliases import IntLike, Number, StrLike, TimestampLike
from nbtrack.tracker.events.base import Context, Event
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.events.fields import DataField, PayloadField
from nbtrack.tracker.subject import Subject

MOBILE_SCREEN_VIEW = iglu("com.snowplowanalytics.mobile", "screen_view")


class PageView(Event):
    """A page view.

    Parameters
    ----------
    page_url : str
        URL of the page.
    page_title : str, optional
        Title of the page.
    referrer : str, optional
        URL of the previous page.
    event_subject, context, true_timestamp, event_id, device_timestamp
        See `Event`.

    Raises
    ------
    ValueError
        If `page_url` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> PageView("https://acme.com/pricing", page_title="Pricing").page_title
    'Pricing'
    """

    page_url = PayloadField[str]("url", required=True)
    page_title = PayloadField[str | None]("page")
    referrer = PayloadField[str | None]("refr")

    def __init__(
        self,
        page_url: StrLike,
        page_title: StrLike | None = None,
        referrer: StrLike | None = None,
        event_subject: Subject | None = None,
        context: Context | None = None,
        true_timestamp: TimestampLike | None = None,
        *,
        event_id: Any = None,
        device_timestamp: TimestampLike | None = None,
    ) -> None:
        super().__init__(
            {"e": "pv"}, event_subject, context, true_timestamp,
            event_id=event_id, device_timestamp=device_timestamp,
        )  # fmt: skip
        self.page_url = page_url
        if page_title is not None:
            self.page_title = page_title
        if referrer is not None:
            self.referrer = referrer


class PagePing(PageView):
    """A page ping: the page is still being viewed.

    Parameters
    ----------
    page_url, page_title, referrer
        See `PageView`.
    min_x, max_x, min_y, max_y : int, optional
        Minimum and maximum scroll offsets since the last ping, in pixels.
    event_subject, context, true_timestamp, event_id, device_timestamp
        See `Event`.

    Examples
    --------
    >>> ping = PagePing("https://acme.com/pricing", min_y=0, max_y=1200)
    >>> ping.build_payload(encode_base64=True, json_encoder=None)
    {'e': 'pp', 'url': 'https://acme.com/pricing', 'pp_miy': '0', 'pp_may': '1200'}
    """

    min_x = PayloadField[int | None]("pp_mix")
    max_x = PayloadField[int | None]("pp_max")
    min_y = PayloadField[int | None]("pp_miy")
    max_y = PayloadField[int | None]("pp_may")

    def __init__(
        self,
        page_url: StrLike,
        page_title: StrLike | None = None,
        referrer: StrLike | None = None,
        min_x: IntLike | None = None,
        max_x: IntLike | None = None,
        min_y: IntLike | None = None,
        max_y: IntLike | None = None,
        event_subject: Subject | None = None,
        context: Context | None = None,
        true_timestamp: TimestampLike | None = None,
        *,
        event_id: Any = None,
        device_timestamp: TimestampLike | None = None,
    ) -> None:
        super().__init__(
            page_url, page_title, referrer, event_subject, context, true_timestamp,
            event_id=event_id, device_timestamp=device_timestamp,
        )  # fmt: skip
        self._pairs["e"] = "pp"
        if min_x is not None:
            self.min_x = min_x
        if max_x is not None:
            self.max_x = max_x
        if min_y is not None:
            self.min_y = min_y
        if max_y is not None:
            self.max_y = max_y


class StructuredEvent(Event):
    """A structured event: category, action, label, property and value.

    Parameters
    ----------
    category, action : str
        The area of the application, and what the user did.
    label, property_ : str, optional
        More about the action.
    value : number, optional
        A number for the action; NaN is left out.
    event_subject, context, true_timestamp, event_id, device_timestamp
        See `Event`.

    Raises
    ------
    ValueError
        If `category` or `action` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> StructuredEvent("shop", "add-to-basket", value=2).value
    2
    """

    category = PayloadField[str]("se_ca", required=True)
    action = PayloadField[str]("se_ac", required=True)
    label = PayloadField[str | None]("se_la")
    property_ = PayloadField[str | None]("se_pr")
    value = PayloadField[Any]("se_va")

    def __init__(
        self,
        category: StrLike,
        action: StrLike,
        label: StrLike | None = None,
        property_: StrLike | None = None,
        value: Number | None = None,
        event_subject: Subject | None = None,
        context: Context | None = None,
        true_timestamp: TimestampLike | None = None,
        *,
        event_id: Any = None,
        device_timestamp: TimestampLike | None = None,
    ) -> None:
        super().__init__(
            {"e": "se"}, event_subject, context, true_timestamp,
            event_id=event_id, device_timestamp=device_timestamp,
        )  # fmt: skip
        self.category = category
        self.action = action
        if label is not None:
            self.label = label
        if property_ is not None:
            self.property_ = property_
        if value is not None:
            self.value = value


class SelfDescribing(Event):
    """A self-describing event: its data follows a schema.

    Parameters
    ----------
    event_json : SelfDescribingJson
        The data, with its schema.
    event_subject, context, true_timestamp, event_id, device_timestamp
        See `Event`.

    Raises
    ------
    ValueError
        If `event_json` is not a `SelfDescribingJson`, while contracts are enabled.

    Examples
    --------
    >>> SelfDescribing(SelfDescribingJson("iglu:com.acme/signup/jsonschema/1-0-0", {"plan": "free"}))
    SelfDescribing(SelfDescribingJson('iglu:com.acme/signup/jsonschema/1-0-0', {'plan': 'free'}))
    """

    event_json: SelfDescribingJson

    def __init__(
        self,
        event_json: SelfDescribingJson,
        event_subject: Subject | None = None,
        context: Context | None = None,
        true_timestamp: TimestampLike | None = None,
        *,
        event_id: Any = None,
        device_timestamp: TimestampLike | None = None,
    ) -> None:
        super().__init__(
            {"e": "ue"}, event_subject, context, true_timestamp,
            event_id=event_id, device_timestamp=device_timestamp,
        )  # fmt: skip
        contracts.self_describing(event_json, "event_json")
        self.event_json = event_json


class ScreenView(SelfDescribing):
    """A screen view in an application.

    Parameters
    ----------
    id_ : str
        Id of this view, a UUID.
    name : str
        Name of the screen.
    type : str, optional
        Type of the screen, such as ``"feed"``.
    previous_name, previous_id, previous_type : str, optional
        The screen before.
    transition_type : str, optional
        How the screen appeared.
    event_subject, context, true_timestamp, event_id, device_timestamp
        See `Event`.

    Raises
    ------
    ValueError
        If `id_` or `name` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> view = ScreenView("5d79770b-015b-4af8-8c91-b2ed6faf4b1e", "settings", previous_name="feed")
    >>> view.event_json.data
    {'id': '5d79770b-015b-4af8-8c91-b2ed6faf4b1e', 'name': 'settings', 'previousName': 'feed'}
    """

    id_ = DataField[str]("id", required=True)
    name = DataField[str]("name", required=True)
    type = DataField[str | None]("type")
    previous_name = DataField[str | None]("previousName")
    previous_id = DataField[str | None]("previousId")
    previous_type = DataField[str | None]("previousType")
    transition_type = DataField[str | None]("transitionType")

    def __init__(
        self,
        id_: StrLike,
        name: StrLike,
        type: StrLike | None = None,  # noqa: A002 - the reference's name
        previous_name: StrLike | None = None,
        previous_id: StrLike | None = None,
        previous_type: StrLike | None = None,
        transition_type: StrLike | None = None,
        event_subject: Subject | None = None,
        context: Context | None = None,
        true_timestamp: TimestampLike | None = None,
        *,
        event_id: Any = None,
        device_timestamp: TimestampLike | None = None,
    ) -> None:
        super().__init__(
            SelfDescribingJson(MOBILE_SCREEN_VIEW, {}), event_subject, context, true_timestamp,
            event_id=event_id, device_timestamp=device_timestamp,
        )  # fmt: skip
        self.id_ = id_
        self.name = name
        if type is not None:
            self.type = type
        if previous_name is not None:
            self.previous_name = previous_name
        if previous_id is not None:
            self.previous_id = previous_id
        if previous_type is not None:
            self.previous_type = previous_type
        if transition_type is not None:
            self.transition_type = transition_type

    @property
    def screen_view_properties(self) -> dict[str, Any]:
        """Properties of the event's data that are set."""
        return dict(self.event_json.data)
