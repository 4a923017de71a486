"""Schema contracts: `track` validates data and entities of events against their schemas."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any
from warnings import warn

import orjson

from nbtrack.common.errors import NbtrackError
from nbtrack.schemas import Fault, Registry, SchemaNotFound
from nbtrack.tracker.aliases import Validate
from nbtrack.tracker.events.base import Event
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.values import Encoder, encode


class InvalidEvent(NbtrackError, ValueError):  # noqa: N818 - it says what it is
    """An event that does not fit its schemas.

    Attributes
    ----------
    faults : tuple of (str, Fault or str)
        The schema's URI and what is wrong; a str if the schema was not found.

    Examples
    --------
    >>> from nbtrack.tracker import SelfDescribing, Tracker
    >>> schema = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
    >>> event = SelfDescribing(SelfDescribingJson(schema, {"category": "query", "variable": "load", "timing": "fast"}))
    >>> class Nowhere:
    ...     def input(self, payload): ...
    >>> try:
    ...     event_id = Tracker("docs", Nowhere(), validate="raise").track(event)
    ... except InvalidEvent as error:
    ...     for _, fault in error.faults:
    ...         print(fault)
    $.timing: string found, number expected
    """

    def __init__(self, faults: Iterable[tuple[str, Fault | str]]) -> None:
        self.faults = tuple(faults)
        # the text of a schema that was not found names it
        super().__init__(
            "; ".join(fault if isinstance(fault, str) else f"{uri} {fault}" for uri, fault in self.faults)
        )


class InvalidEventWarning(UserWarning):
    """An event that does not match its schemas was tracked anyway.

    Examples
    --------
    A test that should fail on such an event turns the warning into an error:

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", InvalidEventWarning)
    """


class Validation:
    """What a tracker does with events that do not match their schemas.

    Parameters
    ----------
    mode : {"warn", "raise"}
        Whether to warn or to raise.
    registry : Registry or None
        Where schemas are; by default the built-in ones.
    """

    def __init__(self, mode: Validate, registry: Registry | None) -> None:
        self.mode = mode
        self.registry = Registry() if registry is None else registry

    def check(self, event: Event, entities: Sequence[SelfDescribingJson], encoder: Encoder | None) -> None:
        """Validate an event's data and entities against their schemas."""
        documents = [*event.context, *entities]
        if event.event_json is not None:
            documents.insert(0, event.event_json)
        faults = [fault for document in documents for fault in self._faults(document, encoder)]
        if not faults:
            return
        invalid = InvalidEvent(faults)
        if self.mode == "raise":
            raise invalid
        warn(str(invalid), InvalidEventWarning, stacklevel=_count_own_frames() + 1)

    def _faults(
        self, document: SelfDescribingJson, encoder: Encoder | None
    ) -> Iterable[tuple[str, Fault | str]]:
        plain: dict[str, Any] = orjson.loads(encode(document.to_json(), encoder))
        uri = plain["schema"]
        try:
            return [(uri, fault) for fault in self.registry.faults(uri, plain["data"])]
        except SchemaNotFound as error:
            return [(uri, str(error))]


def _count_own_frames() -> int:
    """Count this package's frames between the user's line and `Validation.check`: the warning shows the user's line."""
    frame, number = inspect.currentframe(), -1  # this one is not counted
    while frame is not None and frame.f_globals.get("__name__", "").startswith("nbtrack."):
        frame, number = frame.f_back, number + 1
    return number
