"""Where a backfill goes: to a URL, to a collector that runs here, or where the session's events go."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from nbtrack.common.arguments import check_headers
from nbtrack.common.current_session import CollectorTarget, find_target
from nbtrack.delivery.http.urls import base_uri, split_credentials


def find_collector(given: Any, headers: Mapping[str, str] | None = None) -> CollectorTarget:
    """Give the collector to send to, and the headers that it gets besides its own.

    Parameters
    ----------
    given
        A URL, a collector that runs here, or None for the session's.
    headers
        Of each request.

    Raises
    ------
    RuntimeError
        With none given, when no session runs; and when ``NBTRACK_DISABLED`` is set.
    """
    check_headers(headers or {})
    target = _find_target(given)
    return dataclasses.replace(target, headers={**target.headers, **(headers or {})})


def _find_target(given: Any) -> CollectorTarget:
    if os.environ.get("NBTRACK_DISABLED", "").strip() not in {"", "0"}:
        raise RuntimeError(
            "NBTRACK_DISABLED is set: nothing may be sent from here; unset it to run a backfill"
        )
    if isinstance(given, str) and given == "local":
        return _find_local()
    if given is not None:
        # LocalCollector and its like have an address once they run
        address, headers = split_credentials(base_uri(getattr(given, "url", None) or given))
        return CollectorTarget(address, headers)
    if (target := find_target()) is None:
        raise RuntimeError(
            "backfill does not know where to send: give collector=URL, or start a session (%load_ext nbtrack in a "
            "notebook, nbtrack.start() in a script)"
        )
    return target


def _find_local() -> CollectorTarget:
    """Give the session's local collector: a backfill starts none by itself."""
    target = find_target()
    if target is None or not target.local:
        found = "no session runs" if target is None else f"the session sends to {target.url}"
        raise RuntimeError(
            f'collector="local" is that of a session that stays on this machine, and {found}: call nbtrack.start(), or '
            "give a LocalCollector() that runs, or a URL"
        )
    return target
