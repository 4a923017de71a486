"""The messages that users meet: raised as they stand, and listed on the pages of the documentation."""

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nbtrack.tracker import Snowplow

Messages = Mapping[str, tuple[Callable[[], Any], type[BaseException], str]]
"""By what the user did: a call, the exception it raises, and the message or its beginning."""
PAGES = Path(__file__).parents[2] / "docs" / "pages" / "messages"


def message_tests(room: str, messages: Messages) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return the two tests of a room's messages: each is raised, and its page lists each."""

    @pytest.mark.parametrize("case", messages)
    def test_messages(case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
        check_message(*messages[case])

    def test_page() -> None:
        assert missing_from_page(room, messages) == []

    return test_messages, test_page


def check_message(call: Callable[[], Any], kind: type[BaseException], text: str) -> None:
    """Check that a call raises the exception with the message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a message that is a warning is raised, too
            with pytest.raises(kind, match=re.escape(text)):
                call()
    finally:
        Snowplow.reset()


def missing_from_page(room: str, messages: Messages) -> list[tuple[str, str]]:
    """Return the messages of a room that its page does not list."""
    rows = (PAGES / f"{room}.md").read_text(encoding="utf-8").splitlines()
    listed = {
        tuple(part.strip(" `") for part in row.strip("|").split("|")) for row in rows if row.startswith("|")
    }
    return [(case, text) for case, (_, _, text) in messages.items() if (case, text.strip(" `")) not in listed]
