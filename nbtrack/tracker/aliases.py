"""Type aliases, and the sets of values that the reference tracker exports with them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, SupportsInt, TypeAlias

from nbtrack.protocol import PLATFORMS
from nbtrack.template import Col

PayloadDict: TypeAlias = dict[str, Any]
"""Keys and values of one event."""
PayloadDictList: TypeAlias = list[PayloadDict]
"""Payloads of several events."""
JsonEncoderFunction: TypeAlias = Callable[[Any], Any]
"""Returns the JSON form of a value that is not a JSON type."""
HttpProtocol: TypeAlias = Literal["http", "https"]
"""Protocol of requests to the collector."""
Method: TypeAlias = Literal["get", "post"]
"""How events are sent."""
SuccessCallback: TypeAlias = Callable[[PayloadDictList], None]
"""Called with the payloads of each delivered request."""
FailureCallback: TypeAlias = Callable[[int, PayloadDictList], None]
"""Called with the number of delivered events and the payloads of each failed request."""
SupportedPlatform: TypeAlias = Literal["pc", "tv", "mob", "cnsl", "iot", "web", "srv", "app", "headset"]
"""Platform of an event."""
FormNodeName: TypeAlias = Literal["INPUT", "TEXTAREA", "SELECT"]
"""Node name of a form's element."""
ElementClasses: TypeAlias = list[str] | tuple[str, Any]
"""Classes of an element of a page."""
FormClasses: TypeAlias = list[str] | tuple[str, Any]
"""Classes of a form."""
Validate: TypeAlias = Literal["off", "warn", "raise"]

StrLike: TypeAlias = str | Col
IntLike: TypeAlias = int | Col
Number: TypeAlias = float | Decimal | Col
Items: TypeAlias = Sequence[dict[str, Any]]
# datetime covers pandas Timestamp; SupportsInt covers numpy's scalars
TimestampLike: TypeAlias = float | datetime | SupportsInt | Col

SUPPORTED_PLATFORMS = set(PLATFORMS)
"""Platforms that `Subject.set_platform` accepts."""
FORM_NODE_NAMES = {"INPUT", "TEXTAREA", "SELECT"}
"""Node names that `FormChange` and `FormSubmit` accept."""
FORM_TYPES = {
    *("button", "checkbox", "color", "date", "datetime", "datetime-local", "email", "file", "hidden"),
    *("image", "month", "number", "password", "radio", "range", "reset", "search", "submit", "tel"),
    *("text", "time", "url", "week"),
}
"""Input types that `FormChange` and `FormSubmit` accept."""
