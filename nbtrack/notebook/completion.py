"""Completion of ``%%track``'s options and ``%nbtrack``'s words and values."""

from typing import Any

from traitlets import Bool

from nbtrack.notebook.header import OPTIONS
from nbtrack.notebook.magics import CONTROL_WORDS
from nbtrack.runtime import Session

_LONG_OPTIONS = tuple(option for option in OPTIONS if option.startswith("--"))


class OptionMatcher:
    """IPython's matcher for our magics.

    Parameters
    ----------
    session
        Whose settings' names and values are offered.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def __call__(self, context: Any) -> dict[str, Any]:
        """Return completions for IPython's completer (matcher protocol, version 2)."""
        from IPython.core.completer import SimpleCompletion  # noqa: PLC0415 - the completer may be absent at load

        line: str = context.line_with_cursor[: context.cursor_position]
        found = self.list_words(line)
        return {
            "completions": [SimpleCompletion(word, type="option") for word in found],
            "suppress": bool(found),
            "matched_fragment": _last_word(line),
        }

    def list_words(self, line: str) -> list[str]:
        """Return the completions of a line."""
        words = line.split()
        if not words:
            return []
        typed = _last_word(line)
        before = words[:-1] if typed else words
        if not before:
            return []
        if words[0] == "%%track":
            offered: tuple[str, ...] | list[str] = _LONG_OPTIONS if typed.startswith("-") else ()
        elif words[0] == "%nbtrack" and len(before) == 1:
            offered = CONTROL_WORDS
        elif words[0] == "%nbtrack" and before[1] == "config":
            offered = self._list_settings(typed)
        elif words[0] == "%nbtrack" and before[1] == "collector":
            offered = ("local",)
        else:
            offered = ()
        return [word for word in offered if word.startswith(typed)]

    def _list_settings(self, typed: str) -> list[str]:
        settings = self.session.settings
        name, equals, _ = typed.partition("=")
        if not equals:
            return [f"{known}=" for known in settings.names()]
        trait = settings.traits().get(name)
        values = getattr(trait, "values", None) or (("True", "False") if isinstance(trait, Bool) else ())
        return [f"{name}={value}" for value in values]


def _last_word(line: str) -> str:
    return "" if not line or line[-1].isspace() else line.rsplit(maxsplit=1)[-1]
