"""Schema contracts: `track` validates data and entities of events against their schemas."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from warnings import warn

import orjson

from nbtrack.common.errors import NbtrackError
from nbtrack.plans import PlanChecks, TrackingPlan, page_data
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
    tracking_plan : TrackingPlan, str, pathlib.Path or None
        A plan whose specifications are checked, too, or its folder.
    """

    def __init__(
        self,
        mode: Validate,
        registry: Registry | None,
        tracking_plan: TrackingPlan | str | os.PathLike[str] | None = None,
    ) -> None:
        self.mode = mode
        self.registry = Registry() if registry is None else registry
        self.checks = None if tracking_plan is None else PlanChecks(tracking_plan)
        if self.checks is not None:
            self.checks.register_schemas(self.registry)

    def check(
        self,
        event: Event,
        entities: Sequence[SelfDescribingJson],
        encoder: Encoder | None,
        payload: Mapping[str, str],
    ) -> None:
        """Validate an event's data and entities against their schemas, and the payload's values against the protocol."""
        documents = list(event.list_entities(entities))
        if event.event_json is not None:
            documents.insert(0, event.event_json)
        plain = [orjson.loads(encode(document.to_json(), encoder)) for document in documents]
        faults = [fault for document in plain for fault in self._faults(document)]
        faults += [
            (key, f"{key}: {expectation}, got {value!r}")
            for key, value in payload.items()
            if (expectation := misfit(key, value)) is not None
        ]
        if self.checks is not None:
            faults += self._check_specification(self.checks, event, plain)
        if not faults:
            return
        invalid = InvalidEvent(faults)
        if self.mode == "raise":
            raise invalid
        warn(str(invalid), InvalidEventWarning, stacklevel=find_caller()[0])

    def _check_specification(
        self, checks: PlanChecks, event: Event, plain: Sequence[Mapping[str, Any]]
    ) -> Iterable[tuple[str, Fault | str]]:
        documents = [(one["schema"], one["data"]) for one in plain]
        about: tuple[str, Any] | None = None
        if event.event_json is not None:
            about, documents = documents[0], documents[1:]
        elif event.payload.get("e") in {"pv", "pp"}:
            about = page_data(event.payload, is_ping=event.payload["e"] == "pp")
        for finding in checks.check(about, documents):
            yield finding.schema or "", finding.fault or finding.message

    def _faults(self, plain: Mapping[str, Any]) -> Iterable[tuple[str, Fault | str]]:
        uri = plain["schema"]
        try:
            if not is_iglu(uri):
                return [(uri, f"schema must be {IGLU}, got {uri!r}")]
            return [(uri, fault) for fault in self.registry.faults(uri, plain["data"])]
        except SchemaNotFound as error:
            return [(uri, str(error))]
