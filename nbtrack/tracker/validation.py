"""Schema contracts: `track` validates data and entities of events against their schemas."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from warnings import warn

import orjson

from nbtrack.common.errors import NbtrackError
from nbtrack.schemas import Fault, Registry, SchemaNotFound
from nbtrack.tracker.aliases import Validate
from nbtrack.tracker.contracts import IGLU, InvalidEventWarning, find_caller, is_iglu, misfit
from nbtrack.tracker.events.base import Event
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.values import Encoder, encode


class InvalidEvent(NbtrackError, ValueError):  # noqa: N818 - it says what it is
    """An event that does not fit its schemas, or has values that pipelines fail.

    Attributes
    ----------
    faults : tuple of (str, Fault or str)
        The schema's URI and what is wrong; a str if the schema was not found. For a value of the payload, its key and a
        str.

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

    def check(
        self,
        event: Event,
        entities: Sequence[SelfDescribingJson],
        encoder: Encoder | None,
        payload: Mapping[str, str],
    ) -> None:
        """Validate an event's data and entities against their schemas, and the payload's values against the protocol."""
        documents = [*event.context, *entities]
        if event.event_json is not None:
            documents.insert(0, event.event_json)
        faults = [fault for document in documents for fault in self._faults(document, encoder)]
        faults += [
            (key, f"{key}: {expectation}, got {value!r}")
            for key, value in payload.items()
            if (expectation := misfit(key, value)) is not None
        ]
        if not faults:
            return
        invalid = InvalidEvent(faults)
        if self.mode == "raise":
            raise invalid
        warn(str(invalid), InvalidEventWarning, stacklevel=find_caller()[0])

    def _faults(
        self, document: SelfDescribingJson, encoder: Encoder | None
    ) -> Iterable[tuple[str, Fault | str]]:
        plain: dict[str, Any] = orjson.loads(encode(document.to_json(), encoder))
        uri = plain["schema"]
        try:
            if not is_iglu(uri):
                return [(uri, f"schema must be {IGLU}, got {uri!r}")]
            return [(uri, fault) for fault in self.registry.faults(uri, plain["data"])]
        except SchemaNotFound as error:
            return [(uri, str(error))]
