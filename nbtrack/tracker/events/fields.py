"""Attributes of events that are fields of the payload, or properties of the self-describing data."""

import sys
from functools import lru_cache
from typing import Any, Generic, Self, TypeVar, overload

from nbtrack.common.field_formats import FORMATS, RULES
from nbtrack.template import Col
from nbtrack.tracker import contracts

T = TypeVar("T")


@lru_cache(maxsize=256)  # an application has few pages, and each event pays for this
def _is_usual_uri(text: str) -> bool:
    return contracts.misfit("url", text) is None


def _never(_: str) -> bool:
    return False


class PayloadField(Generic[T]):
    """An attribute of an event that is a field of its payload; None removes it.

    Parameters
    ----------
    key : str
        The payload's key.
    required : bool, default False
        Whether it must be a non-empty str.
    """

    _is_checked = True

    def __init__(self, key: str, *, required: bool = False) -> None:
        self.key, self.required, self.name = key, required, key
        # the length up to which any string is valid, and what finds longer or other ones valid
        rule = RULES.get(key) if self._is_checked else None
        self.free_length = sys.maxsize if rule is None else rule.max_length if rule.format is None else 0
        self.matches = _never if rule is None or rule.format is not FORMATS["uri"] else _is_usual_uri

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, event: None, owner: type) -> Self: ...
    @overload
    def __get__(self, event: object, owner: type) -> T: ...
    def __get__(self, event: Any, owner: type) -> Any:
        return self if event is None else self._values(event).get(self.key, None)

    def __set__(self, event: Any, value: T | Col) -> None:
        given: Any = value
        if given.__class__ is str and given and (len(given) <= self.free_length or self.matches(given)):
            event._pairs[self.key] = given  # noqa: SLF001 - as `_put` does for other values
        else:
            self._put(event, given)

    def _put(self, event: Any, value: Any) -> None:
        if self.required:
            contracts.non_empty_string(value, self.name)
        self._check(value)
        if value is None or (value.__class__ is str and not value):
            self._values(event).pop(self.key, None)
        else:
            self._values(event)[self.key] = value

    def _values(self, event: Any) -> dict[str, Any]:
        pairs: dict[str, Any] = event._pairs  # noqa: SLF001 - these attributes are the event's own
        return pairs

    def _check(self, value: Any) -> None:
        contracts.warn_misfit(self.key, value, self.name)


class DataField(PayloadField[T]):
    """An attribute of an event that is a property of its self-describing data; None removes it."""

    _is_checked = False

    def __set__(self, event: Any, value: T | Col) -> None:
        given: Any = value
        if given.__class__ is str and given:
            event.event_json.data[self.key] = given
        else:
            self._put(event, given)

    def _values(self, event: Any) -> dict[str, Any]:
        members: dict[str, Any] = event.event_json.data
        return members

    def _check(self, value: Any) -> None:
        """Leave the check to the schema."""
