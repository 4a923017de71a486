"""How failed events are repaired: changes of single values, which can be stored as JSON."""

import copy
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.common.wording import near_matches
from nbtrack.protocol import FIELDS
from nbtrack.template import Col, Step, find_zone
from nbtrack.warehouse import payloads
from nbtrack.warehouse.events import FailedEvent, FailureReason
from nbtrack.warehouse.payloads import Payload

VERSION = 1
CONDITIONS = ("kind", "reason", "schema", "field", "value", "app_id", "event_name", "tracker", "event_id")
"""What `where` may ask for."""
_ENTITY = re.compile(r"co\[(?P<name>[^\]]+)\](?P<rest>.*)", re.DOTALL)
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+|\*)\]")
_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value is in a payload.

    ``aid`` is a key of the payload; ``ue.item.price`` is in the data of the self-describing event, ``co[com.acme/user].id`` in
    that of each entity with this vendor and name, and ``[0]`` or ``[*]`` stand for one or each item of a list.
    ``co[com.acme/user]`` alone is the entity.

    Raises
    ------
    ValueError
        If it is not such a path.
    """

    text: str

    def __post_init__(self) -> None:
        """Check the path."""
        root, rest = self._split()
        if root not in {"ue", "co"} and (root not in FIELDS or rest):
            near = near_matches(root, FIELDS)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"no such place in a payload: {self.text!r}{hint} Use a payload key such as 'aid', 'ue.price' for the "
                "self-describing event, or 'co[com.acme/user].id' for an entity"
            )
        if root == "ue" and not rest:
            raise ValueError("'ue' is the whole event; name a property, such as 'ue.price'")

    def places(self, payload: Payload) -> Iterator[tuple[Any, Any]]:
        """Yield the containers of a payload that have the place, or could have it, and the key or index in them."""
        root, rest = self._split()
        if root not in {"ue", "co"}:
            yield payload, root
            return
        if root == "ue":
            event = payloads.event_of(payload)
            owners = [] if event is None else [event]
        else:
            owners = [entity for entity in payloads.entities_of(payload) if self._fits(entity)]
        for owner in owners:
            yield from _walk(owner, "data", rest)

    def drop(self, payload: Payload) -> bool:
        """Remove what is there, and return whether anything was."""
        match = _ENTITY.fullmatch(self.text)
        if match and not match["rest"]:
            entities = payloads.entities_of(payload)
            kept = [entity for entity in entities if not self._fits(entity)]
            dropped = len(kept) < len(entities)
            entities[:] = kept
            if dropped and not kept:
                del payload["co"]
            return dropped
        dropped = False
        for container, key in reversed(list(self.places(payload))):
            if get(container, key) is not _MISSING:
                del container[key]
                dropped = True
        return dropped

    def _split(self) -> tuple[str, list[str]]:
        match = _ENTITY.fullmatch(self.text)
        root, rest = ("co", match["rest"]) if match else (self.text, "")
        if match is None and self.text.startswith("ue"):
            root, rest = "ue", self.text[2:]
        parts = [part[1] or part[2] for part in _PART.finditer(rest)]
        if "".join(part[0] for part in _PART.finditer(rest)) != rest:
            return self.text, ["?"]
        return root, parts

    def _fits(self, entity: Any) -> bool:
        match = _ENTITY.fullmatch(self.text)
        schema = str(entity.get("schema", "")) if isinstance(entity, dict) else ""
        name = match["name"] if match else ""
        return schema == name or "/".join(schema.removeprefix("iglu:").split("/")[:2]) == name


def get(container: Any, key: Any) -> Any:
    """Return a member or an item; `_MISSING` where there is none."""
    try:
        return container[key]
    except (KeyError, IndexError, TypeError):
        return _MISSING


def _walk(container: Any, key: Any, parts: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    if not parts:
        yield container, key
        return
    inner = get(container, key)
    part, *rest = parts
    if part == "*" and isinstance(inner, list):
        for index in range(len(inner)):
            yield from _walk(inner, index, rest)
    elif isinstance(inner, list) and part.isdecimal() and int(part) < len(inner):
        yield from _walk(inner, int(part), rest)
    elif isinstance(inner, dict):
        yield from _walk(inner, part, rest)


@dataclass(frozen=True, slots=True)
class RepairStep:
    """One call of `repair`.

    Parameters
    ----------
    changes
        New value by path: a `Col`, whose name is a path too, a function of the old value, or a value.
    where
        Which events it is for: patterns by name of a column, ``{"reason": "*currency*"}``.
    drop
        Paths of what is removed.
    schemas
        New URI of a schema by the old one.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    where: Mapping[str, Any] = field(default_factory=dict)
    drop: Sequence[str] = ()
    schemas: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check paths and conditions."""
        for path in [*self.changes, *self.drop]:
            Path(path)
        for value in self.changes.values():
            if isinstance(value, Col):
                Path(value.name)
        if unknown := [name for name in self.where if name not in CONDITIONS]:
            raise ValueError(f"where: no such column: {unknown[0]!r}; columns are: {', '.join(CONDITIONS)}")

    def fits(self, event: FailedEvent) -> bool:
        """Check whether the step is for an event: one of its reasons must meet all conditions."""
        if not self.where:
            return True
        return any(
            all(_meets(event, reason, name, wanted) for name, wanted in self.where.items())
            for reason in event.reasons or [FailureReason("")]
        )

    def apply(self, payload: Payload) -> list[str]:
        """Change a payload in place, and return what went wrong: the place and the reason."""
        errors = []
        for text, new in self.changes.items():
            for container, key in list(Path(text).places(payload)):
                old = get(container, key)
                try:
                    value = _evaluate(new, old, payload, text)
                except Exception as error:  # noqa: BLE001 - a function of the user
                    errors.append(f"{text}: {error}")
                    continue
                if value is not _MISSING and value is not old:
                    container[key] = (
                        _as_text(value) if container is payload and key not in {"ue_pr", "co"} else value
                    )
        for text in self.drop:
            Path(text).drop(payload)
        for document in [payloads.event_of(payload), *payloads.entities_of(payload)]:
            schema = document.get("schema") if isinstance(document, dict) else None
            if isinstance(schema, str) and schema in self.schemas:
                document["schema"] = self.schemas[schema]
        return errors

    def to_json(self) -> dict[str, Any]:
        """Return the step as JSON.

        Raises
        ------
        TypeError
            If it holds a function, which JSON cannot.
        """
        members = {
            "changes": {path: _to_json(path, value) for path, value in self.changes.items()},
            "where": dict(self.where),
            "drop": list(self.drop),
            "schemas": dict(self.schemas),
        }
        return {name: value for name, value in members.items() if value}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "RepairStep":
        """Return the step that JSON describes."""
        if unknown := document.keys() - {"changes", "where", "drop", "schemas"}:
            raise ValueError(
                f"recipe: unknown member {unknown.pop()!r}; members are: changes, where, drop, schemas"
            )
        changes = {path: _from_json(value) for path, value in document.get("changes", {}).items()}
        return cls(changes, document.get("where", {}), document.get("drop", ()), document.get("schemas", {}))


def read_recipe(document: Any) -> list[RepairStep]:
    """Return the steps of a recipe, which is JSON.

    Raises
    ------
    ValueError
        If it is not a recipe.
    """
    if not isinstance(document, Mapping) or document.get("version") != VERSION or "steps" not in document:
        raise ValueError(
            f'not a recipe: {{"version": {VERSION}, "steps": […]}} expected, as `recipe()` returns it'
        )
    return [RepairStep.from_json(step) for step in document["steps"]]


def write_recipe(steps: Sequence[RepairStep]) -> dict[str, Any]:
    """Return steps as JSON."""
    return {"version": VERSION, "steps": [step.to_json() for step in steps]}


def repair_payload(
    event: FailedEvent, payload: Payload, steps: Sequence[RepairStep]
) -> tuple[Payload, list[str]]:
    """Return a repaired copy of an event's payload, and what went wrong."""
    repaired = copy.deepcopy(payload)
    errors: list[str] = []
    for step in steps:
        if step.fits(event):
            errors += step.apply(repaired)
    return repaired, errors


def _evaluate(new: Any, old: Any, payload: Payload, path: str) -> Any:
    if isinstance(new, Col):
        source = old if new.name == path else _first_value(payload, new.name)
        value = new.evaluate(None if source is _MISSING else source)
        return _MISSING if value is None and source is _MISSING else value
    if callable(new):
        return _MISSING if old is _MISSING else new(old)
    return new


def _first_value(payload: Payload, path: str) -> Any:
    found = (get(container, key) for container, key in Path(path).places(payload))
    return next((value for value in found if value is not _MISSING), _MISSING)


def _meets(event: FailedEvent, reason: Any, name: str, wanted: Any) -> bool:
    owner = reason if name in {"reason", "schema", "field", "value"} else event
    found = getattr(owner, name, None)
    choices = wanted if isinstance(wanted, list | tuple | set) else [wanted]
    return any(
        fnmatch.fnmatchcase(str(found), choice)
        if isinstance(choice, str) and found is not None
        else found == choice
        for choice in choices
    )


def _as_text(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else str(int(value) if isinstance(value, float) and value.is_integer() else value)
    )


def _to_json(path: str, value: Any) -> Any:
    if isinstance(value, Col):
        return {"$col": value.name, "steps": [[step.name, _plain(step.value)] for step in value.steps]}
    if callable(value):
        raise TypeError(
            f"the function for {path!r} cannot be stored as JSON; use col(…), or keep the recipe as Python code"
        )
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _from_json(value: Any) -> Any:
    if not isinstance(value, Mapping) or "$col" not in value:
        return value
    steps: list[Step] = []
    for name, argument in value.get("steps", []):
        if name not in _STEPS:
            raise ValueError(f"recipe: unknown method {name!r} of a column; methods are: {', '.join(_STEPS)}")
        steps.append(Step(name, _STEPS[name](argument)))
    return Col(value["$col"], tuple(steps))


def _same(argument: Any) -> Any:
    return argument


def _pairs(argument: Any) -> Any:
    return tuple((old, new) for old, new in argument)


def _datetime_options(argument: Any) -> Any:
    format_, zone, unit = argument
    return format_, None if zone is None else find_zone(zone), unit


_STEPS: Mapping[Any, Callable[[Any], Any]] = {
    "default": _same, "map": _pairs, "cast": _same, "format": _same, "to_number": tuple,
    "to_datetime": _datetime_options, "parse_json": _same, "strip": _same, "lower": _same, "upper": _same,
    "truncate": _same, "replace": tuple,
}  # fmt: skip
