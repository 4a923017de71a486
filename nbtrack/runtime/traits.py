"""Types of settings: the values each accepts, and its error messages.

An error says what the value must be; `NBTrack` puts the setting's name, the value and its source before it.
"""

import ast
from typing import Any, NoReturn

from traitlets import Bool, Callable, Dict, Enum, Int, List, TraitError, TraitType, Unicode

from nbtrack.collector.page_address import fill_template
from nbtrack.common.arguments import check_headers, is_http_url
from nbtrack.common.wording import hide_credentials
from nbtrack.delivery.http.urls import base_uri


class Setting(TraitType):
    """The type of a setting; traitlets' own messages speak of traits and instances."""

    expected = ""

    def error(self, *_: Any, **__: Any) -> NoReturn:
        """Raise what the value must be."""
        raise TraitError(f"must be {self.describe()}")

    def describe(self) -> str:
        """Return what it accepts."""
        return f"{self.expected} or None" if self.allow_none else self.expected


class String(Setting, Unicode):
    """A setting that is a str."""

    expected = "a str"


class Choice(Setting, Enum):
    """A setting that is one of a few values."""

    def describe(self) -> str:
        """Return the values."""
        *first, last = map(repr, self.values)
        return f"{', '.join(first)} or {last}"


class Function(Setting, Callable):
    """A setting that is a function, which only Python can set."""

    expected = "a function (str) -> str"

    def describe(self) -> str:
        """Return what it accepts, and where."""
        return f"{super().describe()}, so set it in Python: nbtrack.start({self.name}=…)"


class CollectorAddress(String):
    """A setting that is ``local`` or a collector's host or URL; the host becomes a URL."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Validate a collector's address."""
        text = super().validate(obj, value)
        if text.lower() == "local":  # LOCAL is never the name of a host
            return "local"
        try:
            return base_uri(text)
        except ValueError as error:
            raise TraitError(
                f"{str(error).rstrip('.')}; or 'local' for this machine's own collector"
            ) from None


class Name(String):
    """A setting that is a non-empty str."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Validate that it is not empty: no tracker accepts an empty namespace."""
        text = super().validate(obj, value)
        if not text:
            raise TraitError("must not be empty")
        return text


class PageTemplate(String):
    """A setting that is the live page's URL, with placeholders, or None."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Validate that it becomes a URL."""
        text = super().validate(obj, value)
        if text is None:
            return None
        try:
            is_url = is_http_url(fill_template(text, 9090))
        except ValueError as error:
            raise TraitError(str(error)) from None
        if not is_url:
            raise TraitError("must be a URL such as https://hub.acme.com/user/ann/proxy/{port}")
        return text


class StorePlace(String):
    """A setting for the place where events wait."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Validate where events are stored."""
        text = super().validate(obj, value)
        if text not in {"disk", "memory"} and not text.startswith(("redis://", "rediss://")):
            raise TraitError("must be 'disk', 'memory' or a URL such as redis://127.0.0.1:6379/0")
        return text


class IgluPlaces(Setting, List):
    """A setting that lists folders and Iglu servers."""

    expected = "a list of str, such as ['schemas', 'https://iglu.acme.com']"

    def validate(self, obj: Any, value: Any) -> Any:
        """Validate folders and server URLs."""
        places = super().validate(obj, value)
        for place in places:
            if "://" in place and not is_http_url(place):
                raise TraitError(
                    f"{hide_credentials(place)!r} is neither a folder nor the http:// or https:// URL of a server"
                )
        return places

    def from_string(self, s: str) -> Any:
        """Read an environment variable: one place, or a list as Python writes it."""
        try:
            return ast.literal_eval(s) if s.startswith("[") else [s]
        except (SyntaxError, ValueError):
            raise TraitError(
                "must be one place, or a list such as ['schemas', 'https://iglu.acme.com']"
            ) from None


class SecretHeaders(Dict):
    """A setting that holds HTTP headers, whose values no error shows."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Validate that a request can carry the headers."""
        try:
            check_headers(value)
        except (TypeError, ValueError) as error:
            raise TraitError(str(error)) from None
        return super().validate(obj, value)

    def from_string(self, s: str) -> Any:
        """Read an environment variable."""
        try:
            # traitlets reads it with a warning that shows it
            return ast.literal_eval(s) if s.startswith("{") else super().from_string(s)
        except (SyntaxError, TypeError, ValueError, TraitError):
            raise TraitError("must be a dict such as {'Authorization': '…'}") from None


class Switch(Setting, Bool):
    """A setting that is on or off."""

    expected = "a bool, true or false"

    def from_string(self, s: str) -> Any:
        """Read a word: also those that people write in environments."""
        word = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(s.lower(), s)
        try:
            return super().from_string(word)
        except ValueError:  # whose text has a placeholder in it
            raise TraitError("must be true (1, yes, on) or false (0, no, off)") from None


class Number(Setting, Int):
    """A setting that is an int."""

    def describe(self) -> str:
        """Return its bounds."""
        return f"an int from {self.min} to {self.max}"

    def validate(self, obj: Any, value: Any) -> Any:
        """Validate an int and its bounds; a bool is one for Python, but not for people."""
        if isinstance(value, bool):
            self.error(obj, value)
        try:
            return super().validate(obj, value)
        except TraitError:
            self.error(obj, value)

    def from_string(self, s: str) -> Any:
        """Read digits."""
        try:
            return super().from_string(s)
        except ValueError:
            self.error(None, s)
