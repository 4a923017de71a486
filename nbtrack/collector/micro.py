"""The paths of Snowplow Micro, below ``/micro``."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler

from nbtrack.collector.private import GuardedHandler
from nbtrack.collector.queries import counts


class All(GuardedHandler):
    """Counts."""

    def get(self) -> None:
        """Answer."""
        self.write_json(counts(self.state.database))

    post = get


def routes(shared: dict[str, Any]) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """List the paths."""
    return [("/micro/all", All, shared)]
