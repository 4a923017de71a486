"""The monitor: one model per session, any number of views."""

import contextlib
import importlib
import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from typing import Any

import anywidget
import traitlets

from nbtrack.common import pyodide
from nbtrack.delivery import AsyncEmitter
from nbtrack.protocol import POST_PATH
from nbtrack.widget import details
from nbtrack.widget.html import render_html
from nbtrack.widget.messages import Feed
from nbtrack.widget.refresher import Refresher
from nbtrack.widget.snapshot import Snapshot, Source, describe, fetch_validation_results
from nbtrack.widget.text import render_text

LOG = logging.getLogger(__name__)

PARTS = ("text.js", "store.js", "table.js", "charts.js", "panel.js", "view.js")
REFRESH_SECONDS = 1.0
"""Seconds after which a new emitter, or the collector's validation results, are checked again."""
ATTEMPTS = 200


def _read(*names: str) -> str:
    folder = resources.files("nbtrack") / "assets" / "monitor"
    return "\n".join((folder / name).read_text("utf-8") for name in names)


class StaticMonitor:
    """A snapshot shown as HTML or text, for ``display(monitor.still(), display_id=…)``.

    Parameters
    ----------
    snapshot
        What to show.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __repr__(self) -> str:
        return render_text(self._snapshot)

    def _repr_html_(self) -> str:
        return render_html(self._snapshot)


class Monitor(anywidget.AnyWidget):
    """Live view of the emitter's buffer and send log; created by `nbtrack.monitor()`.

    Without widget support it shows as a table: ``handle = display(monitor.still(), display_id=True)`` and
    ``handle.update(monitor.still())`` work without widgets.

    Parameters
    ----------
    source : Source
        The session.

    Examples
    --------
    >>> import nbtrack
    >>> session = nbtrack.start(store="memory")
    >>> with_widgets = Monitor(session)  # a cell's last expression shows it
    >>> with_widgets.still()
    nbtrack: ok
      events go to  local
      events        nothing yet
    >>> with_widgets.close()
    >>> nbtrack.stop()
    """

    # the parts share one scope: a module that Jupyter loads from a string has no URL to import others from
    _esm = _read(*PARTS)
    _css = _read("monitor.css")
    # read whenever a browser asks, so that a late view starts with the current state
    summary = traitlets.Any().tag(sync=True, to_json=lambda _, monitor: monitor.summarise())

    def __init__(self, source: Source) -> None:
        self._source = weakref.ref(source)
        # an emitter may hold its session: released at the end
        self._emitter: AsyncEmitter | None = source.emitter
        self._feed = Feed()
        self._lock = threading.RLock()
        self._results: dict[str, Any] | None = None
        self._results_sent = -1
        self._results_at = 0.0
        self._requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._hears_at_once = False
        self._told: tuple[Snapshot, bool] | None = None  # by the last message
        self._more = False
        self._last = describe(source, self._emitter, None, self._feed.window)
        _find_colab()
        super().__init__()
        self._refresher = Refresher(self._tick, _log_fault)
        self._unsubscribe: Callable[[], None] = self._emitter.subscribe(self._refresher.poke)
        self._unsubscribe_activities = source.activities.subscribe(self._refresher.poke)
        self.on_msg(self._on_message)
        self._refresher.start()
        self._refresher.poke()

    def still(self) -> StaticMonitor:
        """Return the session's current state as HTML and text, without a widget."""
        return StaticMonitor(self._look(ATTEMPTS))

    def summarise(self) -> dict[str, Any]:
        """Return a new view's first message: small, and without any event's content."""
        with self._lock:
            return self._feed.summarise(self._look(self._feed.window))

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send a message to all views."""
        super().send(content, buffers)
        # ipykernel 7.4 has the shell that wrote last hear a page. A thread counts as the main shell, where a click would
        # wait for the running cell; without this it is heard by the shell that the page asks for.
        comm: Any = self.comm
        if comm is not None:
            vars(comm).pop("_reply_subshell_id", None)

    def close(self) -> None:
        """End the thread and all views."""
        refresher = getattr(self, "_refresher", None)
        if refresher:
            self._end()
        super().close()

    def _end(self) -> None:
        self._unsubscribe()
        self._unsubscribe_activities()
        self._refresher.stop()
        self._emitter = None
        source = self._source()
        if source is not None and _monitors.get(source) is self:
            del _monitors[source]

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_()
        if bundle is None:
            return None
        snapshot = self._look(ATTEMPTS)
        data, metadata = bundle
        return {**data, "text/html": render_html(snapshot), "text/plain": render_text(snapshot)}, metadata

    def _look(self, rows: int) -> Snapshot:
        source, emitter = self._source(), self._emitter
        if source is not None and emitter is not None:
            self._last = describe(source, emitter, self._results, rows)
        return self._last

    # -- on the kernel's main thread when no cell runs, or on a subshell's thread

    def _on_message(self, _: Any, message: Any, __: Any) -> None:
        """Handle a view's request; the refresher sends the reply."""
        if isinstance(message, dict):
            self._hears_at_once = threading.current_thread() is not threading.main_thread()
            self._requests.put(message)
            self._refresher.poke()

    # -- on the refresher's thread

    def _tick(self) -> float | None:
        source = self._source()
        emitter = self._follow(source) if source is not None else None
        if source is None:  # the session is gone, and nobody would end this otherwise
            self._end()
        if source is None or emitter is None:
            return None
        done = self._handle_requests(source, emitter)
        self._refresh_results(source, emitter)
        snapshot = self._look(self._feed.window)
        if done or self._is_news(snapshot):
            self._tell(snapshot, done)
        if source.ended:
            self._end()
            return None
        late = self._results_sent != snapshot.counters["sent"] and source.peek_collector() is not None
        again = self._more or late or snapshot.running or source.peek_emitter() is None
        return REFRESH_SECONDS if again else None

    def _is_news(self, snapshot: Snapshot) -> bool:
        """Check whether a message is due: a Jupyter server counts each as activity of the kernel, and shuts idle kernels down."""
        return self._more or snapshot.running or self._told != self._describe_news(snapshot)

    def _describe_news(self, snapshot: Snapshot) -> tuple[Snapshot, bool]:
        return replace(snapshot, time=0.0), self._hears_at_once

    def _tell(self, snapshot: Snapshot, done: list[Any]) -> None:
        with self._lock:
            message, self._more = self._feed.next_message(snapshot)
        self._told = self._describe_news(snapshot)
        # where others are sure to follow, a page takes silence for the end of the kernel
        message["beats"] = (self._more or snapshot.running) and not pyodide.IN_PYODIDE
        message["direct"] = self._hears_at_once
        self.send(message | ({"done": done} if done else {}))

    def _follow(self, source: Source) -> AsyncEmitter | None:
        """Switch to the emitter that a changed setting created."""
        emitter = source.peek_emitter()
        if emitter is None or emitter is self._emitter:
            return self._emitter
        self._unsubscribe()
        self._emitter, self._results, self._results_sent = emitter, None, -1
        self._unsubscribe = emitter.subscribe(self._refresher.poke)
        self._restart()
        return emitter

    def _restart(self) -> None:
        with self._lock:
            self._feed.restart()
        self._told = None

    def _refresh_results(self, source: Source, emitter: AsyncEmitter) -> None:
        sent = emitter.stats().sent
        if sent != self._results_sent and time.monotonic() - self._results_at >= REFRESH_SECONDS:
            self._results_at = time.monotonic()
            results = fetch_validation_results(source)
            if results is not None:
                self._results, self._results_sent = results, sent

    def _handle_requests(self, source: Source, emitter: AsyncEmitter) -> list[Any]:
        """Carry out the requests of views, and return their marks."""
        done: list[Any] = []
        while True:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                return done
            kind = request.get("kind")
            if kind == "hello":
                self._restart()
            elif kind == "event":
                with self._lock:
                    event_id = self._feed.find_event(request.get("number", 0))
                payload = source.find_payload(event_id) if event_id else None
                self.send(details.show_event(payload, _find_endpoint(source, emitter), request))
            elif kind == "activity":
                with self._lock:
                    event_id = self._feed.find_activity(request.get("number", 0))
                payload = source.find_payload(event_id) if event_id else None
                self.send(details.show_event(payload, _find_endpoint(source, emitter), request))
            elif kind == "result":
                with self._lock:
                    results = self._feed.find_result(request.get("number", 0)) or {}
                payload = source.find_payload(results["event_id"]) if results.get("event_id") else None
                reasons = results.get("reasons", ())
                self.send(details.show_event(payload, _find_endpoint(source, emitter), request, reasons))
            elif kind == "attempt":
                self.send(details.show_attempt(emitter, request))
            elif kind in {"pause", "resume", "flush"}:
                _control(kind, source, emitter)
                done.append(request.get("mark"))


def _find_endpoint(source: Source, emitter: AsyncEmitter) -> str:
    """Return the URL that events are sent to; "local" has none before the collector is known."""
    client = source.peek_collector()
    return f"{client.url}{POST_PATH}" if client else emitter.endpoint


def _control(kind: str, source: Source, emitter: AsyncEmitter) -> None:
    if kind == "pause":
        emitter.pause()
    elif source.enabled and kind == "resume":
        emitter.resume()
    elif source.enabled:
        emitter.async_flush()


def _find_colab() -> None:
    """Load Colab's module, if this is Colab: anywidget then enables Colab's manager of custom widgets."""
    with contextlib.suppress(ImportError):
        importlib.import_module("google.colab.output")


def _log_fault(fault: Exception) -> None:
    LOG.debug("the monitor ended", exc_info=fault)


_monitors: "weakref.WeakKeyDictionary[Source, Monitor]" = weakref.WeakKeyDictionary()


def make_monitor(source: Source) -> Monitor:
    """Return the monitor of a session: the same one as long as it lives.

    Parameters
    ----------
    source : Source
        The session.

    Returns
    -------
    Monitor
        Can be shown any number of times; `nbtrack.monitor` returns the running session's.

    Examples
    --------
    >>> import nbtrack
    >>> session = nbtrack.start(store="memory")
    >>> monitor = make_monitor(session)
    >>> make_monitor(session) is monitor
    True
    >>> monitor.close()
    >>> nbtrack.stop()
    """
    known = _monitors.get(source)
    if known is None or known.comm is None:
        _monitors[source] = known = Monitor(source)
    return known
