"""Rows that share an event id: reported, or left out as asked."""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack import backfill, col
from nbtrack.bulk import BackfillReport, InvalidRow
from nbtrack.tracker import StructuredEvent
from tests.support.backfills import check_accounts
from tests.support.fault_server import FaultServer

EVENT = StructuredEvent("shop", "buy", label=col("id"), property_=col("n"))


def send(data: Any, server: FaultServer, **options: Any) -> tuple[BackfillReport, list[str]]:
    before = len(server.seen)
    report = backfill(data, EVENT, key="id", collector=server.url, ledger=False, **options)
    check_accounts(report)
    return report, sorted(event["se_pr"] for seen in server.seen[before:] for event in seen.events)


def frame(ids: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "n": [f"{number:05}" for number in range(len(ids))]})


def test_duplicates_are_sent_and_named_unless_asked_otherwise() -> None:
    with FaultServer() as server:
        report, rows = send(frame(["a", "b", "a", "a"]), server)
        assert (len(rows), report.sent, report.repeated_keys, report.ok) == (4, 4, 2, False)
        assert report.errors[["row", "reason"]].to_numpy().tolist() == [
            [2, "same event id as an earlier row (sent)"],
            [3, "same event id as an earlier row (sent)"],
        ]
        report, rows = send(frame(["a", "b", "a", "a"]), server, on_duplicate="send")
        assert (len(rows), report.ok, len(report.errors)) == (4, True, 0)


def test_the_first_the_last_or_none_of_them_is_sent() -> None:
    data = frame(["a", "b", "a", "c", "a", None, None])
    with FaultServer() as server:
        report, rows = send(data.dropna(), server, on_duplicate="first")
        assert (rows, report.excluded, report.ok) == (["00000", "00001", "00003"], 2, True)
        assert report.errors["row"].to_list() == [2, 4]
        assert "2 rows left out, since another row has the same event id" in str(report)
        report, rows = send(data.dropna(), server, on_duplicate="last")
        assert (rows, report.excluded, report.ok) == (["00001", "00003", "00004"], 2, True)
        report, rows = send(data, server, on_duplicate="drop_all")
        assert (rows, report.excluded) == (["00001", "00003", "00005", "00006"], 3)
        assert not report.ok  # two rows have no key
        before = len(server.seen)
        with pytest.raises(InvalidRow, match="row 2: same event id as an earlier row"):
            send(data, server, on_duplicate="raise")
        assert len(server.seen) == before
        assert send(frame(["a", "b"]), server, on_duplicate="raise")[0].ok


def test_a_stream_can_keep_the_first_only() -> None:
    with FaultServer() as server:
        report, rows = send(iter([frame(["a", "b"]), frame(["b", "c"])]), server, on_duplicate="first")
        assert (len(rows), report.excluded) == (3, 1)
        for mode in ("last", "drop_all", "raise"):
            with pytest.raises(TypeError, match="reads the data twice"):
                send(iter([frame(["a"])]), server, on_duplicate=mode)


def test_a_list_of_duplicates_is_bounded() -> None:
    with FaultServer() as server:
        report, rows = send(frame(["a"] * 5_000), server, on_duplicate="first")
    assert (rows, report.excluded, len(report.errors)) == (["00000"], 4_999, 1_000)


def test_files_are_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    frame(["a", "b", "a"]).to_csv(path, index=False)
    with FaultServer() as server:
        assert send(path, server, on_duplicate="last")[1] == ["00001", "00002"]


def test_a_dry_run_counts_what_would_be_left_out() -> None:
    report = backfill(frame(["a", "a"]), EVENT, key="id", on_duplicate="first", dry_run=True)
    assert (report.sent, report.excluded, report.ok) == (1, 1, True)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), max_size=60), max_size=6))
def test_the_first_of_each_id_is_sent_whatever_the_chunks(parts: list[list[int]]) -> None:
    ids = [str(id_) for part in parts for id_ in part]
    data = frame(ids)
    borders = [sum(map(len, parts[:index])) for index in range(len(parts) + 1)]
    frames = [data.iloc[start:end] for start, end in itertools.pairwise(borders)]
    expected = sorted(data.drop_duplicates("id")["n"])
    with FaultServer() as server:
        report, rows = send(iter(frames), server, on_duplicate="first")
        assert rows == expected
        assert report.excluded == len(data) - len(expected)
        last = send(pa.Table.from_pandas(data, preserve_index=False), server, on_duplicate="last")[1]
        assert last == sorted(data.drop_duplicates("id", keep="last")["n"])
        none = send(data, server, on_duplicate="drop_all")[1]
        counts = Counter(ids)
        assert none == [row for id_, row in zip(ids, data["n"], strict=True) if counts[id_] == 1]
