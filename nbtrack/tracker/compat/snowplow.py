"""Trackers by name, for programs that make them in one place and use them in another."""

import logging
import threading
from typing import Any, ClassVar

from nbtrack.tracker.aliases import Method
from nbtrack.tracker.compat.configuration import EmitterConfiguration, TrackerConfiguration
from nbtrack.tracker.subject import Subject
from nbtrack.tracker.tracker import Tracker

LOG = logging.getLogger(__name__)


class Snowplow:
    """Makes trackers and keeps them by namespace, for the whole process.

    Examples
    --------
    >>> tracker = Snowplow.create_tracker("shop", "https://sp.acme.com", app_id="web")
    >>> Snowplow.get_tracker("shop") is tracker
    True
    >>> Snowplow.remove_tracker(tracker)
    >>> _ = tracker.close()
    """

    _trackers: ClassVar[dict[str, Tracker]] = {}
    _lock: ClassVar[threading.RLock] = threading.RLock()

    @staticmethod
    def create_tracker(
        namespace: str,
        endpoint: str,
        method: Method = "post",
        app_id: str | None = None,
        subject: Subject | None = None,
        tracker_config: TrackerConfiguration | None = None,
        emitter_config: EmitterConfiguration | None = None,
    ) -> Tracker:
        """Create a tracker with an emitter, and register it by its namespace.

        Parameters
        ----------
        namespace : str
            The tracker's name; new to this process.
        endpoint : str
            The collector, with or without ``https://``.
        method : {"post", "get"}, default "post"
            How to send.
        app_id : str, optional
            The application.
        subject : Subject, optional
            Who or what events are about.
        tracker_config : TrackerConfiguration, optional
            How to write events.
        emitter_config : EmitterConfiguration, optional
            How to send them.

        Raises
        ------
        TypeError
            If there is no endpoint, or a tracker of that name.
        ValueError
            If the endpoint or the method makes no sense.
        """
        from nbtrack.delivery import Emitter  # noqa: PLC0415 - only who sends loads it

        if endpoint is None:
            raise TypeError(
                "endpoint is missing: give the collector's host or URL, such as https://sp.acme.com"
            )
        for name, given, kind in (
            ("tracker_config", tracker_config, TrackerConfiguration),
            ("emitter_config", emitter_config, EmitterConfiguration),
        ):
            if given is not None and not isinstance(given, kind):
                raise TypeError(f"{name} must be {kind.__name__}(…), got {given!r}")
        writing = tracker_config or TrackerConfiguration()
        sending = emitter_config or EmitterConfiguration()
        with Snowplow._lock:
            if namespace in Snowplow._trackers:  # before there is an emitter that would need closing
                raise _exists(namespace)
            emitter = Emitter(
                endpoint,
                method=method,
                batch_size=sending.batch_size,
                on_success=sending.on_success,
                on_failure=sending.on_failure,
                byte_limit=sending.byte_limit,
                request_timeout=sending.request_timeout,
                buffer_capacity=sending.buffer_capacity,
                custom_retry_codes=dict(sending.custom_retry_codes),
                event_store=sending.event_store,
                session=sending.session,
            )
            tracker = Tracker(
                namespace, emitter, subject, app_id, writing.encode_base64, writing.json_encoder
            )
            return Snowplow._keep(tracker)

    @classmethod
    def add_tracker(cls, tracker: Any) -> Tracker | None:
        """Register a tracker; None is ignored.

        Raises
        ------
        TypeError
            If there is a tracker of that name.
        """
        if not isinstance(tracker, Tracker):
            LOG.info("Tracker not provided.")
            return None
        return cls._keep(tracker)

    @classmethod
    def remove_tracker(cls, tracker: Tracker) -> None:
        """Forget a tracker; its emitters stay open.

        Raises
        ------
        TypeError
            For what is no tracker, such as a tracker's name.
        """
        if not isinstance(tracker, Tracker):
            raise TypeError(
                f"remove_tracker takes a tracker, got {tracker!r}; use remove_tracker_by_namespace for a name"
            )
        cls.remove_tracker_by_namespace(tracker.get_namespace())

    @classmethod
    def remove_tracker_by_namespace(cls, namespace: str) -> None:
        """Forget the tracker of a name; its emitters stay open."""
        with cls._lock:
            known = cls._trackers.pop(namespace, None) is not None
        LOG.info("Tracker with namespace %r %s", namespace, "removed" if known else "does not exist")

    @classmethod
    def reset(cls) -> None:
        """Forget all trackers; their emitters stay open."""
        with cls._lock:
            cls._trackers.clear()

    @classmethod
    def get_tracker(cls, namespace: str) -> Tracker | None:
        """Return the tracker with a namespace, or None."""
        return cls._trackers.get(namespace)

    @classmethod
    def _keep(cls, tracker: Tracker) -> Tracker:
        namespace = tracker.get_namespace()
        with cls._lock:
            if namespace in cls._trackers:
                raise _exists(namespace)
            cls._trackers[namespace] = tracker
        LOG.info("Tracker with namespace %r added", namespace)
        return tracker


def _exists(namespace: str) -> TypeError:
    return TypeError(
        f"Tracker with this namespace already exists: {namespace!r}; use Snowplow.get_tracker to get it, "
        "or Snowplow.remove_tracker_by_namespace to remove it"
    )
