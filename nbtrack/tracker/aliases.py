"""Names for types, and the sets of values that the reference tracker offers beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, SupportsInt, TypeAlias

from nbtrack.protocol import PLATFORMS
from nbtrack.template import Col

PayloadDict: TypeAlias = dict[str, Any]
PayloadDictList: TypeAlias = list[PayloadDict]
JsonEncoderFunction: TypeAlias = Callable[[Any], Any]
HttpProtocol: TypeAlias = Literal["http", "https"]
Method: TypeAlias = Literal["get", "post"]
SuccessCallback: TypeAlias = Callable[[PayloadDictList], None]
FailureCallback: TypeAlias = Callable[[int, PayloadDictList], None]
SupportedPlatform: TypeAlias = Literal["pc", "tv", "mob", "cnsl", "iot", "web", "srv", "app", "headset"]
FormNodeName: TypeAlias = Literal["INPUT", "TEXTAREA", "SELECT"]
ElementClasses: TypeAlias = list[str] | tuple[str, Any]
FormClasses: TypeAlias = list[str] | tuple[str, Any]
Validate: TypeAlias = Literal["off", "warn", "raise"]

Text: TypeAlias = str | Col
Whole: TypeAlias = int | Col
Number: TypeAlias = float | Decimal | Col
Items: TypeAlias = Sequence[dict[str, Any]]
# datetime covers pandas Timestamp; SupportsInt covers numpy's scalars
Moment: TypeAlias = float | datetime | SupportsInt | Col

SUPPORTED_PLATFORMS = set(PLATFORMS)
FORM_NODE_NAMES = {"INPUT", "TEXTAREA", "SELECT"}
FORM_TYPES = {
    *("button", "checkbox", "color", "date", "datetime", "datetime-local", "email", "file", "hidden"),
    *("image", "month", "number", "password", "radio", "range", "reset", "search", "submit", "tel"),
    *("text", "time", "url", "week"),
}
