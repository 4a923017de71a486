"""The command line, run as a person runs it."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from nbtrack.collector import CollectorClient, LocalCollector, shared_collector
from nbtrack.common.payload_json import decode_fields
from nbtrack.delivery import Emitter, SQLiteEventStore
from nbtrack.runtime.home import identify_installation
from tests.support.fault_server import Act, FaultServer

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def call(*words: str, code: int | None = 0, **environment: str) -> "subprocess.CompletedProcess[str]":
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("NBTRACK_")}
        env = quiet | {"NBTRACK_HOME": str(tmp_path / "home")} | environment
        done = subprocess.run(
            [sys.executable, "-c", "from nbtrack.cli import main; main()", *words],
            capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path, env=env,
        )  # fmt: skip
        assert code is None or done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


NOBODY = "http://127.0.0.1:9"


def backfill_to(url: str) -> tuple[str, ...]:
    return ("backfill", "orders.csv", "--event", "event.json", "--collector", url, "--quiet")


def test_doctor_reports_and_shows_no_path(run: Run, tmp_path: Path) -> None:
    shown = run("doctor", NBTRACK_COLECTOR="x").stdout
    assert "local collector" in shown
    assert "Did you mean 'collector'?" in shown
    assert str(tmp_path) not in shown


def test_doctor_says_what_to_do_about_a_collector_out_of_reach(run: Run) -> None:
    shown = run("doctor", code=1, NBTRACK_COLLECTOR="http://bob:secret@127.0.0.1:9").stdout
    assert "http://127.0.0.1:9 does not answer" in shown
    assert "secret" not in shown


def test_doctor_asks_the_collector_as_the_session_would(run: Run) -> None:
    with FaultServer([Act(200)]) as server:
        secrets = {"NBTRACK_HEADERS": '{"X-Token": "s3cret"}', "NBTRACK_COLLECTOR": server.url}
        assert f"{server.url} answers 200" in run("doctor", **secrets).stdout
        assert server.seen[0].headers["x-token"] == "s3cret"
    with FaultServer([Act(403)]) as server:
        shown = run("doctor", NBTRACK_COLLECTOR=server.url).stdout
        assert re.search(rf"note collector +{re.escape(server.url)} answers 403 at /health; headers", shown)


def test_collector_runs_until_it_is_asked_to_end(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from nbtrack.cli import main; main()", "collector", "--port", "0", "--db", "events.sqlite"],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert process.stdout
        shown = process.stdout.readline() + process.stdout.readline()
        found = re.search(r"(http://127\.0\.0\.1:\d+)\n.*token=(\S+)", shown)
        assert found, shown
        client = CollectorClient(found[1], found[2])
        assert client.counts() == {"total": 0, "good": 0, "bad": 0}
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        if process.stdout:
            process.stdout.close()
    assert (tmp_path / "events.sqlite").exists()


def test_collector_writes_good_events_to_standard_output_and_a_line_for_each_to_standard_error(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from nbtrack.cli import main; main()", "collector", "--port", "0", "--output", "tsv"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    url = process.stderr.readline().split()[-1]
    process.stderr.readline()
    try:
        for query in ("e=pv&p=web&tv=1&aid=shop", "e=pv&p=web&tv=1&eid=wrong"):
            with urllib.request.urlopen(f"{url}/i?{query}") as reply:
                reply.read()
        line = process.stdout.readline()
        assert line.count("\t") == 130
        assert line.startswith("shop\tweb\t")
        assert process.stderr.readline().startswith("GOOD page_view id:")
        assert "event_id: UUID expected, 'wrong' found" in process.stderr.readline()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)


def test_collector_forget_deletes_events_of_the_shared_collector(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    client = shared_collector.connect(home, port=0)
    try:
        for aid in ("a", "b"):
            with urllib.request.urlopen(f"{client.url}/i?e=pv&p=web&tv=1&aid={aid}") as reply:
                reply.read()
        assert (
            run("collector", "forget", "--app-id", "a", NBTRACK_HOME=str(home)).stdout == "1 event deleted\n"
        )
        assert client.events()["app_id"].tolist() == ["b"]
        assert "name what to forget" in run("collector", "forget", NBTRACK_HOME=str(home), code=2).stderr
    finally:
        shared_collector.stop(home)


def test_schemas_add_makes_schemas_known(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "schemas" / "com.acme" / "visit" / "jsonschema" / "1-0-0"
    path.parent.mkdir(parents=True)
    path.write_text('{"type": "object"}')
    home = str(tmp_path / "home")
    assert (
        run("schemas", "add", str(tmp_path / "schemas"), NBTRACK_HOME=home).stdout
        == "iglu:com.acme/visit/jsonschema/1-0-0\n"
    )
    (tmp_path / "event.json").write_text('{"schema": "iglu:com.acme/visit/jsonschema/1-0-0", "data": {}}')
    assert "0 problems" in run("validate", str(tmp_path / "event.json"), NBTRACK_HOME=home).stdout


def test_backfill_sends_a_file_and_says_what_is_wrong_with_another_event(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(
        "order_id,total,at\no-1,9.5,2024-01-01 10:00:00\no-2,,2024-01-02 11:00:00\n"
    )
    event = {
        "schema": "iglu:com.acme/order/jsonschema/1-0-0",
        "data": {"order": {"$col": "order_id"}, "total": {"$col": "total"}},
        "true_timestamp": {"$col": "at"},
    }
    (tmp_path / "event.json").write_text(json.dumps(event))
    schema = {
        "self": {"vendor": "com.acme", "name": "order", "format": "jsonschema", "version": "1-0-0"},
        "type": "object", "properties": {"order": {"type": "string"}, "total": {"type": ["number", "null"]}},
    }  # fmt: skip
    with LocalCollector() as collector:
        collector.register(schema)
        token = f"X-Nbtrack-Token: {collector.token}"
        words = (*backfill_to(collector.url), "--key", "order_id", "--header", token)
        # without the schema the cells stay strings, and the collector finds one of them invalid
        assert "2 of 2 rows sent, 1 of them invalid" in run(*words, code=1).stdout
        assert collector.counts() == {"total": 2, "good": 1, "bad": 1}
        collector.reset()
        folder = tmp_path / "schemas" / "com.acme" / "order" / "jsonschema"
        folder.mkdir(parents=True)
        (folder / "1-0-0").write_text(json.dumps(schema))
        words = (*words, "--iglu", "schemas")
        assert "2 of 2 rows sent" in run(*words).stdout
        assert collector.counts() == {"total": 2, "good": 2, "bad": 0}
        event["data"]["order"] = {"$col": "order_ids"}  # type: ignore[index]
        (tmp_path / "event.json").write_text(json.dumps(event))
        assert "did you mean 'order_id'" in run(*words, code=2).stderr


def test_backfill_reads_other_csv_dialects(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes("o-1;Zoë\no-2;-\n".encode("latin-1"))
    event = {
        "schema": "iglu:com.acme/order/jsonschema/1-0-0",
        "data": {"order": {"$col": "0"}, "name": {"$col": "1"}},
    }
    (tmp_path / "event.json").write_text(json.dumps(event))
    with FaultServer() as server:
        words = ("--delimiter", ";", "--encoding", "latin-1", "--no-header", "--null", "-")
        run(*backfill_to(server.url), *words)
        bodies = [
            decode_fields(sent)["ue_px"]["data"]["data"] for seen in server.seen for sent in seen.events
        ]
    assert bodies == [{"order": "o-1", "name": "Zoë"}, {"order": "o-2", "name": None}]
    assert (
        "csv: delimiter must be one ASCII character"
        in run(*backfill_to(NOBODY), "--delimiter", ", ", code=2).stderr
    )


def test_backfill_brings_headers_to_a_collector_that_asks_for_a_token(run: Run, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("order_id\no-1\n")
    event = {"schema": "iglu:com.acme/order/jsonschema/1-0-0", "data": {"order": {"$col": "order_id"}}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    with FaultServer() as server:
        words = backfill_to(server.url)
        settings = {"NBTRACK_COLLECTOR": server.url, "NBTRACK_HEADERS": '{"X-Key": "set"}'}
        run(*words, "--header", "Authorization: Bearer x", **settings)
        run(*words, NBTRACK_COLLECTOR="https://other.acme.com", NBTRACK_HEADERS='{"X-Key": "set"}')
        sent = [(seen.headers.get("authorization"), seen.headers.get("x-key")) for seen in server.seen]
    assert sent == [("Bearer x", "set"), (None, None)]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("{", "event file event.json: not valid JSON: Expecting property name"),
        ("[1]", 'event file event.json: must contain {"schema": "iglu:…", "data": {…}}'),
        (
            '{"schema": "iglu:com.acme/order/jsonschema/1-0-0", "data": {}, "context": {"schema": "x"}}',
            'context must be a list of {"schema": "iglu:…", "data": {…}}',
        ),
        (
            '{"schema": "iglu:com.acme/order/jsonschema/1-0-0", "data": {"order": {"$colum": "order_id"}}}',
            '\'$colum\' is not a placeholder; write a column\'s value as {"$col": "name"}',
        ),
    ],
)
def test_backfill_says_what_is_wrong_with_an_event_file(
    run: Run, tmp_path: Path, event: str, told: str
) -> None:
    (tmp_path / "orders.csv").write_text("order_id\no-1\n")
    (tmp_path / "event.json").write_text(event)
    assert told in run(*backfill_to(NOBODY), code=2).stderr


def test_backfill_says_in_its_own_words_where_failed_rows_are_and_how_it_goes_on(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text("order_id,at\no-1,2024-01-01\n")
    event = {"schema": "iglu:com.acme/order/jsonschema/1-0-0", "data": {}, "event_id": {"$col": "order_id"}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    words = backfill_to(NOBODY)
    shown = run(*words, "--dead-letters", "dead.parquet", code=1).stdout
    assert "rows not delivered: dead.parquet\n" in shown
    (tmp_path / "event.json").write_text(json.dumps(event | {"event_id": None}))
    shown = run(*words, "--give-up-after", "1", code=1).stdout
    assert "run it again with --resume to continue where this run stopped" in shown


def test_a_folder_of_schemas_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"schema": "iglu:com.acme/order/jsonschema/1-0-0", "data": {}}')
    told = "--iglu: no such folder: 'nowhere' ("
    words = ("backfill", "o.csv", "--event", "event.json", "--collector", "http://127.0.0.1:9")
    assert told in run(*words, "--iglu", "nowhere", code=2).stderr
    assert told in run("validate", "event.json", "--iglu", "nowhere", code=2).stderr


def test_outbox_lists_retries_exports_purges_and_drains(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    identify_installation(home)
    assert "no event was ever stored" in run("outbox", "list", code=1).stderr
    with FaultServer([Act(400), Act(200)]) as server:
        store = SQLiteEventStore(home / "outbox.sqlite")
        emitter = Emitter(server.url, event_store=store)
        emitter.input({"e": "pv", "p": "pc", "tv": "t", "eid": "6f1b1c1e-0000-4000-8000-000000000001"})
        emitter.flush(5)
        emitter.close(0)
        store.close()
        shown = run("outbox", "list").stdout
        assert "pending: 0" in shown
        assert f"refused, HTTP 400  {server.url}" in shown
        assert "6f1b1c1e" in shown
        assert "1 event written" in run("outbox", "export", "dead.ndjson").stdout
        assert (tmp_path / "dead.ndjson").stat().st_mode & 0o77 == 0
        assert "1 event pending again" in run("outbox", "retry").stdout
        assert "1 sent" in run("outbox", "drain").stdout
    assert "no pending events" in run("outbox", "drain").stdout
    with SQLiteEventStore(home / "outbox.sqlite") as store:
        emitter = Emitter(server.url, event_store=store, report_at_exit=False)
        emitter.input({"e": "pv", "p": "pc", "tv": "t"})
        emitter.close(0)
    shown = run("outbox", "drain", "--timeout", "0.5", code=1).stdout
    assert re.search(r"0 sent, 1 pending, 0 dead letters \(.*[Cc]onnection refused.*\)\n", shown)
    assert "0 events deleted" in run("outbox", "purge", "--yes").stdout


def test_drain_sends_the_headers_of_the_settings_to_the_settings_collector_only(
    run: Run, tmp_path: Path
) -> None:
    with (
        FaultServer([Act(200)]) as ours,
        FaultServer([Act(200)]) as theirs,
        SQLiteEventStore(tmp_path / "home" / "outbox.sqlite") as store,
    ):
        for server in (ours, theirs):
            emitter = Emitter(server.url, event_store=store, batch_size=9)
            emitter.input({"e": "pv", "p": "pc", "tv": "t"})
            emitter.close(0)
        shown = run(
            "outbox", "drain", NBTRACK_COLLECTOR=ours.url, NBTRACK_HEADERS='{"Authorization": "Bearer x"}'
        ).stdout
        assert shown.count("1 sent") == 2
        assert [r.headers.get("authorization") for r in (*ours.seen, *theirs.seen)] == ["Bearer x", None]


@pytest.mark.parametrize("content", [b"my notes", b""])
def test_a_file_that_is_no_outbox_is_left_as_it_is(run: Run, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert "notes.txt is not an outbox" in run("outbox", "--store", "notes.txt", "list", code=1).stderr
    assert (path.read_bytes(), [one.name for one in tmp_path.iterdir()]) == (content, ["notes.txt"])


def test_a_list_that_its_reader_closes_ends_quietly(tmp_path: Path) -> None:
    home = tmp_path / "home"
    SQLiteEventStore(home / "outbox.sqlite").close()
    command = f"{shlex.quote(sys.executable)} -c 'from nbtrack.cli import main; main()' outbox list"
    # the reader is gone before the first line
    ran = subprocess.run(
        ["bash", "-c", f"({command}; echo $? >&2) | true"],
        env={**os.environ, "NBTRACK_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stderr in {"1\n", "0\n"}


def test_outbox_answers_wrong_options_in_a_sentence(run: Run, tmp_path: Path) -> None:
    SQLiteEventStore(tmp_path / "home" / "outbox.sqlite").close()
    assert "No such file or directory" in run("outbox", "export", "nowhere/dead.ndjson", code=1).stderr
    assert "Connection refused" in run("outbox", "--store", "redis://127.0.0.1:9", "list", code=1).stderr
    assert (
        "give a name and a value, as 'Authorization: Bearer …'"
        in run("outbox", "drain", "--header", "x", code=2).stderr
    )
    assert "'--limit': -1 is not in the range" in run("outbox", "list", "--limit", "-1", code=2).stderr


def test_validate_names_file_path_and_reason(run: Run, tmp_path: Path) -> None:
    bad = {"schema": "iglu:io.github.nbtrack/analysis/jsonschema/1-0-0", "data": {"name": 1, "kind": "step"}}
    (tmp_path / "bad.json").write_text(json.dumps(bad))
    shown = run("validate", "bad.json", code=1).stdout
    assert "$.name: integer found, string expected" in shown
    assert "cannot be read" in run("validate", "missing.json", code=1).stdout


def test_a_wrong_word_is_answered_with_help(run: Run) -> None:
    assert "No such command" in run("colector", code=2).stderr


def test_no_process_is_left(run: Run) -> None:
    started = time.time()
    run("doctor")
    listed = subprocess.run(["ps", "-eo", "lstart=,args="], capture_output=True, text=True, check=True).stdout
    assert time.time() > started
    assert "nbtrack.cli import main; main()' doctor" not in listed
