"""Configuration objects of `Snowplow.create_tracker`."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.tracker.aliases import FailureCallback, JsonEncoderFunction, SuccessCallback
from nbtrack.tracker.contracts import satisfies

if TYPE_CHECKING:
    import requests

    from nbtrack.delivery import EventStore

LOG = logging.getLogger(__name__)


class TrackerConfiguration:
    """How a tracker writes events.

    Parameters
    ----------
    encode_base64 : bool, default True
        Whether JSON goes out as base64.
    json_encoder : callable, optional
        Asked first for the JSON form of a value that JSON does not know.

    Raises
    ------
    ValueError
        If `encode_base64` is not a bool.

    Examples
    --------
    >>> TrackerConfiguration(encode_base64=False).encode_base64
    False
    """

    def __init__(self, encode_base64: bool = True, json_encoder: JsonEncoderFunction | None = None) -> None:
        self.encode_base64 = encode_base64
        self.json_encoder = json_encoder

    @property
    def encode_base64(self) -> bool:
        """Whether JSON goes out as base64."""
        return self._encode_base64

    @encode_base64.setter
    def encode_base64(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"encode_base64 must be a bool, got {value!r}")  # noqa: TRY004 - as its sisters
        self._encode_base64 = value


class _Count:
    """An attribute that is an int, or None for the emitter's default."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, configuration: Any, owner: type) -> int | None:
        value: int | None = vars(configuration).get(self.name)
        return value

    def __set__(self, configuration: Any, value: int | None) -> None:
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise ValueError(f"{self.name} must be an int, or None for the emitter's default, got {value!r}")
        if value is not None and value < 0:
            raise ValueError(f"{self.name} must be at least 0, got {value!r}")
        vars(configuration)[self.name] = value


class EmitterConfiguration:
    """How an emitter sends events; None stands for the emitter's default.

    Parameters
    ----------
    batch_size : int, optional
        How many events to gather before sending.
    on_success, on_failure : callable, optional
        Called after sending, as the emitter describes.
    byte_limit : int, optional
        Bytes of a request.
    request_timeout : float or (float, float), optional
        Seconds to wait for the collector, for connecting and reading apart if there are two.
    buffer_capacity : int, optional
        How many events may wait.
    custom_retry_codes : mapping of int to bool, optional
        Which HTTP statuses to retry; copied.
    event_store : EventStore, optional
        Where events wait. Give each tracker its own: two emitters on one store would send each other's events.
    session : requests.Session, optional
        What to send with.

    Raises
    ------
    ValueError
        If a value is not an int of 0 or more.

    Examples
    --------
    >>> configuration = EmitterConfiguration(batch_size=50, request_timeout=(5, 15))
    >>> configuration.set_retry_code(429, retry=False), configuration.custom_retry_codes
    (True, {429: False})
    """

    batch_size = _Count()
    byte_limit = _Count()
    buffer_capacity = _Count()

    def __init__(
        self,
        batch_size: int | None = None,
        on_success: SuccessCallback | None = None,
        on_failure: FailureCallback | None = None,
        byte_limit: int | None = None,
        request_timeout: float | tuple[float, float] | None = None,
        buffer_capacity: int | None = None,
        custom_retry_codes: Mapping[int, bool] | None = None,
        event_store: "EventStore | None" = None,
        session: "requests.Session | None" = None,
    ) -> None:
        self.batch_size = batch_size
        self.on_success = on_success
        self.on_failure = on_failure
        self.byte_limit = byte_limit
        self.request_timeout = request_timeout
        self.buffer_capacity = buffer_capacity
        satisfies(
            custom_retry_codes or {}, lambda value: hasattr(value, "items"), "custom_retry_codes", "a dict"
        )
        self.custom_retry_codes = dict(custom_retry_codes or {})
        self.event_store = event_store
        self.session = session

    def set_retry_code(self, status_code: Any, retry: Any = True) -> bool:
        """Set whether events rejected with an HTTP status are sent again.

        Parameters
        ----------
        status_code : int
            An HTTP status; those from 200 to 299 mean success and are never retried.
        retry : bool, default True
            Whether to retry.

        Returns
        -------
        bool
            Whether the rule was accepted; if not, the reason is logged.
        """
        if not isinstance(status_code, int) or not isinstance(retry, bool):
            LOG.warning(
                "status_code must be an int and retry a bool, got %r and %r; the rule is ignored",
                status_code,
                retry,
            )
            return False
        if status_code in range(200, 300):
            LOG.warning("status_code=%r means success and is never retried; the rule is ignored", status_code)
            return False
        self.custom_retry_codes[status_code] = retry
        return True
