"""Data, events and checks that tests of backfills share."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nbtrack import col
from nbtrack.bulk import BackfillReport, make_event_id, make_namespace
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
