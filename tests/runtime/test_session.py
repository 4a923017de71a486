"""The session: its subject and entities, its destination, and its faults."""

import base64
import json
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbtrack
from nbtrack.collector import LocalCollector
from nbtrack.runtime import home, host
from nbtrack.runtime.host import find_notebook_path
from nbtrack.runtime.redaction import redact
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson, StructuredEvent
from tests.support.waiting import poll


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))
    for name in ("DO_NOT_TRACK", "NBTRACK_DISABLED", "CI", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name, raising=False)
    yield
    nbtrack.stop()


def payload_of(session: Any, event_id: str) -> dict[str, Any]:
    payload = session.emitter.payload(event_id)
    payload["cx"] = {
        e["schema"].split("/")[1]: e["data"]
        for e in json.loads(base64.urlsafe_b64decode(payload["cx"]))["data"]
    }
    return dict(payload)


def test_events_carry_the_subject_and_three_entities(tmp_path: Path) -> None:
    session = nbtrack.start(collector="http://127.0.0.1:9", store="memory", notebook="/home/me/plan.ipynb")
    session.emitter.pause()
    first, second = (session.track_safely(StructuredEvent("c", "a", label=str(n))) for n in range(2))
    one, two = payload_of(session, first), payload_of(session, second)
    installation = json.loads((tmp_path / "home" / "installation.json").read_text())
    assert one["duid"] == installation["id"]
    assert uuid.UUID(one["sid"])
    assert one["p"] == "pc"
    assert "uid" not in one
    assert set(one["cx"]) == {"notebook", "kernel", "client_session"}
    assert one["cx"]["notebook"]["host"] == "script"
    assert len(one["cx"]["notebook"]["name_hash"]) == 64
    assert "plan" not in json.dumps(one)
    assert [p["cx"]["client_session"]["eventIndex"] for p in (one, two)] == [1, 2]


def test_what_waits_from_before_is_told_apart_by_where_it_goes() -> None:
    for collector in ("http://127.0.0.1:9", "http://127.0.0.1:9", "http://127.0.0.1:19"):
        session = nbtrack.start(collector=collector)
        session.emitter.pause()
        session.track_or_raise(PageView("https://acme.com"))
        nbtrack.stop(0)
    told = nbtrack.start(collector="http://127.0.0.1:9").describe()
    assert (
        " 2 events pending from before. 1 pending for other collectors: nbtrack outbox drain sends them."
        in told
    )
    nbtrack.stop()
    assert "from before" not in nbtrack.start(collector="http://127.0.0.1:29").describe()


@pytest.mark.parametrize(("form", "expected"), [("name", {"name": "plan.ipynb"}), ("none", {})])
def test_the_notebook_is_named_as_the_settings_say(form: str, expected: dict[str, str]) -> None:
    session = nbtrack.start(
        collector="http://127.0.0.1:9",
        store="memory",
        notebook="/home/me/plan.ipynb",
        notebook_name=form,
        user_id="ann",
    )
    session.emitter.pause()
    payload = payload_of(session, str(session.track_safely(PageView("https://acme.com"))))
    assert payload["cx"]["notebook"] == {"host": "script", **expected}
    assert payload["uid"] == "ann"


@pytest.mark.parametrize("variable", ["JUPYTERHUB_USER", "CI", "BINDER_SERVICE_HOST", "COLAB_RELEASE_TAG"])
def test_a_served_kernel_is_platform_srv(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not host.is_served()
    monkeypatch.setenv(variable, "1")
    assert host.is_served()


def test_two_starts_at_once_agree_on_the_installation(tmp_path: Path) -> None:
    one, other = (home.identify_installation(tmp_path / "new") for _ in range(2))
    assert one == other
    assert (tmp_path / "new" / "installation.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "new" / "installation.json").write_text("garbage")
    repaired = home.identify_installation(tmp_path / "new")
    assert home.identify_installation(tmp_path / "new") == repaired != one


def test_a_session_sends_to_a_private_collector_and_survives_stop_and_start() -> None:
    with LocalCollector() as collector:
        for _ in range(2):
            session = nbtrack.start(collector=collector, store="memory")
            session.track_safely(StructuredEvent("c", "a"))
            report = session.flush(10)
            assert report
            assert report.pending == 0
            nbtrack.stop()
        assert collector.wait_for(2) == 2


def test_the_local_collector_starts_with_the_first_event_and_serves_a_second_session() -> None:
    from nbtrack.collector import shared_collector

    session = nbtrack.start(local_port=0)
    assert shared_collector.find(session.home) is None
    try:
        session.track_safely(StructuredEvent("c", "a"))
        assert session.flush(20).pending == 0  # type: ignore[union-attr]
        client = shared_collector.find(session.home)
        assert client is not None
        again = nbtrack.start(local_port=0)
        assert again.collector.url == client.url  # type: ignore[union-attr]
        assert client.counts() == {"total": 1, "good": 1, "bad": 0}
    finally:
        nbtrack.stop()
        shared_collector.stop(session.home)


def test_no_event_waits_for_a_collector_that_is_being_started() -> None:
    from nbtrack.collector import shared_collector

    session = nbtrack.start(local_port=0, store="memory")
    session.home.mkdir()
    try:
        with shared_collector._locked(
            session.home / "collector.lock"
        ):  # as another kernel that starts it holds it
            session.track_safely(StructuredEvent("c", "a"))
            assert poll(lambda: "_locked" in functions_that_run())
            second = threading.Thread(target=session.track_safely, args=[StructuredEvent("c", "a")])
            second.start()
            second.join(20)
            assert not second.is_alive()
            assert session.emitter.stats().pending == 2
        assert session.flush(20).pending == 0  # type: ignore[union-attr]
    finally:
        nbtrack.stop()
        shared_collector.stop(session.home)


def functions_that_run() -> set[str]:
    names = set()
    for frame in sys._current_frames().values():
        place: Any = frame
        while place:
            names.add(place.f_code.co_name)
            place = place.f_back
    return names


def test_changing_the_collector_moves_what_comes_after() -> None:
    with LocalCollector() as collector:
        session = nbtrack.start(collector="http://127.0.0.1:9", store="memory")
        session.settings.collector = collector.url
        session.track_safely(StructuredEvent("c", "a"))
        session.flush(10)
        assert collector.wait_for(1) == 1
        assert session.describe().startswith(f"nbtrack: events go to {collector.url}")


def test_a_registered_schema_is_known_to_collector_and_backfill_alike() -> None:
    pytest.importorskip("duckdb")
    schema = {
        "self": {"vendor": "com.acme", "name": "n", "format": "jsonschema", "version": "1-0-0"},
        "type": "object",
        "properties": {"n": {"type": "integer", "maximum": 1}},
    }
    with LocalCollector() as collector:
        session = nbtrack.start(collector=collector, store="memory")
        uri = session.register(schema)
        session.settings.iglu = []
        event = SelfDescribing(SelfDescribingJson(uri, {"n": nbtrack.col("n")}))
        report = nbtrack.backfill(pd.DataFrame({"n": [1, 2]}), event, key="n", progress=False)
        assert (report.sent, report.skipped) == (1, 1)
        assert collector.wait_for(1, schema=uri) == 1


def test_a_user_id_set_later_goes_with_what_comes_after() -> None:
    session = nbtrack.start(collector="http://127.0.0.1:9", store="memory")
    session.emitter.pause()
    before = payload_of(session, str(session.track_safely(StructuredEvent("c", "a"))))
    session.settings.user_id = "ann"
    during = payload_of(session, str(session.track_safely(StructuredEvent("c", "a"))))
    session.settings.user_id = None
    after = payload_of(session, str(session.track_safely(StructuredEvent("c", "a"))))
    assert [payload.get("uid") for payload in (before, during, after)] == [None, "ann", None]


def test_a_fault_of_ours_is_kept_and_never_raised() -> None:
    session = nbtrack.start(collector="http://127.0.0.1:9", store="memory")
    session.tracker.add_global_context(lambda event: 1 / 0)
    assert session.track_safely(PageView("https://acme.com")) is None
    assert session.faults[-1].text.startswith("ZeroDivisionError")


@pytest.mark.parametrize(
    "text",
    [
        "password = 'hunter2'", "PGPASSWORD=hunter2 psql", "{'api_key': \"hunter2\"}", "https://bob:hunter2@acme.com/x",
        "Authorization: Bearer hunter2hunter2", "curl --token hunter2", "aws_secret_access_key=hunter2",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", "/home/hunter2/data.csv", "C:\\Users\\hunter2\\x",
    ],
)  # fmt: skip
def test_redaction_masks_secrets(text: str) -> None:
    assert "hunter2" not in redact(text)


def test_a_redact_hook_that_fails_withholds_everything() -> None:
    assert redact("x", lambda text: text.upper()) == "X"
    assert redact("x", lambda text: 1 / 0) == "[redacted]"  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("end", ["stop", "another collector"])
def test_events_in_memory_that_end_with_their_session_are_named(
    end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    session = nbtrack.start("http://127.0.0.1:9", store="memory")
    session.tracker.track(StructuredEvent("c", "a"))
    if end != "stop":
        session.settings.collector = "http://127.0.0.1:10"
    nbtrack.stop()
    assert capsys.readouterr().err == "nbtrack: 1 unsent event for http://127.0.0.1:9: lost\n"


def test_events_on_disk_outlive_their_session_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    session = nbtrack.start("http://127.0.0.1:9")
    session.tracker.track(StructuredEvent("c", "a"))
    nbtrack.stop()
    assert capsys.readouterr().err == ""
    assert " 1 event pending from before." in nbtrack.start("http://127.0.0.1:9").describe()
    nbtrack.stop()


def test_the_notebook_is_named_by_the_environment_as_it_is_now(monkeypatch):
    for name in ("first.ipynb", "second.ipynb"):
        monkeypatch.setenv("JPY_SESSION_NAME", name)
        assert find_notebook_path({}) == name
