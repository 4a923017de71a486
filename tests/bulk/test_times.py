"""Times: missing ones, those without a zone, those at the ends of the calendar, and strings."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nbtrack import backfill, col
from nbtrack.bulk import InvalidRow, preview
from nbtrack.tracker import PageView, SelfDescribing, SelfDescribingJson
from tests.support.backfills import check_accounts
from tests.support.fault_server import FaultServer

EVENT = PageView("https://acme.com", true_timestamp=col("at"))
DATA = SelfDescribing(SelfDescribingJson("iglu:com.acme/thing/jsonschema/1-0-0", {"at": col("at")}))


def times(data: Any, **options: Any) -> list[str]:
    return list(preview(data, EVENT, 100, **options)["ttm"])


def frame(*values: Any) -> pd.DataFrame:
    return pd.DataFrame({"at": pd.Series(list(values), dtype=object)})


MISSING = {
    "arrow": pa.table({"at": pa.array([0, None], pa.timestamp("us"))}),
    "objects": frame(datetime(1970, 1, 1, tzinfo=UTC), None),
    "strings": pa.table({"at": ["1970-01-01", None]}),
}


@pytest.mark.parametrize("name", MISSING)
def test_rows_without_their_time_are_skipped_and_counted(name: str) -> None:
    data = MISSING[name]
    report = backfill(data, EVENT, dry_run=True)
    check_accounts(report)
    assert (report.sent, report.skipped, report.missing_times, report.ok) == (1, 1, 1, False)
    assert report.reasons == {"true_timestamp is missing": 1}
    assert "1 row without a time" in str(report)
    sent = backfill(data, EVENT, dry_run=True, on_missing_time="send")
    assert (sent.sent, sent.missing_times, sent.ok) == (2, 1, True)
    with pytest.raises(InvalidRow, match="row 1: true_timestamp is missing"):
        backfill(data, EVENT, dry_run=True, on_missing_time="raise")


def test_an_event_without_a_time_of_its_own_misses_none() -> None:
    report = backfill(pa.table({"x": [1]}), PageView("https://acme.com"), dry_run=True)
    assert (report.sent, report.missing_times) == (1, 0)


def test_times_without_a_zone_are_in_the_zone_given() -> None:
    naive = datetime(2024, 7, 1, 12)  # noqa: DTZ001 - that is the case
    for data in (
        pd.DataFrame({"at": [naive]}),
        frame(naive),
        pa.table({"at": ["2024-07-01T12:00:00"]}),
        frame("2024-07-01 12:00"),
    ):
        assert times(data) == ["1719835200000"]
        assert times(data, tz="Europe/Paris") == ["1719828000000"]
        noted = str(backfill(data, EVENT, dry_run=True))
        if data.__class__ is pd.DataFrame and data["at"].dtype != object:
            assert "times without a zone are taken as UTC; tz= sets another zone" in noted
    aware = pd.DataFrame({"at": [pd.Timestamp("2024-07-01 12:00", tz="Asia/Tokyo")]})
    assert times(aware, tz="Europe/Paris") == times(aware)
    assert "taken as UTC" not in str(backfill(aware, EVENT, dry_run=True))
    assert preview(pd.DataFrame({"at": [naive]}), DATA, tz="Europe/Paris")["ue_px"][0]["data"]["data"] == {
        "at": "2024-07-01T10:00:00.000000Z"
    }


def test_a_local_time_that_occurs_twice_or_never_is_named() -> None:
    local = pd.DataFrame({"at": pd.to_datetime(["2024-10-27 02:30", "2024-03-31 02:30", "2024-06-01 02:30"])})
    report = backfill(local, EVENT, dry_run=True, tz="Europe/Paris")
    assert report.reasons == {"at: the local time occurs twice or never in Europe/Paris": 2}


def test_the_first_and_last_time_of_nanoseconds_are_sent() -> None:
    ends = pd.DataFrame({"at": [pd.Timestamp.min, pd.Timestamp.max, pd.Timestamp(0), pd.NaT]})
    assert ends["at"].dtype == np.dtype("datetime64[ns]")
    for data in (ends, pa.Table.from_pandas(ends)):
        assert [event["data"]["data"]["at"] for event in preview(data, DATA)["ue_px"]] == [
            "1677-09-21T00:12:43.145224Z",
            "2262-04-11T23:47:16.854775Z",
            "1970-01-01T00:00:00.000000Z",
            None,
        ]
        assert times(data) == ["-9223372036855", "9223372036854", "0"]


def test_strings_in_iso_8601_are_times_as_they_are() -> None:
    strings = ["2024-01-31", "2024-01-31T12:30:00Z", "2024-01-31 12:30:00.5", "2024-01-31T12:30:00+02:00"]
    wanted = ["1706659200000", "1706704200000", "1706704200500", "1706697000000"]
    assert times(pa.table({"at": strings})) == wanted
    for string, time in zip(strings, wanted, strict=True):
        assert times(pa.table({"at": [string]})) == [time]


@pytest.mark.parametrize("strings", [["1969-12-31 23:59:59.999500", "2024-01-01 00:00:00.000999"]])
def test_times_are_cut_towards_the_past(strings: list[str]) -> None:
    assert times(pa.table({"at": strings})) == ["-1", "1704067200000"]


def test_what_a_value_causes_is_a_fault_of_its_row_in_any_order() -> None:
    values = [pd.Timestamp("2024-01-01", tz="UTC")] * 30_000 + ["soon", True]
    with FaultServer() as server:
        for rows in (values, values[::-1]):
            report = backfill(frame(*rows), EVENT, collector=server.url)
            check_accounts(report)
            assert (report.sent, report.skipped) == (30_000, 2)
            assert {reason.partition(":")[0] for reason in report.reasons} == {"at"}


def test_formats_units_and_zones_are_steps_of_the_placeholder() -> None:
    def convert(value: Any, **options: Any) -> list[str]:
        event = PageView("https://acme.com", true_timestamp=col("at").to_datetime(**options))
        return list(preview(pa.table({"at": [value]}), event)["ttm"])

    assert convert("31.01.2024", format="%d.%m.%Y") == ["1706659200000"]
    assert convert("2024-07-01 12:00", tz="Europe/Paris") == ["1719828000000"]
    assert convert(1_700_000_000, unit="s") == ["1700000000000"]
    assert convert(1_700_000_000.5, unit="s") == ["1700000000500"]
    assert convert(1_700_000_000_000_000_000, unit="ns") == ["1700000000000"]
