"""An event with placeholders, written as JSON: what the command line takes."""

import json
from pathlib import Path
from typing import Any

from nbtrack.template import col
from nbtrack.tracker import SelfDescribing, SelfDescribingJson, Subject

_FORM = '{"schema": "iglu:…", "data": {…}}'
_KNOWN = ("schema", "data", "context", "true_timestamp", "event_id", "user_id")


def read_event(path: Path) -> SelfDescribing:
    """Make the event that a JSON file describes.

    Parameters
    ----------
    path
        Of a file with ``schema`` and ``data`` of a self-describing event, and optionally ``context`` (a list of the same
        form), ``true_timestamp``, ``event_id`` and ``user_id``; ``{"$col": "name"}`` anywhere stands for a column's value.

    Raises
    ------
    ValueError
        For another form; the text names the file.
    """
    try:
        return _make(json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise ValueError(f"the event file {path} is not JSON: {error}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"the event file {path}: {error}") from None


def _make(described: Any) -> SelfDescribing:
    if not isinstance(described, dict) or not {"schema", "data"} <= described.keys():
        raise ValueError(f"it must hold {_FORM}")
    if unknown := described.keys() - set(_KNOWN):
        raise ValueError(f"it holds {', '.join(sorted(unknown))}; known are {', '.join(_KNOWN)}")
    given = {name: _fill_columns(value) for name, value in described.items()}
    entities = given.get("context", [])
    if not isinstance(entities, list) or not all(
        isinstance(one, dict) and one.keys() == {"schema", "data"} for one in entities
    ):
        raise ValueError(f"context must be a list of {_FORM}")
    return SelfDescribing(
        SelfDescribingJson(given["schema"], given["data"]),
        event_subject=Subject().set_user_id(given["user_id"]) if "user_id" in given else None,
        context=[SelfDescribingJson(entity["schema"], entity["data"]) for entity in entities],
        true_timestamp=given.get("true_timestamp"),
        event_id=given.get("event_id"),
    )


def _fill_columns(value: Any) -> Any:
    if isinstance(value, list):
        return [_fill_columns(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$col"}:
        return col(value["$col"])
    # a placeholder with a typing error would go out as data, once for each row
    if wrong := [name for name in value if name.startswith("$")]:
        raise ValueError(f'{wrong[0]!r} is no placeholder: a column\'s value is written {{"$col": "name"}}')
    return {name: _fill_columns(item) for name, item in value.items()}
