"""The messages that people meet: each says what, where and why, and what to do. The page Questions explains them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbtrack
from nbtrack import backfill, col
from nbtrack.collector import LocalCollector
from nbtrack.delivery import Emitter
from nbtrack.delivery.outbox import open_outbox
from nbtrack.runtime import NBTrack
from nbtrack.schemas import Registry
from nbtrack.tracker import PageView, SelfDescribingJson, StructuredEvent, Tracker, event_class

NOBODY = "http://127.0.0.1:9"
FRAME = pd.DataFrame({"order_id": ["o-1"], "total": [9.5]})
EVENT = StructuredEvent("shop", "buy", label=col("order_id"))

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
    "a required text that is empty": (lambda: PageView(""), ValueError, "page_url is empty: got ''"),
    "a time that is none": (
        lambda: PageView("https://acme.com", true_timestamp="noon"),
        ValueError,
        "true_timestamp is not allowed: milliseconds since 1970 or a datetime is wanted, and got 'noon'",
    ),
    "a payload in place of an event": (
        lambda: Tracker("shop", Emitter(NOBODY)).track({"e": "pv"}),
        TypeError,
        "track wants an event, and got {'e': 'pv'}",
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
    "a port out of range": (
        lambda: Emitter("sp.acme.com", port=99_999),
        ValueError,
        "port must be between 1 and 65535, not 99999",
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
    with pytest.raises(kind, match=re.escape(text)):
        make()


def test_an_event_that_did_not_come_is_told_with_what_came():
    with LocalCollector() as collector:
        with Tracker("shop", Emitter(collector.url, batch_size=1)) as tracker:
            tracker.track(PageView("https://acme.com", event_id="5d79770b-015b-4af8-8c91-b2ed6faf4b1e"))
        with pytest.raises(TimeoutError, match=r"1 of 2 good events came; in all 1 good and 0 bad"):
            collector.wait_for(2, timeout=0.2)
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
