"""Data, events and checks that tests of backfills share."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import pytest

from nbtrack import col
from nbtrack.bulk import BackfillPlan, BackfillReport, api, make_event_id, make_namespace, stored
from nbtrack.bulk.sending import run
from nbtrack.bulk.sources.chunks import Chunk
from nbtrack.collector import CollectorClient, CollectorError
from nbtrack.common.collector_address import TOKEN_HEADER
from nbtrack.tracker import SelfDescribing, SelfDescribingJson, Subject, Tracker

PURCHASE = "iglu:com.acme/purchase/jsonschema/1-0-0"


def orders(rows: int) -> pd.DataFrame:
    """Return orders with a unique column `order`, a quantity and a time."""
    return pd.DataFrame(
        {
            "order": [f"o-{number}" for number in range(rows)],
            "qty": np.arange(rows) % 7,
            "at": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(rows), unit="m"),
        }
    )


def purchase(**data: Any) -> SelfDescribing:
    """Return the event of an order, by default with its columns `order` and `qty`."""
    return SelfDescribing(
        SelfDescribingJson(PURCHASE, data or {"order": col("order"), "qty": col("qty")}),
        true_timestamp=col("at"),
    )


def purchase_ids(orders: Sequence[str]) -> set[str]:
    """Return the event ids of orders, by the recipe in Python."""
    namespace = make_namespace(purchase())
    return {str(make_event_id(namespace, [order])) for order in orders}


def check_accounts(report: BackfillReport) -> None:
    """Check that every row of a backfill is accounted for, once."""
    assert report.rows == report.sent + report.skipped + report.failed + report.resumed + report.excluded
    assert sum(report.reasons.values()) == report.skipped + report.failed
    assert 0 <= report.unsent <= report.failed
    assert report.good + report.bad <= report.sent
    assert not (report.dry_run and (report.good or report.bad or report.failed))


def watch_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check every backfill of a test: each row is accounted for, once, also by the local collector that it goes to."""
    finish_report, execute = run.finish_report, run.Run.execute

    def check_report(report: BackfillReport, plan: BackfillPlan) -> BackfillReport:
        check_accounts(report)
        return finish_report(report, plan)

    def check_execute(self: run.Run, chunks: Iterable[Chunk], rows: int | None) -> None:
        before = _Counted.read(self)
        execute(self, chunks, rows)
        _check_counted(before, _Counted.read(self), exact=not (self.accounts.retries or self.interrupted))

    for module in (api, stored, run):
        monkeypatch.setattr(module, "finish_report", check_report)
    monkeypatch.setattr(run.Run, "execute", check_execute)


class _Counted(NamedTuple):
    """What a run has sent, and what its local collector has received: good and bad events, and those received again."""

    sent: int
    valid: int
    invalid: int
    received: int | None

    @classmethod
    def read(cls, sending: run.Run) -> Self:
        target, accounts = sending._plan.target, sending.accounts
        received = None
        if token := target.headers.get(TOKEN_HEADER):
            with suppress(OSError, CollectorError):  # it ended, or only speaks for a collector
                summary = CollectorClient(target.url, token).summary()
                received = summary["good"] + summary["bad"] + summary["repeats"]
        return cls(accounts.sent, accounts.good, accounts.bad, received)


def _check_counted(before: _Counted, after: _Counted, *, exact: bool) -> None:
    if before.received is None or after.received is None:
        return
    sent, received = after.sent - before.sent, after.received - before.received
    assert after.valid - before.valid + after.invalid - before.invalid == sent
    # a request is sent again if its response was lost, and one in flight at an interrupt is not counted as sent
    assert received == sent if exact else received >= sent


class PayloadRecorder:
    """An emitter that keeps the payloads it is given."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, str]] = []

    def input(self, payload: dict[str, str]) -> bool:
        self.payloads.append(dict(payload))
        return True

    def flush(self) -> None: ...
    def sync_flush(self) -> None: ...
    def async_flush(self) -> None: ...


def track_rows(
    event: Any, rows: Sequence[Mapping[str, Any]], *, encode_base64: bool = True
) -> list[dict[str, str]]:
    """Track an event with placeholders once for each row, and return the payloads."""
    recorder = PayloadRecorder()
    tracker = Tracker("nbtrack", recorder, subject=Subject(), app_id="backfill", encode_base64=encode_base64)
    for row in rows:
        tracker.track(event.substitute(row))
    return recorder.payloads
