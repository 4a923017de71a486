"""The monitor: one model per session, any number of views."""

import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable
from importlib import resources
from typing import Any

import anywidget
import traitlets

from nbtrack.delivery import AsyncEmitter
from nbtrack.protocol import POST_PATH
from nbtrack.widget import details as content
from nbtrack.widget.html import render_html
from nbtrack.widget.messages import Feed
from nbtrack.widget.refresher import Refresher
from nbtrack.widget.snapshot import Snapshot, Source, ask_verdicts, describe
from nbtrack.widget.text import render_text

logger = logging.getLogger(__name__)

PARTS = ("text.js", "store.js", "table.js", "charts.js", "panel.js", "view.js")
LOOK_AGAIN = 1.0
"""Seconds after which a new emitter, or the collector's validation results, are checked again."""
ATTEMPTS = 200


def _read(*names: str) -> str:
    folder = resources.files("nbtrack") / "assets" / "monitor"
    return "\n".join((folder / name).read_text("utf-8") for name in names)


class Still:
    """A snapshot that displays as HTML or text, for ``display(monitor.still(), display_id=…)``.

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
    """The emitter's buffer and send log, live; make it with `nbtrack.monitor()`.

    Where no widget can be shown it is a table: ``handle = display(monitor.still(), display_id=True)`` and
    ``handle.update(monitor.still())`` do without widgets.

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

    # the parts share one scope: a module that Jupyter loads from text has no address to import others from
    _esm = _read(*PARTS)
    _css = _read("monitor.css")
    # read whenever a browser asks, so that a view that comes late begins with what is true then
    summary = traitlets.Any().tag(sync=True, to_json=lambda _, monitor: monitor.summarise())

    def __init__(self, source: Source) -> None:
        self._source = weakref.ref(source)
        # an emitter may hold its session: let go of at the end
        self._emitter: AsyncEmitter | None = source.emitter
        self._feed = Feed()
        self._guard = threading.RLock()
        self._verdicts: dict[str, Any] | None = None
        self._judged = -1
        self._judged_at = 0.0
        self._asked: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._last = describe(source, self._emitter, None, self._feed.window)
        super().__init__()
        self._refresher = Refresher(self._tick, _log_fault)
        self._leave: Callable[[], None] = self._emitter.subscribe(self._refresher.poke)
        self.on_msg(self._hear)
        self._refresher.start()
        self._refresher.poke()

    def still(self) -> Still:
        """Return the session's current state as HTML and text, without a widget."""
        return Still(self._look(ATTEMPTS))

    def summarise(self) -> dict[str, Any]:
        """Return a new view's first message: small, and without any event's content."""
        with self._guard:
            return self._feed.summarise(self._look(self._feed.window))

    def close(self) -> None:
        """End the thread and all views."""
        refresher = getattr(self, "_refresher", None)
        if refresher:
            self._end()
        super().close()

    def _end(self) -> None:
        self._leave()
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
            self._last = describe(source, emitter, self._verdicts, rows)
        return self._last

    # -- on the kernel's main thread when no cell runs; where the front end asks for it, on a thread beside it

    def _hear(self, _: Any, message: Any, __: Any) -> None:
        """Handle a view's request; the refresher sends the reply."""
        if isinstance(message, dict):
            self._asked.put(message)
            self._refresher.poke()

    # -- on the refresher's thread

    def _tick(self) -> float | None:
        source = self._source()
        emitter = self._follow(source) if source is not None else None
        if source is None or emitter is None:
            return None
        acted = self._answer(source, emitter)
        self._judge(source, emitter)
        with self._guard:
            snapshot = self._look(self._feed.window)
            message, more = self._feed.tell(snapshot)
        if acted:
            message["done"] = acted
        self.send(message)
        if source.ended:
            self._end()
            return None
        late = self._judged != snapshot.counters["sent"] and source.peek_collector() is not None
        return LOOK_AGAIN if more or late or source.peek_emitter() is None else None

    def _follow(self, source: Source) -> AsyncEmitter | None:
        """Go over to the emitter that a changed setting made."""
        emitter = source.peek_emitter()
        if emitter is None or emitter is self._emitter:
            return self._emitter
        self._leave()
        self._emitter, self._verdicts, self._judged = emitter, None, -1
        self._leave = emitter.subscribe(self._refresher.poke)
        with self._guard:
            self._feed.restart()
        return emitter

    def _judge(self, source: Source, emitter: AsyncEmitter) -> None:
        sent = emitter.stats().sent
        if sent != self._judged and time.monotonic() - self._judged_at >= LOOK_AGAIN:
            self._judged_at = time.monotonic()
            found = ask_verdicts(source)
            if found is not None:
                self._verdicts, self._judged = found, sent

    def _answer(self, source: Source, emitter: AsyncEmitter) -> list[Any]:
        """Do what views asked for; give the marks of what was done."""
        acted: list[Any] = []
        while True:
            try:
                asked = self._asked.get_nowait()
            except queue.Empty:
                return acted
            kind = asked.get("kind")
            if kind == "hello":
                with self._guard:
                    self._feed.restart()
            elif kind == "event":
                with self._guard:
                    event_id = self._feed.find_event(asked.get("number", 0))
                payload = source.find_payload(event_id) if event_id else None
                self.send(content.show_event(payload, _find_endpoint(source, emitter), asked))
            elif kind == "verdict":
                with self._guard:
                    found = self._feed.find_verdict(asked.get("number", 0)) or {}
                payload = source.find_payload(found["event_id"]) if found.get("event_id") else None
                reasons = found.get("reasons", ())
                self.send(content.show_event(payload, _find_endpoint(source, emitter), asked, reasons))
            elif kind == "attempt":
                self.send(content.show_attempt(emitter, asked))
            elif kind in {"pause", "resume", "flush"}:
                _steer(kind, source, emitter)
                acted.append(asked.get("mark"))


def _find_endpoint(source: Source, emitter: AsyncEmitter) -> str:
    """Return the URL that events are sent to; "local" has none before the collector is found."""
    client = source.peek_collector()
    return f"{client.url}{POST_PATH}" if client else emitter.endpoint


def _steer(kind: str, source: Source, emitter: AsyncEmitter) -> None:
    if kind == "pause":
        emitter.pause()
    elif source.enabled and kind == "resume":
        emitter.resume()
    elif source.enabled:
        emitter.async_flush()


def _log_fault(fault: Exception) -> None:
    logger.debug("the monitor ended", exc_info=fault)


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
        Shown as often as one likes; `nbtrack.monitor` gives that of the running session.

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
