"""Files that backfills leave on disk are readable by their user only, and are removed after a while."""

import os
import time
from pathlib import Path

import pandas as pd
import pytest

from nbtrack import backfill, col
from nbtrack.bulk.sending import state_folder
from nbtrack.collector import LocalCollector
from nbtrack.tracker import PageView

DAY = 86_400


def leave(path: Path, *, days: float, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def run() -> Path:
    frame = pd.DataFrame({"url": ["https://acme.com", None]})
    report = backfill(frame, PageView(col("url")), dry_run=True)
    assert report.dead_letters is not None
    return report.dead_letters


def test_ledgers_and_dead_letters_older_than_30_days_are_removed(home: Path) -> None:
    old = [leave(home / "backfills" / name, days=31) for name in ("a.sqlite", "a.sqlite-wal", "a.parquet")]
    young = [leave(home / "backfills" / name, days=29) for name in ("b.sqlite", "b.parquet")]
    other = leave(home / "outbox.sqlite", days=99)
    latest = run()
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in [*young, other, latest])


def test_the_oldest_go_first_where_there_is_too_much(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_folder, "MAX_BYTES", 250)
    first, second, third = (leave(home / "backfills" / f"{n}.parquet", days=n, size=100) for n in (9, 5, 2))
    run()
    assert [path.exists() for path in (first, second, third)] == [False, True, True]


def test_a_file_of_a_run_that_may_be_under_way_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_folder, "MAX_BYTES", 250)
    large = leave(home / "backfills" / "now.parquet", days=0.5, size=1_000)
    run()
    assert large.exists()


def test_dead_letters_where_the_user_wants_them_stay(tmp_path: Path) -> None:
    path = leave(tmp_path / "mine.parquet", days=400)
    run()
    assert path.exists()


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_the_folder_and_all_files_of_a_backfill_are_the_users_alone(home: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"url": ["https://acme.com", None]})
    named = {"ledger": tmp_path / "run.sqlite", "dead_letters": tmp_path / "rows.parquet"}
    with LocalCollector() as collector:
        for places in ({}, named):
            backfill(frame, PageView(col("url")), collector=collector.url, **places)
    assert (home / "backfills").stat().st_mode & 0o777 == 0o700
    made = [*(home / "backfills").iterdir(), *named.values()]
    assert {path.name: path.stat().st_mode & 0o777 for path in made} == {path.name: 0o600 for path in made}
    assert len(made) == 4
