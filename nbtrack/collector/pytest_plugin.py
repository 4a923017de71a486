"""Fixtures for testing what a program tracks.

The collector starts with the first test that asks for it, is shared by all tests of the run and is empty at the start
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

NEAR = 3


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the folder of the project's own schemas as a setting."""
    parser.addini("nbtrack_iglu", "folders with Iglu schemas for nbtrack_collector", type="paths", default=[])


@pytest.fixture(scope="session")
def nbtrack_collector_session(pytestconfig: pytest.Config) -> Iterator[LocalCollector]:
    """Give the collector that all tests share; a test wants ``nbtrack_collector``."""
    from nbtrack.collector import LocalCollector  # noqa: PLC0415 - every pytest run loads this module

    with LocalCollector(iglu=pytestconfig.getini("nbtrack_iglu")) as collector:
        yield collector


@pytest.fixture
def nbtrack_collector(nbtrack_collector_session: LocalCollector) -> LocalCollector:
    """Give a running collector that is empty: send trackers to its ``url``."""
    nbtrack_collector_session.reset()
    return nbtrack_collector_session


@pytest.fixture
def assert_tracked(nbtrack_collector: LocalCollector) -> Callable[..., list[dict[str, Any]]]:
    """Give a function that fails unless a matching event came and was good.

    ``assert_tracked(schema="iglu:com.acme/order/jsonschema/1-0-0", data={"quantity": 2}, count=1, timeout=5)``:
    ``data`` is what the event's data must hold at least; without ``count`` one or more will do. It gives the data of
    the events that match.
    """

    def check(
        schema: str,
        data: Mapping[str, Any] | None = None,
        *,
        count: int | None = None,
        timeout: float = 5,
    ) -> list[dict[str, Any]]:
        __tracebackhide__ = True
        problem = None
        try:
            nbtrack_collector.wait_for(count or 1, schema=schema, timeout=timeout)
        except TimeoutError as error:
            problem = str(error)
        found = [event for event in _data_of(nbtrack_collector, schema) if _holds(event, data or {})]
        if problem is None and (len(found) == count if count is not None else found):
            return found
        pytest.fail(_explain(nbtrack_collector, schema, data, count, len(found), problem), pytrace=False)

    return check


@pytest.fixture
def assert_no_bad(nbtrack_collector: LocalCollector) -> Callable[[], None]:
    """Give a function that fails when an event did, and says why."""

    def check() -> None:
        __tracebackhide__ = True
        bad = nbtrack_collector.bad(limit=50)
        if bad.empty:
            return
        lines = [f"{nbtrack_collector.counts()['bad']} failed:"]
        for _, row in bad.iterrows():
            where = " ".join(str(part) for part in (row["field"], row["path"]) if part and part != "$")
            lines += [f"  {row['schema'] or row['kind']}", f"  - {where}: {row['reason']}"]
            if row["nearest"]:
                lines += [f"  + {row['nearest']}"]
        pytest.fail("\n".join(lines), pytrace=False)

    return check


def _data_of(collector: LocalCollector, schema: str) -> list[dict[str, Any]]:
    """Give the data of good events of a schema: its own, or the columns of an event without any."""
    frame = collector.events(schema=schema)
    own = [name for name in frame.columns if name.startswith("unstruct_event_")]
    if not own:
        return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    return [value for name in own for value in frame[name] if isinstance(value, dict)]


def _holds(event: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in event and event[name] == value for name, value in wanted.items())


def _explain(
    collector: LocalCollector,
    schema: str,
    data: Mapping[str, Any] | None,
    count: int | None,
    found: int,
    problem: str | None,
) -> str:
    wanted = f"{count if count is not None else 'at least 1'} expected, {found} found: {schema}"
    lines = [wanted if problem is None else f"{wanted}\n{problem}"]
    if data:
        asked = json.dumps(data, indent=2, sort_keys=True, default=str).splitlines()
        for event in _data_of(collector, schema)[-NEAR:]:
            near = {name: event[name] for name in data if name in event}
            came = json.dumps(near, indent=2, sort_keys=True, default=str).splitlines()
            lines += difflib.unified_diff(asked, came, "expected", "came", lineterm="", n=1)
    seen = collector.by_schema()
    lines.append(
        "what came: " + (", ".join(f"{row.good} good {row.schema}" for row in seen.itertuples()) or "nothing")
    )
    return "\n".join(lines)
