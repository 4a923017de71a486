"""The reference is complete: each type of event, setting, magic, command and hook is on its page."""

import inspect
import re
from pathlib import Path

import pytest

from docs.events_tables import CLASSES, COMMON, read_parameters, write_events
from nbtrack import tracker
from nbtrack.notebook.magics import CONTROL_WORDS, NBTrackMagics
from nbtrack.runtime import NBTrack
from nbtrack.tracker import AsyncEmitter, Emitter, Event, Subject, Tracker

PAGES = Path(__file__).parents[2] / "docs" / "pages"
EVENTS = "\n".join(write_events())


def read(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def test_each_type_of_event_has_a_table():
    public = {name for name in tracker.__all__ if inspect.isclass(getattr(tracker, name))}
    events = {name for name in public if issubclass(getattr(tracker, name), Event)}
    assert set(CLASSES) == events
    for module in ("ecommerce", "media", "screens", "agent"):
        assert f"In `nbtrack.tracker.{module}`" in EVENTS


@pytest.mark.parametrize("name", CLASSES)
def test_its_table_has_each_argument_with_type_and_meaning(name: str):
    section = EVENTS.partition(f"### {name}\n")[2].partition("\n### ")[0]
    thing = getattr(tracker, name)
    arguments = set(inspect.signature(thing.__init__).parameters) - COMMON - {"self"}
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE))
    assert rows.keys() == arguments
    described = read_parameters(thing)
    for argument in arguments:
        kind, meaning = described[argument]
        assert kind
        assert meaning
    assert f"{name}(" in section.partition("```py")[2] or f"{name}." in section


def test_every_setting_has_a_meaning_of_one_sentence():
    for name, trait in NBTrack.class_traits(config=True).items():
        assert trait.help, name
        assert trait.help.strip().endswith((".", ")")), name


def test_every_word_of_the_magic_is_in_its_help():
    shown = set(re.findall(r"[a-z]+", NBTrackMagics.nbtrack.__doc__ or ""))
    assert [word for word in CONTROL_WORDS if word not in shown] == []


def test_every_option_of_a_header_is_in_its_help():
    shown = NBTrackMagics.track.__doc__ or ""
    for option in ("-l", "-p", "-e", "--label", "--source", "--no-source"):
        assert option in shown


@pytest.mark.parametrize(
    ("thing", "page"),
    [
        (Tracker, "reference/initialization"),
        (Emitter, "reference/emitters"),
        (AsyncEmitter, "reference/emitters"),
    ],
    ids=["Tracker", "Emitter", "AsyncEmitter"],
)
def test_the_page_names_every_argument(thing: type, page: str):
    arguments = set(inspect.signature(thing.__init__).parameters) - {"self", "options"}
    text = read(page)
    assert [name for name in sorted(arguments) if f"`{name}" not in text] == []


def test_the_page_on_subjects_names_every_setter():
    setters = [name for name in dir(Subject()) if name.startswith("set_")]
    text = read("reference/subject")
    assert [name for name in setters if f"`{name}(" not in text] == []


def test_hooks_and_entry_points_are_documented():
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES.rglob("*.md"))
    for hook in (
        "before_track",
        "after_track",
        "on_success",
        "on_failure",
        "on_attempt",
        "redact",
        "nbtrack.adapters",
    ):
        assert f"`{hook}" in text or f"def {hook}" in text, hook


def test_every_extra_and_fixture_is_documented():
    setup, testing = read("reference/setup"), read("guides/testing")
    for extra in ("backfill", "redis", "plans", "dask", "spark", "all", "demo", "tutorials"):
        assert f"`{extra}`" in setup, extra
    for fixture in ("nbtrack_collector", "assert_tracked", "assert_no_bad", "assert_plan_followed"):
        assert f"`{fixture}" in testing, fixture
