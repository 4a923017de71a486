"""Content of one event: decoded, bounded, and as a command that a shell runs."""

import json
import shutil
import subprocess

import pytest

from nbtrack.tracker import InvalidEventWarning, SelfDescribing, SelfDescribingJson, StructuredEvent
from nbtrack.widget.details import LONGEST_VALUE, show_event, write_curl

HOSTILE = ["'; touch /tmp/never; '", "$(touch never)", '"`id`"\n\r\t', "%s %n !! \\' \\", "\u202eü\U0001f600"]
LINK = "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1"


def event_of(session, event):
    session.emitter.pause()
    event_id = session.tracker.track(event)
    return show_event(session.find_payload(event_id), "http://127.0.0.1:1/x", {"mark": 7})


def test_base64_is_decoded(session):
    answer = event_of(session, SelfDescribing(SelfDescribingJson(LINK, {"targetUrl": "http://acme.com/ü"})))
    assert answer["mark"] == 7
    assert answer["content"]["ue_px (unstruct_event, decoded)"]["data"]["data"] == {
        "targetUrl": "http://acme.com/ü"
    }


def test_long_values_are_cut_and_say_so(session):
    with pytest.warns(InvalidEventWarning, match="at most 1,000 characters"):
        answer = event_of(session, StructuredEvent("shop", "x" * 500_000))
    assert len(answer["content"]["se_ac"]) < LONGEST_VALUE + 40
    assert answer["content"]["se_ac"].endswith("(500,000 characters)")
    assert answer["curl"] is None


def test_an_event_that_was_sent_is_said_to_be_gone(session):
    assert session.find_payload("unknown") is None
    assert "no longer available" in show_event(None, "http://x", {})["missing"]


@pytest.mark.parametrize("value", HOSTILE)
def test_the_curl_command_gives_a_shell_the_very_bytes(value, tmp_path):
    payload = {"e": "se", "se_ca": value}
    command = write_curl("http://127.0.0.1:1/a'b", payload)
    assert command.startswith("curl ")
    shown = subprocess.run(
        ["sh", "-c", f"printf '%s\\0' {command.removeprefix('curl ')}"],
        capture_output=True,
        check=True,
        cwd=tmp_path,
    ).stdout.split(b"\0")
    assert shown[2] == b"http://127.0.0.1:1/a'b"
    assert json.loads(shown[6])["data"] == [payload]
    assert list(tmp_path.iterdir()) == []


def test_the_curl_command_is_taken_by_a_collector(session, running, tmp_path):
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not here")
    session.emitter.pause()
    event_id = session.tracker.track(StructuredEvent("shop", "it's"))
    command = write_curl(
        f"{running.url}/com.snowplowanalytics.snowplow/tp2", session.emitter.payload(event_id)
    )
    subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=20)
    assert running.wait_for(event_id=event_id) == 1


def test_there_is_no_command_for_a_collector_that_was_not_met():
    assert write_curl("local", {"e": "pv"}) is None
