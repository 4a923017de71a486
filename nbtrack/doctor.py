"""``nbtrack doctor``: check that everything nbtrack needs is installed and works."""

import platform
import sqlite3
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nbtrack._version import __version__
from nbtrack.collector import LocalCollector, shared_collector
from nbtrack.collector.page_address import find_page_address
from nbtrack.common.extras import MissingPackageError, installed_version, list_requirements, require
from nbtrack.common.home import find_home, is_writable, outbox_path
from nbtrack.common.wording import plural, readable_size, strip_credentials
from nbtrack.runtime import NBTrack
from nbtrack.runtime.optout import OptOut, explain

Mark = Literal["ok", "note", "FAIL"]

_OPTIONAL = ("ipykernel", "jupyterlab", "notebook", "polars", "redis", "dask", "pyspark")
_TIMEOUT = 5  # seconds


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Parameters
    ----------
    name
        What was looked at.
    mark
        ``ok``, ``note`` (worth knowing) or ``FAIL`` (nbtrack cannot do its work).
    text
        What was found, and for a failure what to do.
    """

    name: str
    mark: Mark
    text: str


def examine() -> list[Check]:
    """Check versions, settings, home, outbox, collector and opt-out.

    Examples
    --------
    >>> examine()[0].name
    'nbtrack'
    """
    settings = NBTrack()
    return [
        Check("nbtrack", "ok", __version__),
        Check(
            "Python",
            "ok",
            f"{platform.python_version()} {platform.python_implementation()} on {platform.system()} {platform.machine()}",
        ),
        *(_look_for(name, oldest) for name, oldest in list_requirements()),
        _look_for_extra("backfill", "backfills"),
        *map(_look_for_optional, _OPTIONAL),
        _look_at_widgets(),
        _look_at_optout(find_home()),
        _look_at_home(find_home()),
        _look_at_outbox(outbox_path()),
        *(Check("settings", "note", complaint) for complaint in settings.complaints),
        _look_at_collector(settings),
        _try_local_collector(),
    ]


def _look_for(name: str, oldest: str) -> Check:
    if version := installed_version(name):
        return Check(name, "ok", version)
    return Check(name, "FAIL", f"not installed: python -m pip install '{name}>={oldest}'")


def _look_for_optional(name: str) -> Check:
    if version := installed_version(name):
        return Check(name, "ok", version)
    return Check(name, "note", "not installed; only some features need it")


def _look_for_extra(extra: str, feature: str) -> Check:
    try:
        require(extra, feature)
    except MissingPackageError as error:
        return Check(extra, "note", str(error))
    return Check(
        extra, "ok", ", ".join(f"{name} {installed_version(name)}" for name, _ in list_requirements(extra))
    )


def _look_at_widgets() -> Check:
    if installed_version("jupyterlab_widgets"):
        return Check("widget manager", "ok", "jupyterlab_widgets is installed")
    return Check(
        "widget manager",
        "note",
        "jupyterlab_widgets is not installed: the monitor shows a table without updates",
    )


def _look_at_optout(home: Path) -> Check:
    if found := OptOut(home).find():
        return Check("opt-out", "note", f"{explain(found)}: cells, magics and steps send nothing")
    return Check("opt-out", "ok", "none")


def _look_at_home(home: Path) -> Check:
    if is_writable(home):
        return Check("home", "ok", "can be written" if home.exists() else "can be made when needed")
    return Check(
        "home", "FAIL", "not writable: events are kept in memory only; set NBTRACK_HOME to a folder of yours"
    )


def _look_at_outbox(path: Path) -> Check:
    if not path.exists():
        return Check("outbox", "ok", "nothing was ever stored")
    try:
        from nbtrack.delivery import SQLiteEventStore  # noqa: PLC0415 - only where there is one

        with SQLiteEventStore(path) as store:
            return Check(
                "outbox",
                "ok",
                f"{plural(store.size(), 'pending event')}, {readable_size(path.stat().st_size)}",
            )
    except (OSError, sqlite3.Error, RuntimeError) as error:
        return Check(
            "outbox",
            "FAIL",
            f"cannot be read ({type(error).__name__}); nbtrack sets it aside at the next event",
        )


def _look_at_collector(settings: NBTrack) -> Check:
    if settings.collector == "local":
        running = shared_collector.find(find_home())
        if running is None:
            return Check("collector", "ok", "local, starts with the first event")
        page = find_page_address(running.url, settings.page_url)
        if not page.is_reachable:
            return Check(
                "collector",
                "note",
                f"local, running at {running.url}; browsers on other machines cannot open its page: %nbtrack monitor shows "
                "what it received, or install 'nbtrack[remote]' for the Jupyter server",
            )
        return Check("collector", "ok", f"local, running at {page.base}")
    url, headers = settings.find_target()
    shown = strip_credentials(url)
    try:
        asked = urllib.request.Request(f"{url.rstrip('/')}/health", headers=headers)  # noqa: S310 - the user's own collector
        with urllib.request.urlopen(asked, timeout=_TIMEOUT) as reply:  # noqa: S310 - as above
            return Check("collector", "ok", f"{shown} answers {reply.status}")
    except urllib.error.HTTPError as answer:
        wants = "; headers may be missing" if answer.code in {401, 403} else ""
        return Check("collector", "note", f"{shown} answers {answer.code} at /health{wants}")
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        return Check(
            "collector", "FAIL", f"{shown} does not answer ({why}); events are kept and sent when it does"
        )


def _try_local_collector() -> Check:
    try:
        with LocalCollector() as collector:
            collector.counts()
            return Check("local collector", "ok", "starts and answers")
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the report
        return Check("local collector", "FAIL", f"does not start: {type(error).__name__}: {error}")
