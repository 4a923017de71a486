"""Events as JSON files: placeholders and their methods."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nbtrack.bulk import preview
from nbtrack.bulk.event_file import read_event

URI = "iglu:com.acme/thing/jsonschema/1-0-0"


def write(folder: Path, **members: Any) -> Path:
    path = folder / "event.json"
    path.write_text(json.dumps({"schema": URI, **members}))
    return path


def test_methods_of_a_placeholder_are_members_in_order(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        data={
            "total": {"$col": "total", "to_number": {"decimal": ","}, "default": 0},
            "name": {"$col": "name", "strip": None, "lower": None, "replace": ["é", "e"], "format": "n-{}"},
        },
        true_timestamp={"$col": "at", "to_datetime": {"format": "%d.%m.%Y"}},
    )
    data = pa.table({"total": ["1,5", None], "name": [" ZOÉ ", None], "at": ["31.01.2024", "01.02.2024"]})
    events = preview(data, read_event(path))
    assert [value["data"]["data"] for value in events["ue_px"]] == [
        {"total": 1.5, "name": "n-zoe"},
        {"total": 0, "name": None},
    ]
    assert list(events["ttm"]) == ["1706659200000", "1706745600000"]


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown method 'title' of a column; methods are: default, map"):
        read_event(write(tmp_path, data={"x": {"$col": "x", "title": None}}))
