"""`Payload`: the keys and values of one event on the wire."""

from collections.abc import Mapping
from typing import Any

from nbtrack.tracker.rendering import TRACKER_VERSION, render_json
from nbtrack.values import Encoder

__all__ = ["TRACKER_VERSION", "Payload"]


class Payload(dict[str, Any]):
    """Keys and values of one event: a dict that leaves out empty values.

    Parameters
    ----------
    dict_ : mapping, optional
        Initial keys and values; copied.

    Examples
    --------
    >>> payload = Payload({"e": "pv"})
    >>> payload.add("url", "https://acme.com")
    >>> payload.add("page", None)
    >>> payload.get()
    {'e': 'pv', 'url': 'https://acme.com'}
    """

    __slots__ = ()

    def __init__(self, dict_: Mapping[str, Any] | None = None) -> None:
        if dict_:
            self.update(dict_)

    @property
    def nv_pairs(self) -> dict[str, Any]:
        """The pairs themselves, not a copy."""
        return self

    def add(self, name: str, value: Any) -> None:
        """Add a pair; None and the empty string are left out."""
        if value is not None and not (isinstance(value, str) and not value):
            self[name] = value

    def put(self, name: str, value: Any) -> None:
        """Set a pair; None or the empty string removes it."""
        self.pop(name, None) if value is None else self.add(name, value)

    def add_dict(self, dict_: Mapping[str, Any], base64: bool = False) -> None:  # noqa: ARG002 - the reference's
        """Add each pair of a mapping; `base64` is accepted for compatibility and ignored."""
        for name, value in dict_.items():
            self.add(name, value)

    def add_json(
        self,
        dict_: Mapping[str, Any] | None,
        encode_base64: bool,
        type_when_encoded: str,
        type_when_not_encoded: str,
        json_encoder: Encoder | None = None,
    ) -> None:
        """Add a JSON object: under one key as base64, or under another one as plain JSON; an empty one is left out."""
        if dict_:
            key = type_when_encoded if encode_base64 else type_when_not_encoded
            self[key] = render_json(dict_, encode_base64, json_encoder)

    def get(self, *name_and_default: Any) -> Any:
        """Return all pairs (not a copy), or like `dict.get` the value of one key."""
        return super().get(*name_and_default) if name_and_default else self
