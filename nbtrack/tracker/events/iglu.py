"""Events with Snowplow's own schemas: link clicks, site searches, timings, application errors."""

import traceback
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, Unpack

from nbtrack.protocol import SNOWPLOW_VENDOR, iglu
from nbtrack.template import Col
from nbtrack.tracker import contracts
from nbtrack.tracker.aliases import (
    ElementClasses,
    IntLike,
    Number,
    StrLike,
)
from nbtrack.tracker.events.base import Common
from nbtrack.tracker.events.core import SelfDescribing
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.events.fields import DataField


class SchemaEvent(SelfDescribing):
    """A self-describing event with one of Snowplow's schemas; its attributes are properties of the data."""

    SCHEMA: ClassVar[str]

    def __init__(self, values: Mapping[str, Any], common: Common) -> None:
        super().__init__(SelfDescribingJson(self.SCHEMA, {}), **common)
        for name, value in values.items():
            setattr(self, name, value)


class LinkClick(SchemaEvent):
    """A link click (``link_click/1-0-1``).

    Parameters
    ----------
    target_url : str
        URL of the link.
    element_id, element_target, element_content : str, optional
        The link's id, target and text in the page.
    element_classes : list of str, optional
        The link's classes.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        If `target_url` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> LinkClick("https://acme.com/pricing", element_classes=["button"]).event_json.data
    {'targetUrl': 'https://acme.com/pricing', 'elementClasses': ['button']}
    """

    SCHEMA = iglu(SNOWPLOW_VENDOR, "link_click", "1-0-1")
    target_url = DataField[str]("targetUrl", required=True)
    element_id = DataField[str | None]("elementId")
    element_classes = DataField[ElementClasses | None]("elementClasses")
    element_target = DataField[str | None]("elementTarget")
    element_content = DataField[str | None]("elementContent")

    def __init__(
        self,
        target_url: StrLike,
        element_id: StrLike | None = None,
        element_classes: ElementClasses | Col | None = None,
        element_target: StrLike | None = None,
        element_content: StrLike | None = None,
        **common: Unpack[Common],
    ) -> None:
        values = {
            "target_url": target_url,
            "element_id": element_id,
            "element_classes": element_classes,
            "element_target": element_target,
            "element_content": element_content,
        }
        super().__init__(values, common)


class SiteSearch(SchemaEvent):
    """A search on a site (``site_search/1-0-0``).

    Parameters
    ----------
    terms : sequence of str
        Search terms; at least one.
    filters : dict, optional
        Names and values of filters.
    total_results, page_results : int, optional
        Number of results, and of results on the page.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        If there are no `terms`, while contracts are enabled.

    Examples
    --------
    >>> SiteSearch(["blue", "mug"], filters={"in stock": True}, total_results=3).event_json.data
    {'terms': ['blue', 'mug'], 'filters': {'in stock': True}, 'totalResults': 3}
    """

    SCHEMA = iglu(SNOWPLOW_VENDOR, "site_search")
    terms = DataField[Sequence[str]]("terms")
    filters = DataField[dict[str, str | bool] | None]("filters")
    total_results = DataField[int | None]("totalResults")
    page_results = DataField[int | None]("pageResults")

    def __init__(
        self,
        terms: Sequence[str] | Col,
        filters: dict[str, str | bool] | Col | None = None,
        total_results: IntLike | None = None,
        page_results: IntLike | None = None,
        **common: Unpack[Common],
    ) -> None:
        if not isinstance(terms, Col):
            contracts.non_empty(terms, "terms")
        values = {
            "terms": terms,
            "filters": filters,
            "total_results": total_results,
            "page_results": page_results,
        }
        super().__init__(values, common)


class Timing(SchemaEvent):
    """A timing: how long something took (``timing/1-0-0``).

    Parameters
    ----------
    category, variable : str
        What was measured.
    timing : number
        How long it took, in milliseconds.
    label : str, optional
        More about the timing.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        If `category` or `variable` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> Timing("query", "load flights", 412).event_json.data
    {'category': 'query', 'variable': 'load flights', 'timing': 412}
    """

    SCHEMA = iglu(SNOWPLOW_VENDOR, "timing")
    category = DataField[str]("category", required=True)
    variable = DataField[str]("variable", required=True)
    timing = DataField[Any]("timing")
    label = DataField[str | None]("label")

    def __init__(
        self,
        category: StrLike,
        variable: StrLike,
        timing: Number,
        label: StrLike | None = None,
        **common: Unpack[Common],
    ) -> None:
        values = {"category": category, "variable": variable, "timing": timing, "label": label}
        super().__init__(values, common)


class ApplicationError(SchemaEvent):
    """An application error (``application_error/1-0-2``).

    Parameters
    ----------
    message : str
        What went wrong; cut at 2,048 characters, the schema's limit.
    exception_name : str, optional
        The exception's class.
    stack_trace : str, optional
        Where it happened; its last 8,192 characters are kept.
    is_fatal : bool, optional
        Whether the program ended.
    **common
        The arguments of every event; see `Event`.

    Raises
    ------
    ValueError
        If `message` is empty or not a str, while contracts are enabled.

    Examples
    --------
    >>> ApplicationError.of(KeyError("price")).event_json.data["exceptionName"]
    'KeyError'
    """

    SCHEMA = iglu(SNOWPLOW_VENDOR, "application_error", "1-0-2")
    message = DataField[str]("message", required=True)
    exception_name = DataField[str | None]("exceptionName")
    stack_trace = DataField[str | None]("stackTrace")
    is_fatal = DataField[bool | None]("isFatal")

    def __init__(
        self,
        message: StrLike,
        exception_name: StrLike | None = None,
        stack_trace: StrLike | None = None,
        is_fatal: bool | Col | None = None,
        **common: Unpack[Common],
    ) -> None:
        values = {
            "message": message[:2048] if isinstance(message, str) else message,
            "exception_name": exception_name,
            "stack_trace": stack_trace[-8192:] if isinstance(stack_trace, str) else stack_trace,
            "is_fatal": is_fatal,
        }
        super().__init__(values, common)
        self.event_json.data["programmingLanguage"] = "PYTHON"

    @classmethod
    def of(cls, error: BaseException, is_fatal: bool | None = None, **common: Unpack[Common]) -> Self:
        """Describe an exception, with its traceback.

        Parameters
        ----------
        error : BaseException
            What was raised.
        is_fatal : bool, optional
            Whether the program ended.
        **common
            The arguments of every event; see `Event`.
        """
        name = type(error).__qualname__
        trace = "".join(traceback.format_exception(error))
        return cls(str(error) or name, name, trace, is_fatal, **common)
