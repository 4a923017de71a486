"""An event with placeholders, written as a JSON file: the input of the command line."""

import json
from pathlib import Path
from typing import Any

from nbtrack.template import Col, col
from nbtrack.tracker import SelfDescribing, SelfDescribingJson, Subject

_FORM = '{"schema": "iglu:…", "data": {…}}'
_WITH_ARGUMENT = ("default", "map", "cast", "format", "replace", "truncate")
_METHODS = (*_WITH_ARGUMENT, "to_number", "to_datetime", "parse_json", "strip", "lower", "upper")
"""Methods of a placeholder; those without an argument take options, or null."""
_MEMBERS = ("schema", "data", "context", "true_timestamp", "event_id", "user_id")


def read_event(path: Path) -> SelfDescribing:
    """Return the event that a JSON file describes.

    Parameters
    ----------
    path
        File with ``schema`` and ``data`` of a self-describing event, and optionally ``context`` (a list of objects with
        ``schema`` and ``data``), ``true_timestamp``, ``event_id`` and ``user_id``. ``{"$col": "name"}`` anywhere is a
        placeholder for a column's value; its methods follow as members, such as ``"cast": "int"``.

    Raises
    ------
    ValueError
        If the file has another form; the message names the file.
    """
    try:
        return _make_event(json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise ValueError(f"event file {path}: not valid JSON: {error}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"event file {path}: {error}") from None


def _make_event(description: Any) -> SelfDescribing:
    if not isinstance(description, dict) or not {"schema", "data"} <= description.keys():
        raise ValueError(f"must contain {_FORM}")
    if unknown := description.keys() - set(_MEMBERS):
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}; allowed are {', '.join(_MEMBERS)}")
    members = {name: _replace_columns(value) for name, value in description.items()}
    entities = members.get("context", [])
    if not isinstance(entities, list) or not all(
        isinstance(entity, dict) and entity.keys() == {"schema", "data"} for entity in entities
    ):
        raise ValueError(f"context must be a list of {_FORM}")
    return SelfDescribing(
        SelfDescribingJson(members["schema"], members["data"]),
        event_subject=Subject().set_user_id(members["user_id"]) if "user_id" in members else None,
        context=[SelfDescribingJson(entity["schema"], entity["data"]) for entity in entities],
        true_timestamp=members.get("true_timestamp"),
        event_id=members.get("event_id"),
    )


def _make_column(**members: Any) -> Col:
    """Return the placeholder of ``{"$col": "name", "cast": "int", "to_number": {"decimal": ","}}``."""
    column = col(members.pop("$col"))
    for method, argument in members.items():
        if method not in _METHODS:
            raise ValueError(f"unknown method {method!r} of a column; methods are: {', '.join(_METHODS)}")
        call = getattr(column, method)
        if method in _WITH_ARGUMENT:
            column = call(*argument) if method == "replace" else call(argument)
        else:
            column = call(**argument) if isinstance(argument, dict) else call()
    return column


def _replace_columns(value: Any) -> Any:
    if isinstance(value, list):
        return [_replace_columns(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$col" in value:
        return _make_column(**value)
    # a misspelt placeholder would be sent as data, once for each row
    if wrong := [name for name in value if name.startswith("$")]:
        raise ValueError(f'{wrong[0]!r} is not a placeholder; write a column\'s value as {{"$col": "name"}}')
    return {name: _replace_columns(item) for name, item in value.items()}
