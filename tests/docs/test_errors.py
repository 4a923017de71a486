"""The messages that people meet: each says what, where and why, and what to do. The page Questions explains them."""

import contextlib
import re
import sqlite3
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbtrack
from nbtrack import backfill, col
from nbtrack.bulk import LedgerError, make_event_id, make_plan, preview, send_batches
from nbtrack.collector import CollectorClient, CollectorError, LocalCollector
from nbtrack.delivery import Emitter, InMemoryEventStore, RedisEventStore, SQLiteEventStore
from nbtrack.delivery.outbox import open_outbox
from nbtrack.runtime import NBTrack, SettingError
from nbtrack.schemas import Registry, draft_schema, lint_schema
from nbtrack.tracker import (
    EmitterConfiguration,
    FormSubmit,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    Snowplow,
    StructuredEvent,
    Subject,
    Tracker,
    event_class,
)

TIMING = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
NAME = {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"}
UUID = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"
NOBODY = "http://127.0.0.1:9"
FRAME = pd.DataFrame({"order_id": ["o-1"], "total": [9.5]})
EVENT = StructuredEvent("shop", "buy", label=col("order_id"))


def write(name: str) -> Path:
    Path(name).write_text("")
    return Path(name)


MESSAGES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a column that is not there": (
        lambda: backfill(FRAME, StructuredEvent("shop", col("order_idd")), collector=NOBODY),
        ValueError,
        "the data has no column 'order_idd' (did you mean 'order_id'?); it has: order_id, total",
    ),
    "a key that is not there": (
        lambda: backfill(FRAME, EVENT, key="id", collector=NOBODY),
        ValueError,
        "the data has no column 'id'",
    ),
    "data of no known kind": (
        lambda: backfill(42, EVENT, collector=NOBODY),
        TypeError,
        "backfill cannot read int: give a pandas or polars frame, an Arrow table or reader, the path of a Parquet or CSV file",
    ),
    "a file that is not there": (
        lambda: backfill("nowhere.parquet", EVENT, collector=NOBODY),
        TypeError,
        "no file is at nowhere.parquet",
    ),
    "a session with an address of no known kind": (
        lambda: nbtrack.start("ftp://sp.acme.com"),
        SettingError,
        "'ftp' is no protocol of a collector; use one of http, https; or 'local', this machine's own",
    ),
    "a session with an address that is no text": (
        lambda: nbtrack.start(collector=5),
        SettingError,
        "collector = 5 (argument) does not fit: The 'collector' trait of a NBTrack instance expected a unicode string",
    ),
    "a tracker's name where a tracker is wanted": (
        lambda: Snowplow.remove_tracker("shop"),
        TypeError,
        "remove_tracker wants a tracker, and got 'shop': remove_tracker_by_namespace takes a name",
    ),
    "no collector": (
        lambda: backfill(FRAME, EVENT),
        RuntimeError,
        "backfill does not know where to send: give collector=URL, or start a session",
    ),
    "a collector's address of no known kind": (
        lambda: backfill(FRAME, EVENT, collector="ftp://sp.acme.com"),
        ValueError,
        "'ftp' is no protocol of a collector; use one of http, https.",
    ),
    "the local collector without a session": (
        lambda: backfill(FRAME, EVENT, collector="local"),
        RuntimeError,
        'collector="local" is that of a session that stays on this machine, and no session runs: call nbtrack.start(),',
    ),
    "the event before the data": (
        lambda: backfill(EVENT, FRAME),
        TypeError,
        "backfill wants the data first, then the event: backfill(df, event)",
    ),
    "a folder in place of files": (
        lambda: backfill(".", EVENT, collector=NOBODY),
        TypeError,
        ". is a folder: name its files by a pattern, such as *.parquet",
    ),
    "a number in place of a key": (
        lambda: backfill(FRAME, EVENT, key=3, collector=NOBODY),
        TypeError,
        "key must name columns, such as key=['order_id'], not 3",
    ),
    "a placeholder in place of a key": (
        lambda: backfill(FRAME, EVENT, key=col("order_id"), collector=NOBODY),
        TypeError,
        "key must name columns, such as key=['order_id'], not col('order_id')",
    ),
    "a number in place of a namespace": (
        lambda: backfill(FRAME, EVENT, namespace=3, collector=NOBODY),
        TypeError,
        "namespace must be a name or a uuid.UUID, not 3",
    ),
    "a name in place of a subject": (
        lambda: backfill(FRAME, EVENT, subject="me", collector=NOBODY),
        TypeError,
        "subject must be a Subject, such as Subject(), not 'me'",
    ),
    "a folder in place of a registry": (
        lambda: backfill(FRAME, EVENT, registry="folder", collector=NOBODY),
        TypeError,
        "registry must be a Registry, such as Registry(['schemas']), not 'folder'",
    ),
    "a body too small for an event": (
        lambda: backfill(FRAME, EVENT, max_body_bytes=3, collector=NOBODY),
        ValueError,
        "max_body_bytes must be between 88 (one event) and 1,048,576 (a collector drops larger bodies), not 3",
    ),
    "a negative rate": (
        lambda: backfill(FRAME, EVENT, rate=-1, collector=NOBODY),
        ValueError,
        "rate must be above 0, not -1",
    ),
    "no connection at all": (
        lambda: backfill(FRAME, EVENT, connections=0, collector=NOBODY),
        ValueError,
        "connections must be at least 1, not 0",
    ),
    "half a connection": (
        lambda: backfill(FRAME, EVENT, connections=2.5, collector=NOBODY),
        TypeError,
        "connections must be a whole number, not 2.5",
    ),
    "no patience given": (
        lambda: backfill(FRAME, EVENT, give_up_after=None, collector=NOBODY),
        TypeError,
        "give_up_after must be a number of seconds, not None: math.inf waits without end",
    ),
    "a ledger that is no file": (
        lambda: backfill(FRAME, EVENT, ledger=5, collector=NOBODY),
        TypeError,
        "ledger must be True, False or the path of a file, not 5",
    ),
    "a ledger in a place of no file": (
        lambda: backfill(FRAME, EVENT, ledger="/", resume=True, collector=NOBODY),
        LedgerError,
        "/ cannot be used (unable to open database file): give ledger= a file in a folder that can be written",
    ),
    "a run to resume without a ledger": (
        lambda: backfill(FRAME, EVENT, ledger=False, resume=True, collector=NOBODY),
        ValueError,
        "resume=True goes by the ledger of the run before, and ledger=False keeps none",
    ),
    "an option that a preview has not": (
        lambda: preview(FRAME, EVENT, dry_run=True),
        TypeError,
        "there is no option 'dry_run' here; there are: byte_rate, connections,",
    ),
    "a number of rows that is none": (
        lambda: preview(FRAME, EVENT, "all"),
        TypeError,
        "n must be a whole number, not 'all'",
    ),
    "a frame in place of its batches": (
        lambda: send_batches(make_plan(EVENT, FRAME.columns, send=False), FRAME),
        TypeError,
        "send_batches wants Arrow batches, such as pyarrow.Table.from_pandas(df).to_batches() gives, not a str",
    ),
    "a key's text in place of the list of them": (
        lambda: make_event_id(uuid.NAMESPACE_URL, "o-1"),
        TypeError,
        "key must be a list of texts, such as ['o-1'], not 'o-1'",
    ),
    "a column that is called by no text": (
        lambda: col(("price", "net")),
        TypeError,
        """col wants a column's name, a text, and got ('price', 'net'): a column of a frame that is called so is col("('price', 'net')")""",
    ),
    "a pattern that is no text": (
        lambda: col("total").format(3),
        ValueError,
        "format of col('total') wants a pattern with one {} in it, and got 3",
    ),
    "a column in place of a frame": (
        lambda: backfill(FRAME["total"], EVENT, collector=NOBODY),
        TypeError,
        "backfill wants a frame of rows, and a Series is one column: make it a frame, as with series.to_frame('name')",
    ),
    "values in place of a frame": (
        lambda: backfill({"order_id": ["o-1"]}, EVENT, collector=NOBODY),
        TypeError,
        "backfill wants a frame, and got a dict: make it one, as with pandas.DataFrame(…)",
    ),
    "a collector that does not run": (
        lambda: backfill(FRAME, EVENT, collector=LocalCollector()),
        TypeError,
        "a text such as https://sp.acme.com or the url of a LocalCollector; got <LocalCollector not started>",
    ),
    "no host at all": (
        lambda: Emitter(""),
        ValueError,
        "No endpoint provided: give the collector's host or URL, such as https://sp.acme.com",
    ),
    "a port that is no number": (
        lambda: Emitter("sp.acme.com:https"),
        ValueError,
        "the port in the endpoint 'sp.acme.com:https' is none",
    ),
    "a method of no collector": (
        lambda: Emitter("sp.acme.com", method="put"),
        ValueError,
        "'put' is no method of a collector; use one of get, post.",
    ),
    "a number as a text": (
        lambda: Emitter("sp.acme.com", batch_size="10"),
        TypeError,
        "batch_size must be a number, not '10'",
    ),
    "a number that is too small": (
        lambda: Emitter("sp.acme.com", buffer_capacity=0),
        ValueError,
        "buffer_capacity must be at least 1, not 0",
    ),
    "a file of no known kind": (
        lambda: backfill(write("orders.xlsx"), EVENT, collector=NOBODY),
        TypeError,
        "backfill reads Parquet and CSV files, not .xlsx",
    ),
    "two columns of one name": (
        lambda: backfill(
            pd.DataFrame([[1, 2]], columns=["a", "a"]), StructuredEvent("shop", col("a")), collector=NOBODY
        ),
        ValueError,
        "the data has more than one column called 'a': rename them first",
    ),
    "something in place of an event in a backfill": (
        lambda: backfill(FRAME, {"e": "pv"}, collector=NOBODY),
        TypeError,
        "backfill wants the event one would track, such as SelfDescribing(SelfDescribingJson(…)) with col(…)",
    ),
    "a time made of texts": (
        lambda: backfill(FRAME, StructuredEvent("a", "b", true_timestamp=col("order_id")), collector=NOBODY),
        ValueError,
        "col('order_id') gives str values where a time goes: give datetimes, or milliseconds since 1970",
    ),
    "one id for all rows": (
        lambda: backfill(FRAME, StructuredEvent("a", "b", event_id=UUID), collector=NOBODY),
        ValueError,
        "event_id= is one id for all rows: give event_id=col(…), or key=[…] for ids made from columns",
    ),
    "two sources of ids": (
        lambda: backfill(
            FRAME, StructuredEvent("a", "b", event_id=col("order_id")), key="total", collector=NOBODY
        ),
        ValueError,
        "the event has event_id=col(…) and there is a key too: give one of them",
    ),
    "nothing to send again": (
        lambda: backfill(FRAME, EVENT, dry_run=True).retry(),
        RuntimeError,
        "there is nothing to send again: no row was refused",
    ),
    "a wrong option": (
        lambda: backfill(FRAME, EVENT, collector=NOBODY, on_invalid="drop"),
        ValueError,
        "on_invalid is one of skip, raise, send, not 'drop'",
    ),
    "a placeholder used as a value": (
        lambda: str(col("total")),
        TypeError,
        "col('total') stands for a column and has no value of its own: give the event to nbtrack.backfill",
    ),
    "a cast to no known type": (
        lambda: col("total").cast("date"),
        ValueError,
        "cast of col('total') wants one of str, int, float, bool, and got 'date'",
    ),
    "a schema's name that is no URI": (
        lambda: SelfDescribingJson("com.acme/purchase", {}),
        ValueError,
        "schema must look like iglu:com.acme/purchase/jsonschema/1-0-0: got 'com.acme/purchase'",
    ),
    "a schema with a typing error": (
        lambda: event_class("iglu:com.snowplowanalytics.snowplow/link_clik/jsonschema/1-0-1"),
        LookupError,
        "did you mean iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1?",
    ),
    "a schema without a name": (
        lambda: Registry().register({"type": "object"}),
        ValueError,
        "a schema needs `self` with its vendor, name, format and version",
    ),
    "a schema that cannot be used": (
        lambda: Registry().register({"self": NAME, "type": "objekt"}),
        ValueError,
        "iglu:com.acme/visit/jsonschema/1-0-0 cannot be used: ",
    ),
    "a server's address without its scheme": (
        lambda: Registry(servers=["schemas.acme.com"]),
        ValueError,
        "'schemas.acme.com' is not the address of an Iglu server",
    ),
    "a collector that has not started": (
        lambda: LocalCollector().events(),
        ConnectionError,
        "<LocalCollector not started> does not run: call its start(), or enter it: with LocalCollector() as collector",
    ),
    "a folder of schemas that is not there": (
        lambda: LocalCollector(iglu=["nowhere"]),
        FileNotFoundError,
        "iglu names 'nowhere', and no folder is at ",
    ),
    "a folder in place of a list of them": (
        lambda: LocalCollector(iglu="schemas"),
        TypeError,
        "iglu must be a list, such as ['schemas', 'https://iglu.acme.com'], not 'schemas'",
    ),
    "a database in a place of no file": (
        lambda: LocalCollector(db="/"),
        ValueError,
        "db must be the path of a file in a folder that is there, not '/'",
    ),
    "a port as a text": (
        lambda: LocalCollector(port="9090"),
        TypeError,
        "port must be a whole number, 0 or more, not '9090'",
    ),
    "a port beyond all": (
        lambda: LocalCollector(port=70_000),
        ValueError,
        "port must be between 0 and 65535, not 70000",
    ),
    "a client without an address": (
        lambda: CollectorClient("127.0.0.1:9090"),
        ValueError,
        "url must be a collector's address, such as http://127.0.0.1:9090, not '127.0.0.1:9090'",
    ),
    "a schema where the number goes": (
        lambda: LocalCollector().wait_for(TIMING),
        TypeError,
        "n must be a whole number, 0 or more, not 'iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0'",
    ),
    "a limit that is none": (
        lambda: LocalCollector().bad(limit="x"),
        TypeError,
        "limit must be a whole number, 0 or more, not 'x'",
    ),
    "a folder in place of a registry's list": (
        lambda: Registry("schemas"),
        TypeError,
        "folders must be a list, such as folders=[…], not 'schemas'",
    ),
    "a registry's folder that is not there": (
        lambda: Registry(["nowhere"]).find("iglu:com.acme/visit/jsonschema/1-0-0"),
        LookupError,
        "no schema iglu:com.acme/visit/jsonschema/1-0-0 in the session, nowhere (no such folder), the built-in registry",
    ),
    "data where the schema's name goes": (
        lambda: Registry().faults({"timing": 3}, TIMING),
        ValueError,
        "{'timing': 3} is not an Iglu URI such as ",
    ),
    "data that is no JSON": (
        lambda: Registry().faults(TIMING, {"timing": object()}),
        ValueError,
        "the data holds what JSON does not know (Unsupported type: 'object'): nbtrack.values.jsonable makes",
    ),
    "a schema's file in place of the schema": (
        lambda: Registry().register("visit.json"),
        ValueError,
        "register takes a schema, a dict, not a text: json.loads(…) reads one; got 'visit.json'",
    ),
    "a schema that is none": (
        lambda: Registry().register(None),
        ValueError,
        "a schema needs `self` with its vendor, name, format and version",
    ),
    "a dict in place of a frame": (
        lambda: draft_schema({"quantity": [1]}, "iglu:com.acme/order/jsonschema/1-0-0"),
        TypeError,
        "draft_schema wants a frame, such as pandas.DataFrame(…), not a dict",
    ),
    "a schema's name in place of the schema": (
        lambda: lint_schema(TIMING),
        TypeError,
        "lint_schema wants a schema, a dict, not a str",
    ),
    "a collector that is gone": (
        lambda: CollectorClient(NOBODY).counts(),
        ConnectionError,
        "no collector answers at http://127.0.0.1:9 (",
    ),
    "a required text that is empty": (lambda: PageView(""), ValueError, "page_url is empty: got ''"),
    "a time that is none": (
        lambda: PageView("https://acme.com", true_timestamp="noon"),
        ValueError,
        "true_timestamp is not allowed: milliseconds since 1970 or a datetime is wanted, and got 'noon'",
    ),
    "a payload in place of an event": (
        lambda: Tracker("shop", Emitter(NOBODY)).track({"e": "pv"}),
        TypeError,
        "track wants an event, such as PageView(…), and got {'e': 'pv'}",
    ),
    "a tracker without an emitter": (
        lambda: Tracker("shop", []),
        ValueError,
        "emitters is empty: a tracker needs one",
    ),
    "arguments of snowplow-tracker 0.x": (
        lambda: Tracker(Emitter(NOBODY), namespace="shop"),
        TypeError,
        "Tracker wants the namespace first, a text: Tracker('my-namespace', emitters)",
    ),
    "a text in place of an emitter": (
        lambda: Tracker("shop", "sp.acme.com"),
        ValueError,
        "emitters wants an emitter or a list of emitters, such as Emitter(…), and got 'sp.acme.com'",
    ),
    "a class in place of an emitter": (
        lambda: Tracker("shop", Emitter),
        ValueError,
        "emitters wants an emitter or a list of emitters, such as Emitter(…), and got <class ",
    ),
    "a text in place of another emitter": (
        lambda: Tracker("shop", Emitter(NOBODY)).add_emitter("sp.acme.com"),
        ValueError,
        "emitter wants an emitter, such as Emitter(…), and got 'sp.acme.com'",
    ),
    "a name in place of a tracker's subject": (
        lambda: Tracker("shop", Emitter(NOBODY), "me"),
        ValueError,
        "subject wants a Subject, such as Subject(), and got 'me'",
    ),
    "a name in place of an event's subject": (
        lambda: PageView("https://acme.com", event_subject="me"),
        ValueError,
        "event_subject wants a Subject, such as Subject(), and got 'me'",
    ),
    "a folder in place of a tracker's registry": (
        lambda: Tracker("shop", Emitter(NOBODY), registry="schemas"),
        ValueError,
        "registry wants a Registry, such as Registry(['schemas']), and got 'schemas'",
    ),
    "a folder in place of a class's registry": (
        lambda: event_class(TIMING, registry="schemas"),
        ValueError,
        "registry wants a Registry, such as Registry(['schemas']), and got 'schemas'",
    ),
    "an encoder that cannot be called": (
        lambda: Tracker("shop", Emitter(NOBODY), json_encoder="default"),
        ValueError,
        "json_encoder is not allowed: got 'default', and a function is wanted",
    ),
    "a text in place of an entity for every event": (
        lambda: Tracker("shop", Emitter(NOBODY)).add_global_context(TIMING),
        ValueError,
        "and a SelfDescribingJson, a function that gives some, or a pair (filter, either) is wanted",
    ),
    "a dict in place of a configuration": (
        lambda: Snowplow.create_tracker("shop", NOBODY, emitter_config={"batch_size": 3}),
        TypeError,
        "emitter_config wants EmitterConfiguration(…), and got {'batch_size': 3}",
    ),
    "data and schema swapped": (
        lambda: SelfDescribingJson({"timing": 3}, TIMING),
        ValueError,
        "schema must be a text: got {'timing': 3}",
    ),
    "an entity that is not in a list": (
        lambda: PageView("https://acme.com", context=SelfDescribingJson(TIMING, {})),
        ValueError,
        "context must be a list of SelfDescribingJson: got SelfDescribingJson(",
    ),
    "a dict in place of self-describing JSON": (
        lambda: SelfDescribing({"schema": TIMING, "data": {}}),
        ValueError,
        "event_json must be a SelfDescribingJson: got {'schema': ",
    ),
    "an event id that is none": (
        lambda: PageView("https://acme.com", event_id="1"),
        ValueError,
        "event_id must be a UUID: got '1'",
    ),
    "a platform that is none": (
        lambda: Subject().set_platform("toaster"),
        ValueError,
        "value is not supported: got 'toaster', and it may be one of app, cnsl,",
    ),
    "a form's element that is none": (
        lambda: FormSubmit("signup", elements=[{"name": "plan"}]),
        ValueError,
        "elements is not allowed: got {'name': 'plan'}, and a dict with name, value, a nodeName of HTML",
    ),
    "a plugin that does nothing": (
        lambda: Tracker("shop", Emitter(NOBODY)).add_plugin(print),
        ValueError,
        "and an object with before_track or after_track is wanted",
    ),
    "a value without a JSON form": (
        lambda: Tracker("shop", Emitter(NOBODY)).track(
            SelfDescribing(SelfDescribingJson(TIMING, {"timing": object()}))
        ),
        TypeError,
        "timing is a object, which has no JSON form: convert it, or give a json_encoder",
    ),
    "a placeholder in a tracked event": (
        lambda: Tracker("shop", Emitter(NOBODY)).track(EVENT),
        TypeError,
        "se_la is col('order_id'), which stands for a column and has no value of its own: give the event to",
    ),
    "a name of snowplow-tracker's early days": (
        lambda: Tracker("shop", Emitter(NOBODY)).addEmitter,
        AttributeError,
        "Tracker has no addEmitter: use add_emitter",
    ),
    "a property that a schema's class wants": (
        lambda: event_class(TIMING)(category="query"),
        TypeError,
        "Timing: missing a required argument: 'variable'; it takes category, variable, timing, label",
    ),
    "a property that the schema does not allow": (
        lambda: event_class(TIMING)(category="query", variable="load", timing="slow"),
        ValueError,
        "Timing: $.timing: string found, number expected",
    ),
    "a name that a tracker has already": (
        lambda: [Snowplow.add_tracker(Tracker("twice", Emitter(NOBODY))) for _ in "ab"],
        TypeError,
        "Tracker with this namespace already exists: 'twice'; Snowplow.get_tracker gives it",
    ),
    "a negative number in a configuration": (
        lambda: EmitterConfiguration(batch_size=-1),
        ValueError,
        "batch_size must be 0 or greater: got -1",
    ),
    "a port out of range": (
        lambda: Emitter("sp.acme.com", port=99_999),
        ValueError,
        "port must be between 1 and 65535, not 99999",
    ),
    "a word in place of a store": (
        lambda: Emitter(NOBODY, event_store="disk"),
        TypeError,
        "event_store must be a store, such as SQLiteEventStore('outbox.sqlite'); got 'disk', which has no add_event,",
    ),
    "a class in place of a store": (
        lambda: Emitter(NOBODY, event_store=SQLiteEventStore),
        TypeError,
        "which is a class: make one of it",
    ),
    "headers that are none": (
        lambda: Emitter(NOBODY, headers="a"),
        TypeError,
        "headers must be a dict such as {'Authorization': …}, not a str",
    ),
    "a token read from a file with its line break": (
        lambda: Emitter(NOBODY, headers={"Authorization": "Bearer x\n"}),
        ValueError,
        "headers: 'Authorization' has a line break in it or in its value: strip() it",
    ),
    "a token with a letter that no header can have": (
        lambda: Emitter(NOBODY, headers={"Authorization": "Bearer €"}),
        ValueError,
        "headers: 'Authorization' has a letter in it or in its value that HTTP does not carry: a token is plain ASCII",
    ),
    "seconds as a text": (
        lambda: Emitter(NOBODY, request_timeout="3"),
        TypeError,
        "request_timeout must be a number, not '3'",
    ),
    "too few seconds": (
        lambda: Emitter(NOBODY, request_timeout=(0, 3)),
        ValueError,
        "request_timeout must be above 0, not 0",
    ),
    "three timeouts": (
        lambda: Emitter(NOBODY, request_timeout=(1, 2, 3)),
        ValueError,
        "request_timeout must be seconds, or a pair (connect, read), not (1, 2, 3)",
    ),
    "a callback that cannot be called": (
        lambda: Emitter(NOBODY, on_failure="print"),
        TypeError,
        "on_failure must be a function, not 'print'",
    ),
    "retry codes without a rule": (
        lambda: Emitter(NOBODY, custom_retry_codes=[429]),
        TypeError,
        "custom_retry_codes must be a dict such as {429: False}; got [429]",
    ),
    "a flush timer without seconds": (
        lambda: Emitter(NOBODY).set_flush_timer("5"),
        TypeError,
        "timeout must be a number, not '5'",
    ),
    "a capacity where the logger goes": (
        lambda: InMemoryEventStore(500),
        TypeError,
        "logger must be a logging.Logger; got 500",
    ),
    "a folder in place of a store's file": (
        lambda: SQLiteEventStore("/"),
        sqlite3.OperationalError,
        "/ cannot be used as a store (unable to open database file): give a file in a folder that can be written",
    ),
    "nothing in place of a Redis": (
        lambda: RedisEventStore(None),
        TypeError,
        "RedisEventStore wants a redis.Redis, or a URL as redis://host:6379/0, not None",
    ),
    "no session": (
        nbtrack.session,
        RuntimeError,
        "no nbtrack session runs here: run `%load_ext nbtrack` in a notebook, or call nbtrack.start() in a script",
    ),
    "something that cannot be tracked": (
        lambda: nbtrack.track(42),
        TypeError,
        "nbtrack.track takes a name (with nbtrack.track('fit') as step), a function (@nbtrack.track) or an event",
    ),
    "an event's class in place of the event": (
        lambda: nbtrack.track(PageView),
        TypeError,
        "nbtrack.track takes an event, not its class: nbtrack.track(PageView(…))",
    ),
    "an event's data in place of the event": (
        lambda: nbtrack.track(SelfDescribingJson(TIMING, {})),
        TypeError,
        "nbtrack.track takes an event: put the SelfDescribingJson into SelfDescribing(…)",
    ),
    "a property where the step is named": (
        lambda: nbtrack.track("fit", auc=0.91),
        TypeError,
        "nbtrack.track takes label=, and no auc=: with nbtrack.track('fit') as step, then step['auc'] = …, or",
    ),
    "a server that is none": (
        lambda: Registry(servers=[3]),
        TypeError,
        "servers takes addresses such as https://iglu.acme.com, and IgluServer(…); not 3",
    ),
    "a label that is no text": (
        lambda: nbtrack.track("fit", label=3),
        TypeError,
        "label must be a text, and of a step, not label=3 of 'fit'",
    ),
    "a setting with a typing error": (
        lambda: NBTrack(colector="local"),
        ValueError,
        "nbtrack has no setting 'colector' (argument). Did you mean 'collector'?",
    ),
    "a setting's value that does not fit": (
        lambda: NBTrack(cells="some"),
        ValueError,
        "cells = 'some' (argument) does not fit: ",
    ),
    "a place where no events wait": (
        lambda: nbtrack.start(store="dsk"),
        SettingError,
        "store = 'dsk' (argument) does not fit: events wait on 'disk', in 'memory', or at a URL such as redis://",
    ),
    "a namespace that no tracker takes": (
        lambda: NBTrack(namespace=""),
        SettingError,
        "namespace = '' (argument) does not fit: it is empty",
    ),
    "a redaction that cannot be called": (
        lambda: NBTrack(redact="email"),
        SettingError,
        "redact = 'email' (argument) does not fit: The 'redact' trait of a NBTrack instance expected a callable",
    ),
    "an address of no Iglu server": (
        lambda: NBTrack(iglu=["s3://schemas"]),
        SettingError,
        "'s3://schemas' is neither a folder nor the http:// or https:// URL of a server",
    ),
    "a session with a collector that does not run": (
        lambda: nbtrack.start(LocalCollector()),
        SettingError,
        "<LocalCollector not started> does not run: call its start(), or enter it: with LocalCollector() as …",
    ),
    "an attribute that nbtrack has not": (
        lambda: nbtrack.load,
        AttributeError,
        "module 'nbtrack' has no attribute 'load'",
    ),
    "a monitor without a session": (nbtrack.monitor, RuntimeError, "run `%load_ext nbtrack` in a notebook"),
    "an attribute that a step has not": (
        lambda: setattr(nbtrack.track("fit"), "auc", 0.9),
        AttributeError,
        "a step has no attribute 'auc'; it has rows_in, rows_out and label, and takes any property as step['auc'] = …",
    ),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_message_says_what_is_wrong_and_what_to_do(
    case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    make, kind, text = MESSAGES[case]
    try:
        with pytest.raises(kind, match=re.escape(text)):
            make()
    finally:
        Snowplow.reset()


def test_the_page_of_questions_lists_every_message():
    rows = (Path(__file__).parents[2] / "docs/pages/faq.md").read_text(encoding="utf-8").splitlines()
    listed = {
        tuple(part.strip(" `") for part in row.strip("|").split("|")) for row in rows if row.startswith("|")
    }
    assert [
        (case, text) for case, (_, _, text) in MESSAGES.items() if (case, text.strip(" `")) not in listed
    ] == []


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"RedisEventStore needs the package redis: pip install 'nbtrack\[redis\]'"
    ):
        RedisEventStore("redis://127.0.0.1:6379/0")


def test_a_backfill_under_nbtrack_disabled_says_which_variable_forbids_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBTRACK_DISABLED", "1")
    with pytest.raises(
        RuntimeError, match="NBTRACK_DISABLED is set: nothing may be sent from here; unset it"
    ):
        backfill(FRAME, EVENT, collector=NOBODY)


def test_a_full_disk_is_told_once_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with SQLiteEventStore(tmp_path / "outbox.sqlite") as store:
        emitter = Emitter(NOBODY, event_store=store, batch_size=1_000)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        for number in range(100):
            assert emitter.input({"e": "pv", "eid": str(number), "page": "x" * 500})
        store._connection.execute("PRAGMA max_page_count = 1000000")
        emitter.close(timeout=0)
    (record,) = caplog.records
    assert "The store of unsent events failed" in record.getMessage()
    assert "full); they wait in memory until it works again" in record.getMessage()


def test_an_outbox_of_a_later_version_is_left_alone_and_named(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    SQLiteEventStore(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(
        sqlite3.DatabaseError, match=r"outbox\.sqlite was written by a later nbtrack .*update nbtrack"
    ):
        SQLiteEventStore(path)


def test_a_resumed_backfill_of_other_rows_says_what_changed(tmp_path: Path):
    with LocalCollector() as collector:
        options = {"collector": collector.url, "ledger": tmp_path / "ledger.sqlite"}
        assert backfill(FRAME, EVENT, **options).ok
        other = StructuredEvent("shop", "sell", label=col("order_id"))
        text = (
            r"ledger\.sqlite cannot be resumed: the event or its options changed since; without resume=True it "
            r"begins anew, and what was delivered goes out again: with the same ids where namespace= and key= "
        )
        with pytest.raises(LedgerError, match=text):
            backfill(FRAME, other, **options, resume=True)


def test_a_port_that_is_taken_is_named():
    with LocalCollector() as collector:
        port = int(collector.url.rpartition(":")[2])
        with pytest.raises(
            OSError, match=rf"no collector can listen on port {port} of 127\.0\.0\.1 \(.*port 0 takes"
        ):
            LocalCollector(port=port).start()


def test_local_is_the_collector_of_a_session_that_stays_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    with LocalCollector() as collector:
        nbtrack.start(collector)
        try:
            assert backfill(FRAME, EVENT, collector="local").ok
        finally:
            nbtrack.stop()
        assert collector.wait_for(1) == 1
        nbtrack.start("https://sp.acme.com")
        try:
            with pytest.raises(
                RuntimeError, match=r"and the session sends to https://sp\.acme\.com: call nbtrack"
            ):
                backfill(FRAME, EVENT, collector="local")
        finally:
            nbtrack.stop()


def test_a_backfill_that_reaches_nobody_says_so_while_it_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    options = {"collector": NOBODY, "ledger": tmp_path / "ledger.sqlite", "give_up_after": 2.3}
    text = f"waits for {NOBODY} (connection refused), 2.3 s at most"
    assert backfill(FRAME, EVENT, **options, progress=False).interrupted
    assert [record.getMessage() for record in caplog.records] == [f"backfill {text}; 0 rows are done"]
    assert backfill(FRAME, EVENT, **options, progress=True).interrupted
    told = capsys.readouterr().err
    assert text in told
    assert "100%" not in told


def test_a_backfill_reports_though_its_dead_letters_cannot_be_kept(tmp_path: Path):
    (tmp_path / "file").touch()
    nobody = StructuredEvent("shop", "buy", value=col("order_id"))
    report = backfill(FRAME, nobody, dry_run=True, dead_letters=tmp_path / "file" / "letters.parquet")
    assert report.skipped == 1
    assert any("the rows that were not delivered could not be kept: " in note for note in report.notes)


def test_a_collector_that_wants_a_token_says_where_it_is():
    with (
        LocalCollector() as collector,
        pytest.raises(CollectorError, match="the collector's token is needed"),
    ):
        CollectorClient(collector.url, "wrong").counts()


def test_an_event_that_did_not_come_is_told_with_what_came():
    with LocalCollector() as collector:
        with Tracker("shop", Emitter(collector.url, batch_size=1)) as tracker:
            tracker.track(PageView("https://acme.com", event_id="5d79770b-015b-4af8-8c91-b2ed6faf4b1e"))
        with pytest.raises(TimeoutError, match=r"1 of 2 good events came; in all 1 good and 0 bad"):
            collector.wait_for(2, timeout=0.2)
        with pytest.raises(ValueError, match=r"no event has a column 'event_idd'; did you mean 'event_id'\?"):
            collector.events(columns=["event_idd"])
        with pytest.raises(TypeError, match=r"columns must be a list, such as \['event_id', 'page_url'\]"):
            collector.events(columns="event_id")
        with pytest.raises(ValueError, match=r"x\.xlsx: the ending must be \.parquet, \.tsv"):
            collector.export("x.xlsx")


def test_a_home_that_cannot_be_written_is_told_at_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    try:
        told = nbtrack.start().describe()
    finally:
        nbtrack.stop()
    assert "cannot be written, so what is not sent ends with this process" in told


def test_a_local_collector_without_a_home_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "file" / "home"))
    told = r"the local collector cannot be started, as .*home cannot be written \(Not a directory\): set NBTRACK_HOME"
    session = nbtrack.start()
    try:
        with pytest.raises(OSError, match=told):
            session.collector  # noqa: B018
    finally:
        nbtrack.stop()


def test_an_outbox_that_cannot_be_opened_is_told_once_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    open_outbox(tmp_path / "file" / "home").close()
    (record,) = caplog.records
    assert record.getMessage().startswith("Unsent events are kept in memory and end with this process")


def test_an_environment_variable_with_a_typing_error_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_COLECTOR", "https://sp.acme.com")
    assert NBTrack().complaints == [
        "nbtrack has no setting 'colector' (NBTRACK_COLECTOR). Did you mean 'collector'?"
    ]


def test_headers_that_do_not_fit_are_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SettingError, match=r"headers = … \(argument\) does not fit: headers must be a dict"
    ) as told:
        NBTrack(headers="Bearer secret")
    assert "secret" not in str(told.value)
    monkeypatch.setenv("NBTRACK_HEADERS", "Bearer secret")
    assert NBTrack().complaints == [
        "NBTRACK_HEADERS is ignored: headers are written as {'Authorization': '…'}"
    ]


def test_folders_of_schemas_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_IGLU", "schemas")
    told = f"iglu (NBTRACK_IGLU) names 'schemas', and no folder is at {tmp_path / 'schemas'}"
    assert NBTrack().complaints == [told]
    monkeypatch.setenv("NBTRACK_IGLU", "['https://iglu.acme.com']")
    assert (NBTrack().iglu, NBTrack().complaints) == (["https://iglu.acme.com"], [])


def test_a_script_reads_of_wrong_settings_in_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path))
    monkeypatch.setenv("NBTRACK_COLECTOR", "https://sp.acme.com")
    nbtrack.start()
    nbtrack.stop()
    (record,) = caplog.records
    assert "nbtrack has no setting 'colector' (NBTRACK_COLECTOR)" in record.getMessage()
