"""Checks of files, as `nbtrack validate` runs them."""

import base64
import json

import pytest

from nbtrack.protocol import CONTEXTS, PAYLOAD_DATA, UNSTRUCT_EVENT
from nbtrack.schemas import check_file

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
GOOD = {"schema": TIMING, "data": {"category": "a", "variable": "b", "timing": 1}}
BAD = {"schema": TIMING, "data": {"category": "a", "variable": "b", "timing": "1"}}


def payload(inner, key="ue_pr"):
    text = json.dumps({"schema": UNSTRUCT_EVENT, "data": inner})
    return {
        "e": "ue",
        "p": "pc",
        "tv": "x",
        key: base64.b64encode(text.encode()).decode() if key == "ue_px" else text,
    }


@pytest.mark.parametrize(
    ("text", "checked", "words"),
    [
        (json.dumps(GOOD), 1, []),
        (json.dumps(BAD), 1, ["$.timing: string found"]),
        (json.dumps([GOOD, BAD]), 2, ["line 2: ", "$.timing"]),
        (json.dumps(GOOD) + "\n\n" + json.dumps(BAD) + "\n", 2, ["line 3: "]),
        (json.dumps(payload(GOOD)), 1, []),
        (json.dumps(payload(BAD, "ue_px")), 1, ["ue_px.data (", "$.timing"]),
        (
            json.dumps(payload(GOOD) | {"co": json.dumps({"schema": CONTEXTS, "data": [GOOD, BAD]})}),
            1,
            ["co.data[1]"],
        ),
        (json.dumps(payload(GOOD) | {"cx": "%"}), 1, ["cx: not base64"]),
        (json.dumps({"schema": PAYLOAD_DATA, "data": [payload(GOOD), payload(BAD)]}), 1, ["$.data[1].ue_pr"]),
        (json.dumps({"schema": PAYLOAD_DATA, "data": [{"e": 1}]}), 1, ["$[0].e: integer found"]),
        (json.dumps(GOOD | {"schema": TIMING.replace("timing", "timin")}), 1, ["did you mean"]),
        ("{", 0, ["not JSON"]),
        ('{"schema":\n1,\n"data"}', 0, ["cannot be read: not JSON"]),
        ("\n".join([json.dumps(GOOD), "half a li", json.dumps(BAD)]), 3, ["line 2: not JSON: ", "line 3: "]),
        ("\n", 0, ["is empty"]),
        ("3", 1, ["not a JSON object"]),
        ('{"a": 1}', 1, ["neither a schema"]),
        ('{"$schema": "x", "self": {}}', 1, ["metaSchema"]),
    ],
)
def test_problems_name_the_line_and_the_path(tmp_path, text, checked, words):
    path = tmp_path / "events.json"
    path.write_text(text)
    report = check_file(path)
    assert report.checked == checked
    assert bool(report.problems) == bool(words), report.problems
    for word in words:
        assert any(word in problem for problem in report.problems), report.problems


def test_a_missing_file_is_a_problem(tmp_path):
    assert check_file(tmp_path / "none").problems == ["cannot be read: No such file or directory"]
    assert check_file(tmp_path).problems == ["cannot be read: is a folder; name its files"]
