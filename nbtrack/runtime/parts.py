"""A session's parts: subject, registry, collector, emitter and tracker, each made when first asked for."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.common.wording import strip_credentials
from nbtrack.delivery import AsyncEmitter, InMemoryEventStore
from nbtrack.runtime import home, host
from nbtrack.runtime.settings import NBTrack
from nbtrack.runtime.subject import NotebookSubject, SessionEntities, make_session_id
from nbtrack.tracker import Event, Tracker

if TYPE_CHECKING:
    from nbtrack.collector import CollectorClient
    from nbtrack.schemas import Registry

logger = logging.getLogger(__name__)

LOCAL = "local"
_LINGER = 0.05  # seconds that events gather, so that the sender does not compete with the end of the cell that made them
# what a change of these settings makes anew
_EMITTER_SETTINGS = ("collector", "headers", "request_timeout", "store", "local_port", "iglu")
_TRACKER_SETTINGS = ("app_id", "namespace", "base64", "validate")


class Parts:
    """What a session consists of; a changed setting makes anew what depends on it.

    Parameters
    ----------
    settings
        The session's settings.
    folder
        nbtrack's own files.
    collector
        A running private collector to send to instead of the settings' one.
    shell
        IPython's shell, or None outside IPython.
    held
        Whether nothing may be sent, until `release`.
    """

    def __init__(
        self,
        settings: NBTrack,
        folder: Path,
        collector: "CollectorClient | None",
        shell: Any,
        *,
        held: bool = False,
    ) -> None:
        self._settings, self._home, self._shell, self._held = settings, folder, shell, held
        self.given, self._client = collector, collector
        self._lock = threading.RLock()
        # to meet the collector may take a second, on the sender's thread: no cell waits for that
        self._meeting = threading.RLock()
        self._tracker: Tracker | None = None
        self._emitter: AsyncEmitter | None = None
        self._entities: SessionEntities | None = None
        self._subject: NotebookSubject | None = None
        self._installation: home.Installation | None = None
        self._registry: Registry | None = None
        self._schemas: list[Mapping[str, Any]] = []
        self._kernel_id = host.find_kernel_id(shell)
        self.session_id = make_session_id(self._kernel_id)
        settings.observe(self._drop_emitter, names=list(_EMITTER_SETTINGS))
        settings.observe(self._drop_tracker, names=list(_TRACKER_SETTINGS))
        settings.observe(self._set_user, names=["user_id"])

    @property
    def subject(self) -> NotebookSubject:
        """The session's subject, sent with each event."""
        with self._lock:
            if self._subject is None:
                self._subject = NotebookSubject(self.installation, self.session_id, self._settings.user_id)
            return self._subject

    @property
    def installation(self) -> home.Installation:
        """The installation's random identity."""
        with self._lock:
            if self._installation is None:
                self._installation = home.identify_installation(self._home)
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
        """The session's tracker. What it is told to track is an order: it runs whatever the opt-out says."""
        with self._lock:
            if self._tracker is None:
                settings = self._settings
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
    def entities(self) -> SessionEntities:
        """What makes the entities of each event."""
        with self._lock:
            if self._entities is None:
                self._entities = SessionEntities(
                    self._settings, self.installation, self.session_id, self._kernel_id, self._shell
                )
            return self._entities

    @property
    def registry(self) -> "Registry":
        """The schemas that this session checks events against: those registered here, its folders and servers."""
        with self._lock:
            if self._registry is None:
                from nbtrack.schemas import Registry  # noqa: PLC0415 - only where events are checked

                places = self._settings.iglu
                self._registry = Registry(
                    [place for place in places if "://" not in place],
                    servers=[place for place in places if "://" in place],
                )
                for schema in self._schemas:
                    self._registry.register(schema)
            return self._registry

    def register(self, schema: Mapping[str, Any]) -> str:
        """Register a schema here, and with the local collector where events go to it; give its Iglu URI."""
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
        with self._meeting:
            if self._client is None:
                self._client = self._connect()
            return self._client

    @property
    def is_local(self) -> bool:
        """Whether events stay on this machine."""
        return self.given is not None or self._settings.collector == LOCAL

    @property
    def destination(self) -> str:
        """Where events go, as people read it; without credentials."""
        if self.given is not None:
            return self.given.url
        return LOCAL if self.is_local else strip_credentials(self._settings.collector)

    def hold(self) -> None:
        """Send nothing from now on."""
        self._held = True
        if self._emitter:
            self._emitter.pause()

    def release(self) -> None:
        """Send again."""
        self._held = False
        if self._emitter:
            self._emitter.resume()

    def peek_emitter(self) -> AsyncEmitter | None:
        """Give the emitter if there is one now; make none."""
        return self._emitter

    def peek_collector(self) -> "CollectorClient | None":
        """Give the local collector if this session has already met it; start nothing."""
        return self._client if self.is_local else None

    def let_go(self) -> "tuple[AsyncEmitter | None, CollectorClient | None]":
        """End: hear no more of the settings, and give the emitter and the local collector to whoever closes them."""
        self._settings.unobserve(self._drop_emitter, names=list(_EMITTER_SETTINGS))
        self._settings.unobserve(self._drop_tracker, names=list(_TRACKER_SETTINGS))
        self._settings.unobserve(self._set_user, names=["user_id"])
        with self._lock:
            emitter, client = self._emitter, self._client
            self._emitter = self._tracker = self._client = None
        return emitter, None if client is self.given else client

    # -- inside

    def _list_entities(self, event: Event) -> list[Any]:
        return self.entities.list_for(event.event_id)

    def _make_emitter(self) -> AsyncEmitter:
        settings = self._settings
        store = self._make_store()
        if self.is_local:
            return AsyncEmitter(
                self.given.url if self.given else LOCAL,
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
        kind = self._settings.store
        if kind == "memory":
            return InMemoryEventStore(logger)
        if kind.startswith(("redis://", "rediss://")):
            from nbtrack.delivery import RedisEventStore  # noqa: PLC0415 - an extra

            return RedisEventStore(kind)
        from nbtrack.delivery.outbox import open_outbox  # noqa: PLC0415 - loaded with the first event

        return open_outbox(self._home)

    def _resolve_local(self) -> str:
        """Find or start the collector; called on the sender's thread."""
        if self.given is not None:
            return self.given.url
        with self._meeting:
            self._client = None  # asked again only after a failure, or at first
            client = self.collector
        if client is None:
            raise OSError("the session no longer sends to the local collector")
        return client.url

    def _connect(self) -> "CollectorClient":
        from nbtrack.collector import shared_collector as shared  # noqa: PLC0415 - loads tornado's client side

        return shared.connect(self._home, port=self._settings.local_port, iglu=tuple(self._settings.iglu))

    def _drop_emitter(self, _: Mapping[str, Any]) -> None:
        with self._lock:
            self._registry = None  # made anew from the settings and the schemas registered here
            emitter, self._emitter, self._tracker = self._emitter, None, None
            self._client = self.given
        if emitter:
            emitter.close(0)

    def _set_user(self, change: Mapping[str, Any]) -> None:
        with self._lock:
            if self._subject is not None:
                self._subject.set_user_id(change["new"])

    def _drop_tracker(self, _: Mapping[str, Any]) -> None:
        with self._lock:
            self._tracker = None
