"""Names for types, and the sets of values that the reference tracker offers beside them."""

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
"""Gives the JSON form of a value that JSON does not know."""
HttpProtocol: TypeAlias = Literal["http", "https"]
"""How a collector is spoken to."""
Method: TypeAlias = Literal["get", "post"]
"""How events are sent."""
SuccessCallback: TypeAlias = Callable[[PayloadDictList], None]
"""Told of the payloads of each delivered request."""
FailureCallback: TypeAlias = Callable[[int, PayloadDictList], None]
"""Told of the payloads of each failed request, after the number that was delivered."""
SupportedPlatform: TypeAlias = Literal["pc", "tv", "mob", "cnsl", "iot", "web", "srv", "app", "headset"]
"""What an event happened on."""
FormNodeName: TypeAlias = Literal["INPUT", "TEXTAREA", "SELECT"]
"""What a form's element is."""
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
"""The platforms that `Subject.set_platform` takes."""
FORM_NODE_NAMES = {"INPUT", "TEXTAREA", "SELECT"}
"""The node names that `FormChange` and `FormSubmit` take."""
FORM_TYPES = {
    *("button", "checkbox", "color", "date", "datetime", "datetime-local", "email", "file", "hidden"),
    *("image", "month", "number", "password", "radio", "range", "reset", "search", "submit", "tel"),
    *("text", "time", "url", "week"),
}
"""The types of inputs that `FormChange` and `FormSubmit` take."""
