"""Public classes and options of backfills: how they show themselves, travel, and agree."""

import dataclasses
import inspect
import pickle
from collections import Counter
from pathlib import Path

import pytest

import nbtrack.bulk
from nbtrack import backfill, col
from nbtrack.bulk import BackfillReport, ChunkReport, MissingFileError, SourceError, make_plan
from nbtrack.tracker import PageView


@pytest.mark.parametrize("name", nbtrack.bulk.__all__)
def test_public_names_are_shown_and_pickled_under_the_public_module(name: str) -> None:
    thing = getattr(nbtrack.bulk, name)
    assert thing.__module__ == "nbtrack.bulk"
    assert pickle.loads(pickle.dumps(thing)) is thing


def test_a_missing_file_is_both_a_source_error_and_a_file_not_found_error() -> None:
    for kind in (SourceError, FileNotFoundError, TypeError, OSError):
        with pytest.raises(kind, match=r"^no such file: nowhere\.csv$"):
            backfill("nowhere.csv", PageView(col("url")), dry_run=True)
    error = pickle.loads(pickle.dumps(MissingFileError("no such file: nowhere.csv")))
    assert isinstance(error, MissingFileError)
    assert str(error) == "no such file: nowhere.csv"


def test_the_options_of_a_plan_have_the_defaults_of_a_backfill() -> None:
    options = inspect.signature(backfill).parameters
    plan = make_plan(PageView("https://acme.com"), [], send=False)
    own = inspect.signature(make_plan).parameters
    for name, option in options.items():
        if name in own and own[name].kind is inspect.Parameter.KEYWORD_ONLY:
            assert own[name].default == option.default, name
        elif name in {field.name for field in dataclasses.fields(plan)} and name not in own:
            assert getattr(plan, name) == option.default, name


def test_every_count_of_two_parts_adds_up() -> None:
    report = BackfillReport(rows=1, sent=1, hours=Counter({3: 1}), null_rows=[1, 2, 3], first=5, last=6)
    part = ChunkReport(
        rows=2, failed=2, hours=Counter({3: 2}), null_rows=[7, 8, 9], first=4, reasons=Counter(x=2)
    )
    report.add(part)
    report.add(ChunkReport(retries=3, last_error="HTTP 500"))
    assert (report.rows, report.sent, report.failed, report.retries) == (3, 1, 2, 3)
    assert (report.hours, report.reasons) == ({3: 3}, {"x": 2})
    assert report.null_rows == [1, 2, 3, 7, 8]
    assert (report.first, report.last, report.last_error) == (4, 6, "HTTP 500")


def test_the_former_name_of_failed_rows_warns() -> None:
    with pytest.warns(DeprecationWarning, match="now called failed_rows"):
        assert ChunkReport().letters == []


def test_a_report_names_the_options_of_its_reader(tmp_path: Path) -> None:
    report = BackfillReport(rows=1, resumable=True, interrupted=True, dead_letters=tmp_path / "rows.parquet")
    assert "with resume=True" in str(report)
    assert "report.errors" in str(report)
    report.reader = "command line"
    assert "with --resume" in str(report)
    assert str(tmp_path) in str(report)
    assert "report." not in str(report)
