"""The session: settings, subject, emitter, tracker and collector of one kernel, each created when first needed."""

import collections
import logging
import math
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbtrack.activities import ActivityLog
from nbtrack.collector.page_address import PageAddress, find_page_address
from nbtrack.common import lifecycle, pyodide
from nbtrack.common.clock import monotonic
from nbtrack.common.collector_address import TOKEN_HEADER
from nbtrack.common.current_session import CollectorTarget
from nbtrack.common.deprecation import RenamedMethod
from nbtrack.common.home import find_home, is_writable, outbox_path
from nbtrack.common.wording import plural, strip_credentials
from nbtrack.delivery import AsyncEmitter, FlushReport, InMemoryEventStore, SQLiteEventStore
from nbtrack.delivery.models import Route
from nbtrack.protocol import OWN_VENDOR
from nbtrack.runtime import home, host, optout
from nbtrack.runtime.settings import NBTrack
from nbtrack.runtime.subject import NotebookSubject, SessionEntities, make_session_id
from nbtrack.tracker import Event, Tracker

if TYPE_CHECKING:
    from nbtrack.collector import CollectorClient
    from nbtrack.plans import TrackingPlan
    from nbtrack.schemas import Registry

LOG = logging.getLogger(__name__)
LOCAL = "local"
MOST_FAILURES = 1_000
"""Failed events that are asked for at once, the newest."""
UNKNOWN_OWN_SCHEMA = re.compile(rf"unknown schema (iglu:{re.escape(OWN_VENDOR)}/[^\s;,]+)")
EXIT_BUDGET = 1.0
"""Seconds that a session may take to end."""
COUNT_SECONDS = 1.0
LINGER = 0.05
"""Seconds that events gather, so that the sender does not compete with the end of the cell that made them."""
# settings whose change makes a new emitter, or a new tracker
EMITTER_SETTINGS = ("collector", "headers", "request_timeout", "store", "local_port", "iglu")
TRACKER_SETTINGS = ("app_id", "namespace", "base64", "validate", "tracking_plan")
_connected: "dict[int, weakref.ref[Session]]" = {}
"""Sessions that use the shared collector of their home, by id. Copied to be read: other threads add to it."""


@dataclass(frozen=True, slots=True)
class SessionError:
    """An internal error of nbtrack, kept for the monitor and never raised into a cell.

    Parameters
    ----------
    time
        Unix timestamp in seconds.
    where
        What nbtrack was doing.
    text
        The exception's class and message.
    """

    time: float
    where: str
    text: str


class Session:
    """The tracking of one kernel: started by `start`, returned by `session`, ended by `stop`.

    Nothing is started, opened or sent before the first event. A changed setting replaces what depends on it.

    Parameters
    ----------
    settings : NBTrack
        The session's settings.
    collector : CollectorClient, optional
        A running private collector, used in place of the one in the settings.
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
        self.faults: collections.deque[SessionError] = collections.deque(maxlen=50)
        self.fault_count = 0
        self.warnings: list[str] = []
        self._elsewhere: tuple[float, collections.Counter[str]] = (-math.inf, collections.Counter())
        self.backfilled = 0
        self._sent_before = 0  # by emitters that a changed setting replaced
        self.off_reason: str | None = None
        self.ended = False
        # in a kernel a cell's event is tracked after the reply; this tracks it now
        self.track_pending_cell: Callable[[], None] = lambda: None
        self._optout = optout.OptOut(self.home)
        self._held = self._optout.find() is not None
        self._explicit_collector, self._client = collector, collector
        self._lock = threading.RLock()
        # connecting to the collector may take a second, on the sender's thread: no cell waits for that
        self._connect_lock = threading.RLock()
        self._tracker: Tracker | None = None
        self._emitter: AsyncEmitter | None = None
        self._entities: SessionEntities | None = None
        self._subject: NotebookSubject | None = None
        self._installation: home.Installation | None = None
        self._registry: Registry | None = None
        self._schemas: list[Mapping[str, Any]] = []
        self._plan: TrackingPlan | None = None
        self._plan_folder: str | None = None
        self._kernel_id = host.find_kernel_id(shell)
        self.session_id = make_session_id(self._kernel_id)
        self.activities = ActivityLog(self.session_id)
        settings.observe(self._drop_emitter, names=list(EMITTER_SETTINGS))
        settings.observe(self._drop_tracker, names=list(TRACKER_SETTINGS))
        settings.observe(self._set_user, names=["user_id"])
        settings.observe(self._move_page, names=["page_url"])

    # -- whether it tracks

    @property
    def optout(self) -> str | None:
        """The environment variable that disables tracking, ``nbtrack off`` if this user ran it, or None."""
        return self._optout.find()

    @property
    def has_magics(self) -> bool:
        """Whether magics control it: in IPython, not in scripts and marimo."""
        return self.shell is not None

    @property
    def why_off(self) -> str | None:
        """Why cells, magics and steps send nothing, as messages say it; None if they send."""
        found = self.optout
        return optout.explain(found) if found else self.off_reason

    @property
    def enabled(self) -> bool:
        """Whether cells, magics and steps become events."""
        is_off = self.optout is not None or self.off_reason is not None
        self._hold(is_off)  # the user may have run `nbtrack off` meanwhile
        return not is_off and not self.ended

    def turn_off(self, reason: str = "%nbtrack off") -> None:
        """Stop tracking, and stop sending pending events."""
        self.off_reason = reason
        self._hold(True)

    def turn_on(self) -> bool:
        """Track again; return False where the user has opted out."""
        self.off_reason = None
        self._optout.find(now=True)
        return self.enabled

    def _hold(self, hold: bool) -> None:
        """Hold pending events back, or send them again."""
        if hold == self._held:
            return
        self._held = hold
        if self._emitter and hold:
            self._emitter.pause()
        elif self._emitter:
            self._emitter.resume()

    # -- its parts, each created when first needed

    @property
    def subject(self) -> NotebookSubject:
        """The session's subject, sent with each event."""
        with self._lock:
            if self._subject is None:
                self._subject = NotebookSubject(self.installation, self.session_id, self.settings.user_id)
            return self._subject

    @property
    def installation(self) -> home.Installation:
        """The installation's random identity."""
        with self._lock:
            if self._installation is None:
                self._installation = home.identify_installation(self.home)
            return self._installation

    @property
    def emitter(self) -> AsyncEmitter:
        """The session's emitter."""
        with self._lock:
            if self._emitter is None:
                self._emitter = self._make_emitter()
                if self._held:
                    self._emitter.pause()
            return self._emitter

    @property
    def tracker(self) -> Tracker:
        """The session's tracker. Calls to it are explicit and run even if the user has opted out of tracking."""
        with self._lock:
            if self._tracker is None:
                settings = self.settings
                # its validator is compiled, and not made for Pyodide; the status says so
                validate: Literal["off", "warn", "raise"] = "off" if pyodide.IN_PYODIDE else settings.validate
                self._tracker = Tracker(
                    settings.namespace,
                    self.emitter,
                    self.subject,
                    settings.app_id or None,
                    settings.base64,
                    validate=validate,
                    registry=self.registry if validate != "off" else None,
                    tracking_plan=self.tracking_plan if validate != "off" else None,
                )
                self._tracker.add_global_context(self._list_entities)
            return self._tracker

    @property
    def _session_entities(self) -> SessionEntities:
        """What makes the entities of each event."""
        with self._lock:
            if self._entities is None:
                self._entities = SessionEntities(
                    self.settings, self.installation, self.session_id, self._kernel_id, self.shell
                )
            return self._entities

    @property
    def registry(self) -> "Registry":
        """The schemas that this session checks events against: those registered here, its folders and servers."""
        with self._lock:
            if self._registry is None:
                from nbtrack.schemas import registry_of  # noqa: PLC0415 - only where events are checked

                self._registry = registry_of(self.settings.iglu)
                for schema in self._schemas:
                    self._registry.register(schema)
            return self._registry

    @property
    def tracking_plan(self) -> "TrackingPlan | None":
        """The tracking plan of the settings; None without one, and for one that cannot be read, which is logged."""
        folder = self.settings.tracking_plan
        with self._lock:
            if folder is not None and folder != self._plan_folder:
                from nbtrack.plans import read_tracking_plan  # noqa: PLC0415 - only where there is one

                self._plan_folder, self._plan = folder, None
                try:
                    self._plan = read_tracking_plan(folder)
                except (OSError, ValueError, ImportError) as error:
                    LOG.warning("events are not checked against the tracking plan: %s", error)
            return self._plan if folder is not None else None

    def register(self, schema: Mapping[str, Any]) -> str:
        """Register a schema for this session, and with the local collector if events go to it.

        Parameters
        ----------
        schema : mapping
            A self-describing JSON Schema, such as `nbtrack.schemas.draft_schema` returns.

        Returns
        -------
        str
            Its Iglu URI.
        """
        uri = self.registry.register(schema)
        self._schemas.append(schema)
        client = self.collector
        if client is not None:
            client.register(schema)
        return uri

    @property
    def collector(self) -> "CollectorClient | None":
        """The local collector, started or joined; None where events go to a company's collector.

        Raises
        ------
        OSError
            If a local collector can neither be found nor started.
        """
        if not self.is_local:
            return None
        with self._connect_lock:
            if self._client is None:
                self._client = self._connect()
                self.open_page()
                plan = self.tracking_plan
                for structure in plan.structures.values() if plan else ():
                    self._client.register(structure.schema)
            return self._client

    def find_page(self) -> PageAddress | None:
        """Return where a browser finds the local collector's page; None where none is connected. Starts nothing."""
        client = self.peek_collector()
        return None if client is None else find_page_address(client.url, self.settings.page_url)

    def open_page(self) -> PageAddress | None:
        """Return the same, and let the collector reply under the host name of that address."""
        client, address = self.peek_collector(), None
        try:
            address = self.find_page()
            if client is not None and address is not None and address.hosts:
                client.allow_hosts(address.hosts)
        # it ended or is of an earlier version, or a variable that the setting names is no longer set
        except (OSError, RuntimeError, ValueError) as error:
            self.note_fault("opening the collector's page to its host name", error)
        return address

    @property
    def is_local(self) -> bool:
        """Whether events stay on this machine."""
        return self._explicit_collector is not None or self.settings.collector == LOCAL

    @property
    def destination(self) -> str:
        """Where events go, as people read it; without credentials."""
        if self._explicit_collector is not None:
            return self._explicit_collector.url
        return LOCAL if self.is_local else strip_credentials(self.settings.collector)

    @property
    def sent(self) -> int:
        """Number of events that this session's emitters have sent."""
        with self._lock:
            return self._sent_before + (self._emitter.stats().sent if self._emitter else 0)

    def note_backfill(self, sent: int) -> None:
        """Count the events that a backfill of this process has sent."""
        with self._lock:
            self.backfilled += sent

    def __repr__(self) -> str:
        why = self.why_off
        state = "ended" if self.ended else f"off: {why}" if why else "on"
        emitter = self.peek_emitter()
        pending = emitter.stats().pending if emitter else 0
        return f"<nbtrack session to {self.destination} ({state}): {self.sent:,} sent, {pending:,} pending>"

    def peek_emitter(self) -> AsyncEmitter | None:
        """Return the emitter if there is one; never creates one."""
        return self._emitter

    def peek_collector(self) -> "CollectorClient | None":
        """Return the local collector if this session is connected to it; never starts one."""
        return self._client if self.is_local else None

    # -- what it does

    def track_safely(
        self, event: Event, where: str = "an event", *, ended: float | None = None
    ) -> str | None:
        """Track one of the session's own events, unless tracking is off. Never raises.

        Parameters
        ----------
        event : Event
            The event.
        where : str
            What nbtrack is doing, for an internal error.
        ended : float, optional
            Unix timestamp in seconds at which what the event is about ended; by default now.

        Returns
        -------
        str or None
            The event's id; None if nothing was tracked.
        """
        if not self.enabled:
            return None
        try:
            event_id = self.tracker.track(event)
        except Exception as error:  # noqa: BLE001 - an internal error must not reach the user's cell
            self.note_fault(where, error)
            return None
        self._note_activity(event, event_id, ended)
        return event_id

    def _note_activity(self, event: Event, event_id: str, ended: float | None = None) -> None:
        try:
            document = event.event_json
            data, schema = (
                (None, event.payload.get("e", "")) if document is None else (document.data, document.schema)
            )
            self.activities.add(
                data, str(schema), event_id=event_id, destination=self.destination, ended=ended
            )
        except Exception as error:  # noqa: BLE001 - as above
            self.note_fault("the activity", error)

    def track_or_raise(self, event: Event) -> str | None:
        """Track an event that the user wrote, unless tracking is off.

        Returns
        -------
        str or None
            The event's id; None if tracking is off, or after an internal error.

        Raises
        ------
        TypeError, ValueError
            For an invalid event: a placeholder, data without a JSON form, and with ``validate="raise"``
            data that does not match its schema.
        """
        if not self.enabled:
            return None
        try:
            event_id = self.tracker.track(event)
        except (TypeError, ValueError):
            raise
        except Exception as error:  # noqa: BLE001 - an internal error must not reach the user's cell
            self.note_fault("nbtrack.track", error)
            return None
        self._note_activity(event, event_id)
        return event_id

    record = RenamedMethod("track_safely")
    order = RenamedMethod("track_or_raise")

    def preview(self, event: Event) -> dict[str, str]:
        """Return the payload that an event would have as the session's next one; changes nothing.

        Parameters
        ----------
        event : Event
            The event to show.
        """
        with self._session_entities.uncounted():
            return self.tracker.complete_payload(event)

    def find_payload(self, event_id: str) -> dict[str, str] | None:
        """Return a tracked event's payload, from the store or the local collector; None if it is in neither.

        Parameters
        ----------
        event_id : str
            As returned by `track_safely` or a tracker's ``track``.
        """
        emitter, client = self.peek_emitter(), self.peek_collector()
        payload = emitter.payload(event_id) if emitter is not None else None
        if payload is None and client is not None:
            try:
                payload = next(iter(client.payloads(event_id=event_id, limit=1)), None)
            except (OSError, RuntimeError, ValueError):
                return None
        return payload

    def note_results(self, results: Mapping[str, Sequence[str]]) -> None:
        """Note validation results of the local collector, and warn once of each schema of nbtrack's own that it lacks.

        Parameters
        ----------
        results : mapping
            The reasons by event id, none for a valid event.
        """
        self._warn_of_schemas(self.activities.note_results(results))

    def check_results(self) -> None:
        """Ask the local collector for the validation results of delivered events that are not known yet."""
        client = self.peek_collector()
        if client is None or not self.activities.has_unchecked():
            return
        failures = client.failures(MOST_FAILURES)
        if len(failures) >= MOST_FAILURES:  # others', such as rows of a backfill, may hide the session's own
            failures = client.failures(MOST_FAILURES, session=self.session_id)
        complete = len(failures) < MOST_FAILURES
        self._warn_of_schemas(self.activities.note_failures(failures, complete=complete))

    def _warn_of_schemas(self, reasons: Iterable[str]) -> None:
        for reason in reasons:
            for schema in UNKNOWN_OWN_SCHEMA.findall(reason):
                if (warning := _explain_unknown_schema(schema)) not in self.warnings:
                    self.warnings.append(warning)
                    LOG.warning("%s", warning)

    def note_fault(self, where: str, error: BaseException) -> None:
        """Keep an internal error for the monitor, and log it once for each kind."""
        text = f"{type(error).__name__}: {error}"
        known = any(fault.where == where and fault.text == text for fault in self.faults)
        self.fault_count += 1
        self.faults.append(SessionError(time.time(), where, text))
        if not known:
            LOG.debug("nbtrack failed at %s", where, exc_info=error)

    def flush(self, timeout: float = 10.0) -> FlushReport | None:
        """Send the pending events; None if tracking is off, because nothing may be sent then."""
        self.track_pending_cell()
        return self.emitter.flush(timeout) if self.enabled else None

    def close(self, timeout: float = EXIT_BUDGET) -> None:
        """End the session within `timeout` seconds; unsent events stay stored."""
        self.track_pending_cell()
        may_send, self.ended = self.enabled, True
        emitter, client = self._detach()
        try:
            if emitter:
                _close(emitter, timeout if may_send else 0)
            _connected.pop(id(self), None)
            others = [session for found in list(_connected.values()) if (session := found()) is not None]
            # another viewer of marimo's may go on with it
            if client and not any(other.home == self.home for other in others):
                from nbtrack.collector import shared_collector  # noqa: PLC0415 - already loaded to connect

                shared_collector.leave(self.home)
        except Exception as error:  # noqa: BLE001 - ending must not fail
            self.note_fault("the end of the session", error)

    def describe(self) -> str:
        """Return one line about where events go; `%load_ext nbtrack` prints it."""
        if self.optout:
            return f"nbtrack is off: {self.why_off}. Cells run normally; nothing is sent."
        help_ = " Help: %nbtrack?" if self.has_magics else ""
        if pyodide.IN_PYODIDE and self.destination == LOCAL:
            return f"nbtrack: events wait in memory: {pyodide.NO_LOCAL_COLLECTOR}.{help_}"
        waiting = self._count_waiting()
        own = waiting.pop(self.destination, 0)
        backlog = f" {plural(own, 'event')} pending from before." if own else ""
        if waiting:
            backlog += (
                f" {sum(waiting.values()):,} pending for other collectors: nbtrack outbox drain sends them."
            )
        if pyodide.IN_PYODIDE:
            backlog += " Unsent events are lost when the page closes."
        elif self.settings.store == "disk" and not is_writable(self.home):
            backlog += f" {self.home} is not writable: unsent events are lost when this process ends."
        if self.is_local:
            given = self._explicit_collector
            where = (
                find_page_address(given.url, self.settings.page_url).base
                if given
                else "the local collector, which starts with the first event"
            )
            return f"nbtrack: events stay on this machine ({where}).{backlog}{help_}"
        return f"nbtrack: events go to {self.destination}.{backlog}{help_}"

    def find_target(self) -> CollectorTarget:
        """Return the collector for code that sends without the emitter, such as a backfill.

        Raises
        ------
        OSError
            If a local collector can neither be found nor started.
        """
        client = self.collector
        if client is not None:
            return CollectorTarget(client.url, {TOKEN_HEADER: client.token}, local=True)
        return CollectorTarget(*self.settings.find_target())

    # -- inside

    def count_elsewhere(self) -> dict[str, int]:
        """Return how many events of the outbox wait for other collectors than the session's, by destination; at most a second old."""
        counted, waiting = self._elsewhere
        if monotonic() - counted > COUNT_SECONDS:
            waiting = self._count_waiting()
            self._elsewhere = monotonic(), waiting
        return {place: number for place, number in waiting.items() if place != self.destination}

    def _count_waiting(self) -> collections.Counter[str]:
        """Count the pending events in the outbox, by destination."""
        path, found = outbox_path(self.home), collections.Counter[str]()
        try:
            if self.settings.store == "disk" and path.exists():
                with SQLiteEventStore(path) as store:
                    for route in store.routes():
                        found[Route.from_key(route).destination] += store.count(route)
        except Exception as error:  # noqa: BLE001 - a count is not worth a failed load
            self.note_fault("counting pending events", error)
        return +found

    def _detach(self) -> "tuple[AsyncEmitter | None, CollectorClient | None]":
        """Stop observing the settings, and return the emitter and the local collector, to be closed."""
        self.settings.unobserve(self._drop_emitter, names=list(EMITTER_SETTINGS))
        self.settings.unobserve(self._drop_tracker, names=list(TRACKER_SETTINGS))
        self.settings.unobserve(self._set_user, names=["user_id"])
        self.settings.unobserve(self._move_page, names=["page_url"])
        with self._lock:
            self._sent_before, emitter, client = self.sent, self._emitter, self._client
            self._emitter = self._tracker = self._client = None
        return emitter, None if client is self._explicit_collector else client

    def _list_entities(self, event: Event) -> list[Any]:
        return self._session_entities.list_for(event.event_id)

    def _make_emitter(self) -> AsyncEmitter:
        settings = self.settings
        store = self._make_store()
        if self.is_local:
            if not pyodide.IN_PYODIDE:
                # loaded here, for the sender's thread must not import: a fork meanwhile would block its child
                from nbtrack.collector import shared_collector  # noqa: F401, PLC0415

            return AsyncEmitter(
                self._explicit_collector.url if self._explicit_collector else LOCAL,
                protocol="http",
                batch_size=1,
                event_store=store,
                request_timeout=settings.request_timeout,
                linger=LINGER,
                on_attempt=self.activities.note_request,
                report_at_exit=not settings.quiet,
                destination=self.destination,
                resolve=self._resolve_local,
            )
        return AsyncEmitter(
            settings.collector,
            batch_size=1,
            event_store=store,
            request_timeout=settings.request_timeout,
            linger=LINGER,
            on_attempt=self.activities.note_request,
            report_at_exit=not settings.quiet,
            headers=dict(settings.headers),
        )

    def _make_store(self) -> Any:
        kind = self.settings.store
        if kind == "memory" or (kind == "disk" and pyodide.IN_PYODIDE):
            return InMemoryEventStore(LOG)
        if kind.startswith(("redis://", "rediss://")):
            from nbtrack.delivery import RedisEventStore  # noqa: PLC0415 - an extra

            return RedisEventStore(kind)
        from nbtrack.delivery.outbox import open_outbox  # noqa: PLC0415 - loaded with the first event

        return open_outbox(self.home)

    def _resolve_local(self) -> str:
        """Find or start the collector; called on the sender's thread."""
        if self._explicit_collector is not None:
            return self._explicit_collector.url
        with self._connect_lock:
            self._client = None  # asked again only after a failure, or at first
            client = self.collector
        if client is None:
            raise OSError("the session no longer sends to the local collector")
        return client.url

    def _connect(self) -> "CollectorClient":
        if pyodide.IN_PYODIDE:
            raise OSError(pyodide.NO_LOCAL_COLLECTOR)
        from nbtrack.collector import shared_collector  # noqa: PLC0415 - loaded only to connect

        _connected[id(self)] = weakref.ref(self)
        return shared_collector.connect(
            self.home, port=self.settings.local_port, iglu=tuple(self.settings.iglu)
        )

    def _drop_emitter(self, _: Mapping[str, Any]) -> None:
        with self._lock:
            self._registry = None  # created again from the settings and the schemas registered here
            self._sent_before = self.sent
            emitter, self._emitter, self._tracker = self._emitter, None, None
            self._client = self._explicit_collector
        if emitter:
            _close(emitter, 0)
            self.activities.note_end_of_emitter(durable=emitter.durable or emitter.is_sending_later)

    def _set_user(self, change: Mapping[str, Any]) -> None:
        with self._lock:
            if self._subject is not None:
                self._subject.set_user_id(change["new"])

    def _move_page(self, _: Mapping[str, Any]) -> None:
        self.open_page()

    def _drop_tracker(self, _: Mapping[str, Any]) -> None:
        with self._lock:
            self._tracker = None


def _explain_unknown_schema(schema: str) -> str:
    """Return what it means that the local collector lacks a schema of nbtrack's own, and what to do."""
    return (
        f"the local collector does not know {schema}, so the events with it failed: an earlier version of nbtrack started "
        "it. Restart it: nbtrack.session().collector.shut_down(); the next event starts this version's"
    )


def _close(emitter: AsyncEmitter, timeout: float) -> None:
    """Close an emitter, and name the events that end with it."""
    report = emitter.close(timeout)
    if not emitter.durable:
        fate = "sent when this code has ended" if emitter.is_sending_later else "lost"
        lifecycle.report_unsent(emitter, report.pending, fate)
