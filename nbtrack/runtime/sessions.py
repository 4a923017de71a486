"""What a session is: settings, subject, tracker, emitter and collector joined, and the user's code guarded."""

import collections
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrack.delivery import AsyncEmitter, FlushReport, InMemoryEventStore, SQLiteEventStore, current
from nbtrack.delivery.endpoint import base_uri, split_credentials
from nbtrack.delivery.home import find_home
from nbtrack.runtime import home, host, optout
from nbtrack.runtime.settings import NBTrack, strip_credentials
from nbtrack.runtime.subject import NotebookSubject, SessionEntities, make_session_id
from nbtrack.tracker import Event, Tracker

if TYPE_CHECKING:
    from nbtrack.collector import CollectorClient
    from nbtrack.schemas import Registry

logger = logging.getLogger(__name__)

LOCAL = "local"
_LINGER = 0.05  # seconds that events gather, so that the sender does not compete with the end of the cell that made them
EXIT_BUDGET = 1.0  # seconds a session may take to end
# what a change of these settings makes anew
_EMITTER_SETTINGS = ("collector", "headers", "request_timeout", "store", "local_port", "iglu")
_TRACKER_SETTINGS = ("app_id", "namespace", "base64", "validate")


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
    settings
        The session's settings.
    collector
        A running private collector to send to instead of the settings' one.
    shell
        IPython's shell, or None outside IPython.
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
        self._given, self._client = collector, collector
        self._lock = threading.RLock()
        self._tracker: Tracker | None = None
        self._emitter: AsyncEmitter | None = None
        self._entities: SessionEntities | None = None
        self._subject: NotebookSubject | None = None
        self._installation: home.Installation | None = None
        self._registry: Registry | None = None
        self._schemas: list[Mapping[str, Any]] = []
        self._kernel_id = host.find_kernel_id(shell)
        self.session_id = make_session_id(self._kernel_id)
        self._forbidden = optout.find_optout()
        settings.observe(self._drop_emitter, names=list(_EMITTER_SETTINGS))
        settings.observe(self._drop_tracker, names=list(_TRACKER_SETTINGS))
        settings.observe(self._set_user, names=["user_id"])

    # -- whether it tracks

    @property
    def optout(self) -> str | None:
        """The environment variable that forbids tracking, or None."""
        return self._forbidden

    @property
    def enabled(self) -> bool:
        """Whether cells, magics and steps become events."""
        return self._forbidden is None and self.off_reason is None

    def turn_off(self, reason: str = "%nbtrack off") -> None:
        """Stop tracking, and stop sending what waits."""
        self.off_reason = reason
        if self._emitter:
            self._emitter.pause()

    def turn_on(self) -> bool:
        """Track again; False where the environment forbids it."""
        self.off_reason = None
        if self._emitter and not self._forbidden:
            self._emitter.resume()
        return self.enabled

    # -- the parts, each made when first asked for

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
                if not self.enabled:
                    self._emitter.pause()
            return self._emitter

    @property
    def tracker(self) -> Tracker:
        """The session's tracker. What it is told to track is an order: it runs whatever the opt-out says."""
        with self._lock:
            if self._tracker is None:
                settings = self.settings
                self._tracker = Tracker(
                    settings.namespace,
                    self.emitter,
                    self.subject,
                    settings.app_id or None,
                    settings.base64,
                    validate=settings.validate,
                    registry=self.registry if settings.validate != "off" else None,
                )
                self._tracker.add_global_context(self._list_entities)
            return self._tracker

    @property
    def registry(self) -> "Registry":
        """The schemas that this session checks events against: those registered here, its folders and servers."""
        with self._lock:
            if self._registry is None:
                from nbtrack.schemas import Registry  # noqa: PLC0415 - only where events are checked

                places = self.settings.iglu
                self._registry = Registry(
                    [place for place in places if "://" not in place],
                    servers=[place for place in places if "://" in place],
                )
                for schema in self._schemas:
                    self._registry.register(schema)
            return self._registry

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
            When a local collector can be neither found nor started.
        """
        if not self.is_local:
            return None
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    @property
    def is_local(self) -> bool:
        """Whether events stay on this machine."""
        return self._given is not None or self.settings.collector == LOCAL

    @property
    def destination(self) -> str:
        """Where events go, as people read it; without credentials."""
        if self._given is not None:
            return self._given.url
        return LOCAL if self.is_local else strip_credentials(self.settings.collector)

    def peek_emitter(self) -> AsyncEmitter | None:
        """Give the emitter if there is one now; make none."""
        return self._emitter

    def peek_collector(self) -> "CollectorClient | None":
        """Give the local collector if this session has already met it; start nothing."""
        return self._client if self.is_local else None

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
        return self.emitter.flush(timeout) if self.enabled else None

    def close(self, timeout: float = EXIT_BUDGET) -> None:
        """End the session within a bound; what could not be sent stays stored."""
        self.ended = True
        self.settings.unobserve(self._drop_emitter, names=list(_EMITTER_SETTINGS))
        self.settings.unobserve(self._drop_tracker, names=list(_TRACKER_SETTINGS))
        self.settings.unobserve(self._set_user, names=["user_id"])
        with self._lock:
            emitter, client, self._emitter, self._tracker, self._client = (
                self._emitter,
                self._client,
                None,
                None,
                None,
            )
        try:
            if emitter:
                emitter.close(timeout if self.enabled else 0)
            if client and client is not self._given:
                from nbtrack.collector import shared  # noqa: PLC0415 - loaded before, to connect

                shared.leave(self.home)
        except Exception as error:  # noqa: BLE001 - ending must end
            self.note_fault("the end of the session", error)

    def describe(self) -> str:
        """Say in one line where events go; `%load_ext nbtrack` prints it."""
        if self._forbidden:
            return f"nbtrack is off: {self._forbidden} is set. Cells run as ever and nothing is sent."
        waiting = self._count_waiting()
        backlog = f" {waiting:,} events wait from before." if waiting else ""
        if self.settings.store == "disk" and not home.is_writable(self.home):
            backlog += f" {self.home} cannot be written, so what is not sent ends with this process."
        if self.is_local:
            where = (
                self._given.url if self._given else "the local collector, which starts with the first event"
            )
            return f"nbtrack: events stay on this machine ({where}).{backlog} Help: %nbtrack?"
        return f"nbtrack: events go to {self.destination}.{backlog} Help: %nbtrack?"

    def find_target(self) -> current.Target:
        """Give the collector to whoever sends beside the emitter: a backfill.

        Raises
        ------
        OSError
            When a local collector can be neither found nor started.
        """
        client = self.collector
        if client is not None:
            return current.Target(client.url)
        url, headers = split_credentials(base_uri(self.settings.collector))
        return current.Target(url, {**headers, **self.settings.headers})

    # -- inside

    def _list_entities(self, event: Event) -> list[Any]:
        with self._lock:
            if self._entities is None:
                self._entities = SessionEntities(
                    self.settings, self.installation, self.session_id, self._kernel_id, self.shell
                )
        return self._entities.list_for(event.event_id)

    def _make_emitter(self) -> AsyncEmitter:
        settings = self.settings
        store = self._make_store()
        if self.is_local:
            return AsyncEmitter(
                self._given.url if self._given else LOCAL,
                protocol="http",
                batch_size=1,
                event_store=store,
                request_timeout=settings.request_timeout,
                linger=_LINGER,
                destination=self.destination,
                resolve=self._resolve_local,
            )
        return AsyncEmitter(
            settings.collector,
            batch_size=1,
            event_store=store,
            request_timeout=settings.request_timeout,
            linger=_LINGER,
            headers=dict(settings.headers),
        )

    def _make_store(self) -> Any:
        kind = self.settings.store
        if kind == "memory":
            return InMemoryEventStore(logger)
        if kind.startswith(("redis://", "rediss://")):
            from nbtrack.delivery import RedisEventStore  # noqa: PLC0415 - an extra

            return RedisEventStore(kind)
        from nbtrack.delivery.outbox import open_outbox  # noqa: PLC0415 - loaded with the first event

        return open_outbox(self.home)

    def _count_waiting(self) -> int:
        path = self.home / "outbox.sqlite"
        try:
            if self.settings.store != "disk" or not path.exists():
                return 0
            with SQLiteEventStore(path) as store:
                return store.size()
        except Exception as error:  # noqa: BLE001 - a number is not worth a failed load
            self.note_fault("counting what waits", error)
            return 0

    def _resolve_local(self) -> str:
        """Find or start the collector; called on the sender's thread."""
        if self._given is not None:
            return self._given.url
        with self._lock:
            self._client = None  # asked again only after a failure, or at first
        client = self.collector
        if client is None:
            raise OSError("the session no longer sends to the local collector")
        return client.url

    def _connect(self) -> "CollectorClient":
        from nbtrack.collector import shared  # noqa: PLC0415 - loads tornado's client side

        home.make_home(self.home)
        return shared.connect(self.home, port=self.settings.local_port, iglu=tuple(self.settings.iglu))

    def _drop_emitter(self, _: Mapping[str, Any]) -> None:
        with self._lock:
            self._registry = None  # made anew from the settings and the schemas registered here
            emitter, self._emitter, self._tracker = self._emitter, None, None
            if self._client is not self._given:
                self._client = self._given
        if emitter:
            emitter.close(0)

    def _set_user(self, change: Mapping[str, Any]) -> None:
        with self._lock:
            if self._subject is not None:
                self._subject.set_user_id(change["new"])

    def _drop_tracker(self, _: Mapping[str, Any]) -> None:
        with self._lock:
            self._tracker = None
