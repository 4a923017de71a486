"""Repaired events: what was changed, what is valid now, and sending them again."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.bulk.models import Reason
from nbtrack.bulk.report import BackfillReport
from nbtrack.bulk.stored import send_events
from nbtrack.collector.events.validation import EventValidator
from nbtrack.common.current_session import find_registry
from nbtrack.common.home import make_private
from nbtrack.common.wording import plural
from nbtrack.schemas import Registry
from nbtrack.warehouse.events import FailedEvent, rule_of
from nbtrack.warehouse.payloads import Payload, encode_payload, read_event_ids
from nbtrack.warehouse.recipe import RepairStep, read_recipe, repair_payload, write_recipe

if TYPE_CHECKING:
    import pandas as pd

_EXPLAINED = 500
"""Events of one validator: it explains failures for some seconds at most, which are those of a request."""
_SHOWN = 5
"""Reasons that the text names."""


class RepairedEvents:
    """Failed events after a repair, each checked as a pipeline checks it; returned by `FailedEvents.repair`.

    Parameters
    ----------
    events : sequence of FailedEvent
        The events as they failed.
    steps : sequence of RepairStep
        What to change.
    registry : Registry, optional
        Schemas that they are checked against; by default the running session's, otherwise those of nbtrack.

    Attributes
    ----------
    before, after : Counter
        Number of events by the reason why they are invalid, without the repair and with it.
    valid : int
        Number of events that are valid now.
    changed : int
        Number of events that the repair changed.

    Examples
    --------
    >>> from nbtrack.warehouse import FailedEvent, FailedEvents
    >>> payload = {"e": "pv", "p": "web", "tv": "py-1", "url": "https://acme.com", "vid": "x", "eid": "0" * 8 + "-0000-4000-8000-" + "0" * 12}
    >>> repaired = FailedEvents([FailedEvent("schema_violations", payload=payload)]).repair({"vid": "1"})
    >>> print(repaired)
    1 failed event: 1 changed, 1 valid now, 0 still failing
      before: 1 event: domain_sessionidx: integer of 32 bits expected
    """

    def __init__(
        self, events: Sequence[FailedEvent], steps: Sequence[RepairStep], registry: Registry | None = None
    ) -> None:
        self._events, self._steps = list(events), list(steps)
        self._registry = registry or find_registry() or Registry()
        self._payloads: list[Payload | None] = []
        self._errors: dict[int, list[str]] = {}
        self._reasons: dict[int, Reason] = {}
        self.changed = 0
        self.before: Counter[str] = Counter()
        self.after: Counter[str] = Counter()
        validator = EventValidator(self._registry)
        for index, event in enumerate(self._events):
            if index % _EXPLAINED == 0:
                validator = EventValidator(self._registry)
            self._repair(index, event, validator)
        self.valid = len(self._events) - len(self._reasons)

    def __len__(self) -> int:
        return len(self._events)

    @property
    def payloads(self) -> list[dict[str, Any] | None]:
        """The payloads as they would be sent, with JSON decoded; None where none can be recovered."""
        return list(self._payloads)

    @property
    def failing(self) -> "pd.DataFrame":
        """The events that are still invalid, or cannot be recovered: columns row, event_id, kind, reason."""
        import pandas as pd  # noqa: PLC0415 - only where somebody looks

        rows = [
            {
                "row": index,
                "event_id": self._events[index].event_id,
                "kind": self._events[index].kind,
                "reason": str(reason),
            }
            for index, reason in self._reasons.items()
        ]
        return pd.DataFrame(rows, columns=["row", "event_id", "kind", "reason"])

    def samples(self, n: int = 5) -> "pd.DataFrame":
        """Return what the repair changed: one row for each value of the first events.

        Parameters
        ----------
        n : int, default 5
            How many events.

        Returns
        -------
        pandas.DataFrame
            Columns row, event_id, place, before, after.
        """
        import pandas as pd  # noqa: PLC0415 - only where somebody looks

        rows: list[dict[str, Any]] = []
        shown = 0
        for index, event in enumerate(self._events):
            payload = self._payloads[index]
            if payload is None or payload == event.payload or event.payload is None:
                continue
            rows += [
                {
                    "row": index,
                    "event_id": event.event_id,
                    "place": place.replace("ue_pr.data.data.", "ue.", 1),
                    "before": before,
                    "after": after,
                }
                for place, before, after in _differences("", event.payload, payload)
            ]
            shown += 1
            if shown >= n:
                break
        return pd.DataFrame(rows, columns=["row", "event_id", "place", "before", "after"])

    def repair(self, changes: Mapping[str, Any] | None = None, **options: Any) -> "RepairedEvents":
        """Repair further; the arguments are those of `FailedEvents.repair`."""
        registry = options.pop("registry", None) or self._registry
        return RepairedEvents(self._events, [*self._steps, *make_steps(changes, **options)], registry)

    def recipe(self, path: str | Path | None = None) -> dict[str, Any]:
        """Return all repairs as JSON, for ``repair(recipe=…)`` and ``nbtrack failed repair``.

        Parameters
        ----------
        path : path, optional
            Where to write it as well.

        Raises
        ------
        TypeError
            If a repair is a Python function.
        """
        recipe = write_recipe(self._steps)
        if path is not None:
            Path(path).write_text(json.dumps(recipe, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return recipe

    def write(self, path: str | Path) -> int:
        """Write the valid events as JSON lines of payloads, and return their number; only its user can read a new file."""
        path = Path(path)
        make_private(path)
        count = 0
        with path.open("w", encoding="utf-8") as file:
            for index, payload in enumerate(self._payloads):
                if payload is not None and index not in self._reasons:
                    file.write(json.dumps(encode_payload(payload), ensure_ascii=False) + "\n")
                    count += 1
        return count

    def replay(
        self,
        collector: Any = None,
        *,
        known: Iterable[str] | Any = (),
        times: str = "derived",
        dry_run: bool = False,
        again: bool = False,
        **options: Any,
    ) -> BackfillReport:
        """Send the valid events, each with the event id that it had.

        Those that are still invalid count as skipped. What was delivered is recorded, so that a replay that ended early is
        continued by the next one, and a second one sends nothing.

        Parameters
        ----------
        collector : str or LocalCollector, optional
            As for `nbtrack.backfill`; the session's by default.
        known : iterable of str, DataFrame or Series, optional
            Event ids that are in the warehouse already; of a DataFrame, its column ``event_id``.
        times : {"derived", "dtm"}, default "derived"
            Whether the true time (``ttm``) is the derived time of the event, so that it stays; or is left out, where the
            tracker sent none, and the time is that of the device's clock.
        dry_run : bool, default False
            Whether to send nothing.
        again : bool, default False
            Whether to send also what an earlier replay delivered.
        **options
            ``headers``, ``ledger``, ``dead_letters``, ``rate``, ``byte_rate``, ``connections``, ``max_body_bytes``,
            ``give_up_after`` and ``progress``, as for `nbtrack.backfill`.

        Returns
        -------
        BackfillReport
            ``rows == sent + skipped + failed + resumed + excluded``; rows are positions among the failed events.
        """
        if times not in {"derived", "dtm"}:
            raise ValueError(f"times must be one of 'derived', 'dtm', got {times!r}")
        wanted = read_event_ids(known)
        ids: list[str] = []
        bodies: list[str] = []
        reasons: dict[int, Reason] = {}
        positions: list[int] = []
        for index, (event, payload) in enumerate(zip(self._events, self._payloads, strict=True)):
            if payload is not None and payload.get("eid") in wanted:
                continue
            positions.append(index)
            reason = self._reasons.get(index)
            if reason is not None:
                reasons[len(ids)] = reason
            sent = {} if payload is None else dict(payload)
            if times == "dtm" and event.derived_time:
                sent.pop("ttm", None)
            encoded = encode_payload(sent)
            ids.append(str(encoded.get("eid") or event.event_id or ""))
            bodies.append(json.dumps(encoded, ensure_ascii=False, separators=(",", ":")))
        report = send_events(
            ids, bodies, reasons, positions, collector=collector, again=again, dry_run=dry_run, **options
        )
        excluded = len(self._events) - len(ids)
        report.rows += excluded
        report.excluded += excluded
        lost = sorted({name for event in self._events for name in event.lost})
        if lost:
            report.notes.append(f"not sent again, since no tracker sends it: {', '.join(lost)}")
        return report

    def __str__(self) -> str:
        failing = len(self._reasons)
        lines = [
            f"{plural(len(self._events), 'failed event')}: {self.changed:,} changed, {self.valid:,} valid now, {failing:,} still failing"
        ]
        for name, counts in (("before", self.before), ("after", self.after)):
            lines += [
                f"  {name}: {plural(count, 'event')}: {reason}"
                for reason, count in counts.most_common(_SHOWN)
            ]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        first, *rest = str(self).splitlines()
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in rest)
        return f"<div><strong>{escape(first)}</strong><ul>{items}</ul></div>"

    def _repair(self, index: int, event: FailedEvent, validator: EventValidator) -> None:
        if event.payload is None:
            self._payloads.append(None)
            reason = Reason(f"cannot be recovered: {event.why_not or event.kind}")
            self._reasons[index] = reason
            self.before[reason.rule] += 1
            self.after[reason.rule] += 1
            return
        payload, errors = repair_payload(event, event.payload, self._steps)
        self._payloads.append(payload)
        self.changed += payload != event.payload
        before = _find_reason(validator, event.payload)
        after = _find_reason(validator, payload) if payload != event.payload else before
        if before is not None:
            self.before[before.rule] += 1
        if after is None and errors:
            after = Reason(*_split(errors[0]))
        if after is not None:
            self.after[after.rule] += 1
            self._reasons[index] = after


def make_steps(
    changes: Mapping[str, Any] | None = None,
    *,
    where: Mapping[str, Any] | None = None,
    drop: str | Sequence[str] = (),
    schemas: Mapping[str, str] | None = None,
    recipe: Any = None,
) -> list[RepairStep]:
    """Return the steps of one call of `repair`."""
    steps: list[RepairStep] = []
    if recipe is not None:
        if isinstance(recipe, str | Path):
            recipe = json.loads(Path(recipe).read_text(encoding="utf-8"))
        steps += read_recipe(recipe)
    paths = [drop] if isinstance(drop, str) else list(drop)
    if changes or paths or schemas:
        steps.append(RepairStep(dict(changes or {}), dict(where or {}), paths, dict(schemas or {})))
    return steps


def _find_reason(validator: EventValidator, payload: Payload) -> Reason | None:
    """Return why a payload is invalid; None if it is valid."""
    failure = validator.validate(encode_payload(payload)).failure
    if failure is None:
        return None
    first = failure.reasons[0]
    place = " ".join(part for part in (first.field, first.path) if part and part != "$")
    more = f" (and {len(failure.reasons) - 1} more)" if len(failure.reasons) > 1 else ""
    rule = rule_of(first.message)
    return Reason(f"{place}: {rule}" if place else rule, "", f"{first}{more}")


def _split(error: str) -> tuple[str, str]:
    place, _, text = error.partition(": ")
    rule, _, detail = text.partition(": ")
    return f"{place}: {rule}", detail


def _differences(place: str, before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        names = list(dict.fromkeys([*before, *after]))
        return [
            difference
            for name in names
            for difference in _differences(
                f"{place}.{name}" if place else name, before.get(name), after.get(name)
            )
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            difference
            for index, (old, new) in enumerate(zip(before, after, strict=True))
            for difference in _differences(f"{place}[{index}]", old, new)
        ]
    return [(place, before, after)]
