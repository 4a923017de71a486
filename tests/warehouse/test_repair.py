"""Failed events are repaired, checked and sent again with their ids."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import nbtrack
from nbtrack import col
from nbtrack.collector import LocalCollector
from nbtrack.schemas import Registry
from nbtrack.warehouse import FailedEvent, FailedEvents, RepairedEvents
from tests.support.backfills import check_accounts
from tests.support.bad_rows import EVENT_ID, parameters, schema_violation
from tests.support.fault_server import Act, FaultServer

THING = {
    "self": {"vendor": "com.acme", "name": "thing", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "currency": {"type": "string", "enum": ["EUR", "USD"]},
        "items": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
    },
    "additionalProperties": False,
}
USER = {
    "self": {"vendor": "com.acme", "name": "user", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
    "properties": {"id": {"type": "integer"}},
}


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.register(THING)
    registry.register(USER)
    return registry


def event_id(number: int) -> str:
    return f"{number:08x}{EVENT_ID[8:]}"


def failed(folder: Path, *data: dict[str, Any], **fields: str) -> FailedEvents:
    rows = [
        schema_violation(parameters(**each) | {"eid": event_id(number)} | fields)
        for number, each in enumerate(data)
    ]
    path = folder / "failed.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return nbtrack.read_failed(path)


def data_of(repaired: RepairedEvents) -> list[Any]:
    return [(payload or {})["ue_pr"]["data"]["data"] for payload in repaired.payloads]


def test_what_converts_is_repaired_and_sent_once(tmp_path: Path, registry: Registry) -> None:
    events = failed(tmp_path, {"n": "1"}, {"n": "2"}, {"n": "x"})
    repaired = events.repair({"ue.n": col("ue.n").cast("int")}, registry=registry)
    assert (len(repaired), repaired.changed, repaired.valid) == (3, 2, 2)
    assert repaired.before == {"unstruct_event $.n: string found, integer expected": 3}
    assert repaired.after == {"unstruct_event $.n: string found, integer expected": 1}
    assert repaired.failing[["row", "event_id"]].to_numpy().tolist() == [[2, event_id(2)]]
    with FaultServer() as server:
        rehearsal = repaired.replay(server.url, dry_run=True)
        check_accounts(rehearsal)
        assert (rehearsal.sent, rehearsal.skipped, server.seen) == (2, 1, [])
        first = repaired.replay(server.url)
        check_accounts(first)
        assert (first.rows, first.sent, first.skipped, first.ok) == (3, 2, 1, False)
        assert first.errors["row"].to_list() == [2]
        second = repaired.replay(server.url)
        check_accounts(second)
        assert (second.sent, second.resumed, second.skipped) == (0, 2, 1)
        again = repaired.replay(server.url, again=True)
        assert again.sent == 2
    assert set(server.delivered) == {event_id(0), event_id(1)}
    assert str(first).startswith("replay NOT ok: 2 of 3 rows sent")


def test_events_that_are_known_are_left_out(tmp_path: Path, registry: Registry) -> None:
    repaired = failed(tmp_path, {"n": "1"}, {"n": "2"}).repair({"ue.n": 1}, registry=registry)
    known = [event_id(0)]
    for given in (known, pd.DataFrame({"event_id": known}), pd.Series(known), pa.table({"event_id": known})):
        with FaultServer() as server:
            report = repaired.replay(server.url, known=given, dry_run=True)
            check_accounts(report)
            assert (report.rows, report.sent, report.excluded, report.ok) == (2, 1, 1, True)


def test_places_of_all_kinds(tmp_path: Path, registry: Registry) -> None:
    good = {"schema": "iglu:com.acme/user/jsonschema/1-0-0", "data": {"id": "7"}}
    other = {"schema": "iglu:com.acme/gone/jsonschema/1-0-0", "data": {}}
    entities = {
        "schema": "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1",
        "data": [good, other, good],
    }
    data = {"n": "3", "currency": "eur", "items": [{"price": "1,5"}, {"price": 2}], "extra": True}
    events = failed(tmp_path, data, co=json.dumps(entities), vid="many")
    repaired = events.repair(
        {
            "ue.n": lambda value: int(value) + 1,
            "ue.currency": col("ue.currency").upper(),
            "ue.items[*].price": col("ue.items[*].price").to_number(decimal=","),
            "co[com.acme/user].id": col("co[com.acme/user].id").cast("int"),
            "vid": 5,
            "aid": col("p"),
        },
        drop=["ue.extra", "co[com.acme/gone]"],
        registry=registry,
    )
    [payload] = repaired.payloads
    assert payload is not None
    assert data_of(repaired) == [{"n": 4, "currency": "EUR", "items": [{"price": 1.5}, {"price": 2}]}]
    assert payload["co"]["data"] == [{**good, "data": {"id": 7}}] * 2
    assert (payload["vid"], payload["aid"]) == ("5", "web")
    assert repaired.valid == 1
    assert events[0].payload is not None
    assert events[0].payload["vid"] == "many"
    samples = repaired.samples()
    assert samples.set_index("place")["after"]["ue.currency"] == "EUR"


def test_a_schema_is_corrected(tmp_path: Path, registry: Registry) -> None:
    events = failed(tmp_path, {"n": 1})
    assert events[0].payload is not None
    events[0].payload["ue_pr"]["data"]["schema"] = "iglu:com.acme/thingg/jsonschema/1-0-0"
    wrong = events.repair(registry=registry)
    assert (wrong.valid, wrong.changed) == (0, 0)
    uris = {"iglu:com.acme/thingg/jsonschema/1-0-0": "iglu:com.acme/thing/jsonschema/1-0-0"}
    assert events.repair(schemas=uris, registry=registry).valid == 1


def test_a_repair_is_for_the_events_that_are_asked_for(tmp_path: Path, registry: Registry) -> None:
    events = failed(tmp_path, {"n": "1"}, {"n": "2"})
    for where in (
        {"event_id": event_id(0)},
        {"value": "1", "field": "$.*"},
        {"reason": "*integer expected", "value": ["1", "9"]},
    ):
        assert events.repair({"ue.n": 5}, where=where, registry=registry).changed == 1
    assert events.repair({"ue.n": 5}, where={"kind": "other"}, registry=registry).changed == 0
    with pytest.raises(ValueError, match=r"where: no such column: 'kin'; columns are: kind, reason"):
        events.repair({"ue.n": 5}, where={"kin": "x"})


def test_a_recipe_is_stored_and_read(tmp_path: Path, registry: Registry) -> None:
    events = failed(tmp_path, {"n": "1", "currency": " eur "}, {"n": "2", "currency": "usd"})
    changes = {
        "ue.n": col("ue.n").cast("int"),
        "ue.currency": col("ue.currency").strip().replace("eur", "EUR").upper().truncate(3),
    }
    repaired = events.repair(changes, where={"kind": "schema_violations"}, registry=registry).repair(
        drop="ue.nothing"
    )
    recipe = repaired.recipe(tmp_path / "recipe.json")
    for given in (recipe, tmp_path / "recipe.json", json.loads(json.dumps(recipe))):
        again = events.repair(recipe=given, registry=registry)
        assert again.payloads == repaired.payloads
        assert again.valid == 2
    with pytest.raises(TypeError, match=r"the function for 'ue.n' cannot be stored as JSON"):
        events.repair({"ue.n": int}).recipe()
    with pytest.raises(ValueError, match="not a recipe"):
        events.repair(recipe={"steps": []})
    with pytest.raises(ValueError, match="unknown method 'eval' of a column"):
        events.repair(
            recipe={"version": 1, "steps": [{"changes": {"aid": {"$col": "aid", "steps": [["eval", "x"]]}}}]}
        )


@pytest.mark.parametrize("place", ["nonsense", "ue", "aidd", "ue..x", "co[com.acme/user", "aid.x"])
def test_a_place_that_is_none_is_named(place: str) -> None:
    events = FailedEvents([FailedEvent("schema_violations", payload={"e": "pv"})])
    with pytest.raises(ValueError, match=r"no such place in a payload|'ue' is the whole event"):
        events.repair({place: 1})


def test_what_has_no_payload_counts_as_failing(registry: Registry) -> None:
    events = FailedEvents([FailedEvent("size_violation", why_not="the payload was cut")])
    repaired = events.repair({"aid": "x"}, registry=registry)
    assert repaired.after == {"cannot be recovered: the payload was cut": 1}
    with FaultServer() as server:
        report = repaired.replay(server.url)
        check_accounts(report)
        assert (report.rows, report.skipped, server.seen) == (1, 1, [])


def test_times_are_those_of_the_events_or_of_the_devices(tmp_path: Path, registry: Registry) -> None:
    repaired = failed(tmp_path, {"n": "1"}).repair({"ue.n": 1}, registry=registry)
    with LocalCollector() as collector:
        collector.register(THING)
        report = repaired.replay(collector)
        assert (report.good, report.ok) == (1, True)
        [row] = collector.events().to_dict("records")
    assert row["event_id"] == event_id(0)
    assert row["derived_tstamp"] == pd.Timestamp("2026-03-01 10:11:22", tz="UTC")
    assert row["dvce_created_tstamp"] == pd.Timestamp("2026-03-01 10:11:12.345", tz="UTC")
    assert row["user_ipaddress"] == "203.0.113.7"
    with FaultServer() as server:
        repaired.replay(server.url, times="dtm")
        assert "ttm" not in server.seen[0].events[0]
    with pytest.raises(ValueError, match="times must be one of"):
        repaired.replay("http://127.0.0.1:9", times="now")


BREAKS: list[dict[str, Any]] = [
    {"n": "1"}, {"n": 1.5}, {"n": None}, {"n": [1]}, {"currency": "eur"}, {"currency": " USD"}, {"currency": 5},
    {"extra": 1}, {"items": {}}, {"items": [{"price": "2"}]}, {"n": "one"}, {"currency": "Euro"},
]  # fmt: skip
REPAIR = """
import sys
import nbtrack
from nbtrack import col
from nbtrack.schemas import registry_of
number = lambda value: value[0] if isinstance(value, list) else {"one": 1}.get(value, value)
repaired = nbtrack.read_failed(sys.argv[1]).repair(
    {"ue.n": lambda value: int(number(value) or 0), "ue.currency": lambda value: {"eur": "EUR", "Euro": "EUR"}.get(value, "USD")},
    drop=["ue.extra"], registry=registry_of([sys.argv[3]]),
).repair({"ue.items": lambda value: [{"price": float(item["price"])} for item in value]})
report = repaired.replay(sys.argv[2], max_body_bytes=30_000, progress=False)
print(report.rows, report.sent, report.resumed, report.skipped, report.failed, report.excluded, report.ok, repaired.valid)
"""


def test_events_broken_in_twelve_ways_are_all_repaired_and_sent_though_a_run_is_killed(
    tmp_path: Path,
) -> None:
    count = 100_000 if os.environ.get("NBTRACK_LONG") else 6_000
    with (tmp_path / "failed.ndjson").open("w", encoding="utf-8") as file:
        for number in range(count):
            row = schema_violation(parameters(**BREAKS[number % 12]) | {"eid": event_id(number)})
            file.write(json.dumps(row) + "\n")
    folder = tmp_path / "iglu" / "com.acme" / "thing" / "jsonschema"
    folder.mkdir(parents=True)
    (folder / "1-0-0").write_text(
        json.dumps(
            {
                "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#",
                **THING,
            }
        )
    )
    with FaultServer(lambda _number, _body: Act(after=0.02)) as server:
        command = [
            sys.executable,
            "-c",
            REPAIR,
            str(tmp_path / "failed.ndjson"),
            server.url,
            str(tmp_path / "iglu"),
        ]
        process = subprocess.Popen(command)
        assert server.wait_for(count // 4, 240)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = len(server.delivered)
        assert before < count
        done = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    rows, sent, resumed, skipped, unsent, excluded = map(int, done[:6])
    assert rows == count == sent + resumed + skipped + unsent + excluded
    assert (skipped, unsent, excluded, done[6], int(done[7])) == (0, 0, 0, "True", count)
    assert resumed > 0
    assert set(server.delivered) == {event_id(number) for number in range(count)}


def test_rows_of_a_replay_are_positions_among_the_failed_events(tmp_path: Path, registry: Registry) -> None:
    events = failed(tmp_path, *({"n": "x" if number in {4, 7} else str(number)} for number in range(9)))
    repaired = events.repair({"ue.n": lambda n: n if n == "x" else int(n)}, registry=registry)
    known = [event_id(number) for number in (0, 2, 5)]
    with FaultServer() as server:
        report = repaired.replay(server.url, known=known)
    assert (report.rows, report.sent, report.skipped, report.excluded) == (9, 4, 2, 3)
    assert [row.row for row in report.errors.itertuples()] == [4, 7]
    assert "3 rows left out, since their event ids are known" in str(report)
    assert set(server.delivered) == {event_id(number) for number in (1, 3, 6, 8)}


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from nbtrack.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line(tmp_path: Path, registry: Registry) -> None:
    events = failed(tmp_path, {"n": "1"}, {"n": "2"})
    events.repair({"ue.n": col("ue.n").cast("int")}, registry=registry).recipe(tmp_path / "recipe.json")
    folder = tmp_path / "iglu" / "com.acme" / "thing" / "jsonschema"
    folder.mkdir(parents=True)
    self_desc = "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
    (folder / "1-0-0").write_text(json.dumps({"$schema": self_desc, **THING}))
    file, options = (
        str(tmp_path / "failed.ndjson"),
        ["--recipe", str(tmp_path / "recipe.json"), "--iglu", str(tmp_path / "iglu")],
    )
    shown = run("failed", "summary", file, "--output", str(tmp_path / "failed.parquet"))
    assert "2 failed events, 2 with a payload" in shown.stdout, shown.stderr
    assert pd.read_parquet(tmp_path / "failed.parquet")["event_id"].to_list() == [event_id(0), event_id(1)]
    shown = run("failed", "repair", file, *options, "--output", str(tmp_path / "valid.ndjson"))
    assert (shown.returncode, "2 valid now" in shown.stdout) == (0, True), shown.stderr
    assert len((tmp_path / "valid.ndjson").read_text().splitlines()) == 2
    (tmp_path / "known.txt").write_text(event_id(0))
    with FaultServer() as server:
        shown = run(
            "failed",
            "replay",
            file,
            *options,
            "--collector",
            server.url,
            "--known",
            str(tmp_path / "known.txt"),
            "--quiet",
        )
        assert (shown.returncode, "1 of 2 rows sent" in shown.stdout) == (0, True), (
            shown.stdout + shown.stderr
        )
        assert list(server.delivered) == [event_id(1)]
    assert run("failed", "summary", str(tmp_path / "none")).returncode == 2
    shown = run("enriched", file)
    assert (shown.returncode, "0 events" in shown.stdout) == (1, True), shown.stderr
