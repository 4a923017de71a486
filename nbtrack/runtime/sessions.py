"""What a session is: its parts joined, tracking on or off, and the user's code guarded from faults of ours."""

import collections
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrack.common.current_session import CollectorTarget
from nbtrack.common.home import find_home, is_writable, outbox_path
from nbtrack.delivery import AsyncEmitter, FlushReport, SQLiteEventStore
from nbtrack.delivery.models import Route
from nbtrack.runtime import home, optout
from nbtrack.runtime.parts import Parts
from nbtrack.runtime.settings import NBTrack
from nbtrack.runtime.subject import NotebookSubject
from nbtrack.tracker import Event, Tracker

if TYPE_CHECKING:
    from nbtrack.collector import CollectorClient
    from nbtrack.schemas import Registry

logger = logging.getLogger(__name__)

EXIT_BUDGET = 1.0  # seconds a session may take to end


@dataclass(frozen=True, slots=True)
class SessionFault:
    """A fault of nbtrack's own, kept for the monitor and never raised into a cell.

    Parameters
    ----------
    time
        Seconds since 1970.
    where
        What nbtrack was doing.
    text
        The exception's class and message.
    """

    time: float
    where: str
    text: str


class Session:
    """One kernel's tracking: made by `start`, found by `session`, ended by `stop`.

    Nothing is started, opened or sent before the first event.

    Parameters
    ----------
    settings : NBTrack
        The session's settings.
    collector : CollectorClient, optional
        A running private collector to send to instead of the settings' one.
    shell : IPython.core.interactiveshell.InteractiveShell, optional
        IPython's shell, or None outside IPython.

    Examples
    --------
    >>> import nbtrack
    >>> from nbtrack.collector import LocalCollector
    >>> from nbtrack.tracker import PageView
    >>> with LocalCollector() as collector:
    ...     session = nbtrack.start(collector, store="memory")
    ...     event_id = session.tracker.track(PageView("https://acme.com"))
    ...     report = session.flush()
    ...     nbtrack.stop()
    >>> report.sent, report.pending
    (1, 0)
    """

    def __init__(
        self, settings: NBTrack, *, collector: "CollectorClient | None" = None, shell: Any = None
    ) -> None:
        self.settings = settings
        self.shell = shell
        self.home = find_home()
        self.faults: collections.deque[SessionFault] = collections.deque(maxlen=50)
        self.fault_count = 0
        self.off_reason: str | None = None
        self.ended = False
        # the notebook puts off a cell's event until the kernel's reply is out: this has it recorded at once
        self.settle: Callable[[], None] = lambda: None
        self._forbidden = optout.find_optout()
        self._parts = Parts(settings, self.home, collector, shell, held=self._forbidden is not None)
        self.session_id = self._parts.session_id

    # -- whether it tracks

    @property
    def optout(self) -> str | None:
        """The environment variable that forbids tracking, or None."""
        return self._forbidden

    @property
    def enabled(self) -> bool:
        """Whether cells, magics and steps become events."""
        return self._forbidden is None and self.off_reason is None and not self.ended

    def turn_off(self, reason: str = "%nbtrack off") -> None:
        """Stop tracking, and stop sending what waits."""
        self.off_reason = reason
        self._parts.hold()

    def turn_on(self) -> bool:
        """Track again; False where the environment forbids it."""
        self.off_reason = None
        if not self._forbidden:
            self._parts.release()
        return self.enabled

    # -- the parts, each made when first asked for

    @property
    def subject(self) -> NotebookSubject:
        """The session's subject, sent with each event."""
        return self._parts.subject

    @property
    def installation(self) -> home.Installation:
        """The installation's random identity."""
        return self._parts.installation

    @property
    def emitter(self) -> AsyncEmitter:
        """The session's emitter."""
        return self._parts.emitter

    @property
    def tracker(self) -> Tracker:
        """The session's tracker. What it is told to track is an order: it runs whatever the opt-out says."""
        return self._parts.tracker

    @property
    def registry(self) -> "Registry":
        """The schemas that this session checks events against: those registered here, its folders and servers."""
        return self._parts.registry

    def register(self, schema: Mapping[str, Any]) -> str:
        """Register a schema for this session, and with the local collector where events go to it.

        Parameters
        ----------
        schema
            A self-describing JSON Schema, such as `nbtrack.schemas.draft_schema` gives.

        Returns
        -------
        str
            Its Iglu URI.
        """
        return self._parts.register(schema)

    @property
    def collector(self) -> "CollectorClient | None":
        """The local collector, started or joined; None where events go to a company's collector.

        Raises
        ------
        OSError
            When a local collector can be neither found nor started.
        """
        return self._parts.collector

    @property
    def is_local(self) -> bool:
        """Whether events stay on this machine."""
        return self._parts.is_local

    @property
    def destination(self) -> str:
        """Where events go, as people read it; without credentials."""
        return self._parts.destination

    def peek_emitter(self) -> AsyncEmitter | None:
        """Give the emitter if there is one now; make none."""
        return self._parts.peek_emitter()

    def peek_collector(self) -> "CollectorClient | None":
        """Give the local collector if this session has already met it; start nothing."""
        return self._parts.peek_collector()

    # -- what it does

    def record(self, event: Event, where: str = "an event") -> str | None:
        """Track one of the session's own events, unless tracking is off. Never raises.

        Returns
        -------
        str or None
            The event's id; None where nothing was tracked.
        """
        if not self.enabled:
            return None
        try:
            return self.tracker.track(event)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not reach the user's cell
            self.note_fault(where, error)
            return None

    def order(self, event: Event) -> str | None:
        """Track an event that the user wrote, unless tracking is off.

        Returns
        -------
        str or None
            The event's id; None where tracking is off, or where nbtrack failed.

        Raises
        ------
        TypeError, ValueError
            For what is wrong with the event: a placeholder, data without a JSON form, and with ``validate="raise"``
            what does not fit its schema.
        """
        if not self.enabled:
            return None
        try:
            return self.tracker.track(event)
        except (TypeError, ValueError):
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours must not reach the user's cell
            self.note_fault("nbtrack.track", error)
            return None

    def preview(self, event: Event) -> dict[str, str]:
        """Give the payload that an event would have as the session's next one; change nothing.

        Parameters
        ----------
        event : Event
            What is looked at.
        """
        with self._parts.entities.uncounted():
            return self.tracker.complete_payload(event)

    def find_payload(self, event_id: str) -> dict[str, str] | None:
        """Give an event as it was tracked, from where it waits, or from the local collector; None where it is gone.

        Parameters
        ----------
        event_id : str
            What `record` or a tracker's ``track`` gave.
        """
        emitter, client = self.peek_emitter(), self.peek_collector()
        payload = emitter.payload(event_id) if emitter is not None else None
        if payload is None and client is not None:
            try:
                payload = next(iter(client.payloads(event_id=event_id, limit=1)), None)
            except (OSError, RuntimeError, ValueError):
                return None
        return payload

    def note_fault(self, where: str, error: BaseException) -> None:
        """Keep a fault for the monitor, and log it once for each kind."""
        text = f"{type(error).__name__}: {error}"
        known = any(fault.where == where and fault.text == text for fault in self.faults)
        self.fault_count += 1
        self.faults.append(SessionFault(time.time(), where, text))
        if not known:
            logger.debug("nbtrack failed at %s", where, exc_info=error)

    def flush(self, timeout: float = 10.0) -> FlushReport | None:
        """Send what waits; None where tracking is off, as nothing may be sent then."""
        self.settle()
        return self.emitter.flush(timeout) if self.enabled else None

    def close(self, timeout: float = EXIT_BUDGET) -> None:
        """End the session within a bound; what could not be sent stays stored."""
        self.settle()
        may_send, self.ended = self.enabled, True
        emitter, client = self._parts.let_go()
        try:
            if emitter:
                emitter.close(timeout if may_send else 0)
            if client:
                from nbtrack.collector import shared_collector as shared  # noqa: PLC0415 - loaded before, to connect

                shared.leave(self.home)
        except Exception as error:  # noqa: BLE001 - ending must end
            self.note_fault("the end of the session", error)

    def describe(self) -> str:
        """Say in one line where events go; `%load_ext nbtrack` prints it."""
        if self._forbidden:
            return f"nbtrack is off: {self._forbidden} is set. Cells run as ever and nothing is sent."
        waiting = self._count_waiting()
        own = waiting.pop(self.destination, 0)
        backlog = f" {own:,} events wait from before." if own else ""
        if waiting:
            backlog += (
                f" {sum(waiting.values()):,} wait for other collectors: nbtrack outbox drain sends them."
            )
        if self.settings.store == "disk" and not is_writable(self.home):
            backlog += f" {self.home} cannot be written, so what is not sent ends with this process."
        if self.is_local:
            given = self._parts.given
            where = given.url if given else "the local collector, which starts with the first event"
            return f"nbtrack: events stay on this machine ({where}).{backlog} Help: %nbtrack?"
        return f"nbtrack: events go to {self.destination}.{backlog} Help: %nbtrack?"

    def find_target(self) -> CollectorTarget:
        """Give the collector to whoever sends beside the emitter: a backfill.

        Raises
        ------
        OSError
            When a local collector can be neither found nor started.
        """
        client = self.collector
        if client is not None:
            return CollectorTarget(client.url, local=True)
        return CollectorTarget(*self.settings.find_target())

    # -- inside

    def _count_waiting(self) -> collections.Counter[str]:
        """Count what waits in the outbox, by destination."""
        path, found = outbox_path(self.home), collections.Counter[str]()
        try:
            if self.settings.store == "disk" and path.exists():
                with SQLiteEventStore(path) as store:
                    for route in store.routes():
                        found[Route.from_key(route).destination] += store.count(route)
        except Exception as error:  # noqa: BLE001 - a number is not worth a failed load
            self.note_fault("counting what waits", error)
        return +found
