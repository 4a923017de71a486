"""Pytest fixtures for testing what a program tracks.

The collector starts with the first test that requests it, is shared by all tests of the run, and is empty at the start
of each.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nbtrack.collector.local_collector import LocalCollector
    from nbtrack.plans import PlanCoverage

MAX_COMPARED = 3
"""Events that a failed assertion compares with the expected data."""


COVERAGE: pytest.StashKey[PlanCoverage] = pytest.StashKey()
"""What the run's tests have seen of the tracking plan."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings: the project's own schemas, and its tracking plan."""
    parser.addini("nbtrack_iglu", "folders with Iglu schemas for nbtrack_collector", type="paths", default=[])
    parser.addini("nbtrack_tracking_plan", "folder of the tracking plan that events are checked against")
    parser.addini(
        "nbtrack_coverage",
        "fail the run if fewer percent of the plan's specifications were seen",
        default="0",
    )


@pytest.fixture(scope="session")
def nbtrack_collector_session(pytestconfig: pytest.Config) -> Iterator[LocalCollector]:
    """Return the collector that all tests share; a test uses ``nbtrack_collector``."""
    from nbtrack.collector import LocalCollector  # noqa: PLC0415 - every pytest run loads this module

    plan = None
    if named := pytestconfig.getini("nbtrack_tracking_plan"):
        from nbtrack.plans import PlanCoverage, read_tracking_plan  # noqa: PLC0415 - as above

        plan = pytestconfig.rootpath / named
        pytestconfig.stash[COVERAGE] = PlanCoverage(read_tracking_plan(plan))
    with LocalCollector(iglu=pytestconfig.getini("nbtrack_iglu"), tracking_plan=plan) as collector:
        yield collector


@pytest.fixture
def nbtrack_collector(
    nbtrack_collector_session: LocalCollector, pytestconfig: pytest.Config
) -> Iterator[LocalCollector]:
    """Return a running collector that is empty: send trackers to its ``url``."""
    nbtrack_collector_session.reset()
    yield nbtrack_collector_session
    if (coverage := pytestconfig.stash.get(COVERAGE, None)) is not None:
        seen = nbtrack_collector_session.coverage(coverage.plan).seen
        for id_, events in seen.items():
            coverage.seen[id_] = coverage.seen.get(id_, 0) + events


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show what the run has seen of the tracking plan."""
    if (coverage := config.stash.get(COVERAGE, None)) is not None:
        terminalreporter.section("tracking plan")
        terminalreporter.write_line(str(coverage))
        if coverage.share * 100 < float(config.getini("nbtrack_coverage")):
            terminalreporter.write_line(
                f"fewer than the {config.getini('nbtrack_coverage')} % of nbtrack_coverage"
            )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that has seen too little of the tracking plan."""
    coverage = session.config.stash.get(COVERAGE, None)
    wanted = float(session.config.getini("nbtrack_coverage"))
    if coverage is not None and coverage.share * 100 < wanted and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def assert_tracked(nbtrack_collector: LocalCollector) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that fails unless a matching event arrived and was good.

    ``assert_tracked(schema="iglu:com.acme/order/jsonschema/1-0-0", data={"quantity": 2}, count=1, timeout=5)``:
    ``data`` is what the event's data must contain at least; without ``count`` one or more match. It returns the data of
    the matching events.
    """

    def check(
        schema: str,
        data: Mapping[str, Any] | None = None,
        *,
        count: int | None = None,
        timeout: float = 5,
    ) -> list[dict[str, Any]]:
        __tracebackhide__ = True
        problem = ""
        try:
            nbtrack_collector.wait_for(count or 1, schema=schema, timeout=timeout)
        except TimeoutError as error:
            problem = f"\n{error}"
        tracked = _data_of(nbtrack_collector, schema)
        matching = [event for event in tracked if _contains(event, data or {})]
        if not problem and (len(matching) == count if count is not None else matching):
            return matching
        expected = count if count is not None else "at least 1"
        lines = [f"{expected} expected, {len(matching)} found: {schema}{problem}"]
        lines += _compare(data or {}, tracked)
        lines.append(_describe_arrived(nbtrack_collector))
        return pytest.fail("\n".join(lines), pytrace=False)

    return check


@pytest.fixture
def assert_plan_followed(nbtrack_collector: LocalCollector) -> Callable[[], None]:
    """Return a function that fails if an event does not match its specification in the tracking plan."""

    def check() -> None:
        __tracebackhide__ = True
        findings = nbtrack_collector.findings(limit=50)
        if not findings.empty:
            lines = [f"  {row['specification']}: {row['message']}" for _, row in findings.iterrows()]
            pytest.fail("\n".join(["events do not match the tracking plan:", *lines]), pytrace=False)

    return check


@pytest.fixture
def assert_no_bad(nbtrack_collector: LocalCollector) -> Callable[[], None]:
    """Return a function that fails if an event failed, with the reasons."""

    def check() -> None:
        __tracebackhide__ = True
        bad = nbtrack_collector.bad(limit=50)
        if bad.empty:
            return
        lines = [f"{nbtrack_collector.counts()['bad']} failed:"]
        for _, row in bad.iterrows():
            place = " ".join(str(part) for part in (row["field"], row["path"]) if part and part != "$")
            lines += [f"  {row['schema'] or row['kind']}", f"  - {place}: {row['reason']}"]
            if row["nearest"]:
                lines += [f"  + {row['nearest']}"]
        pytest.fail("\n".join(lines), pytrace=False)

    return check


def _data_of(collector: LocalCollector, schema: str) -> list[dict[str, Any]]:
    """Return the data of good events of a schema; the columns of an event that is not self-describing."""
    frame = collector.events(schema=schema)
    names = [name for name in frame.columns if name.startswith("unstruct_event_")]
    if not names:
        return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    return [value for name in names for value in frame[name] if isinstance(value, dict)]


def _contains(event: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    return all(name in event and event[name] == value for name, value in data.items())


def _compare(data: Mapping[str, Any], tracked: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the differences between the expected data and the last events."""
    if data:
        expected = _pretty(data)
        for event in tracked[-MAX_COMPARED:]:
            arrived = _pretty({name: event[name] for name in data if name in event})
            yield from difflib.unified_diff(expected, arrived, "expected", "arrived", lineterm="", n=1)


def _pretty(data: Mapping[str, Any]) -> list[str]:
    return json.dumps(data, indent=2, sort_keys=True, default=str).splitlines()


def _describe_arrived(collector: LocalCollector) -> str:
    counts = [f"{row.good} good {row.schema}" for row in collector.by_schema().itertuples()]
    return f"arrived: {', '.join(counts) or 'nothing'}"
