"""Reading a tracking plan: the files that ``snowplow-cli`` downloads, each mistake named by file, line and key.

Source of the formats: https://docs.snowplow.io/docs/event-studio and the JSON Schemas of snowplow-cli 0.3.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbtrack.common.errors import NbtrackError
from nbtrack.common.wording import near_matches, plural
from nbtrack.plans.documents import Document, DocumentError, Mistake, find_files, read_document
from nbtrack.plans.model import (
    DataProduct,
    DataStructure,
    EventSpecification,
    Source,
    TrackingPlan,
    Trigger,
)
from nbtrack.schemas import parse_uri

LOCK_FILE = ".snowtype-lock.json"
"""Where the published versions of event specifications stand: ``{"eventSpecifications": {"<id>": 4}}``."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_VERSION = re.compile(r"[1-9][0-9]*-[0-9]+-[0-9]+")
_MAX_NAME = 256
"""Characters of a name in the ``event_specification`` entity; a longer one would make each event fail."""
_Place = tuple[str | int, ...]


class TrackingPlanError(NbtrackError, ValueError):
    """A tracking plan cannot be read.

    Attributes
    ----------
    mistakes : tuple of Mistake
        Everything that is wrong, by file and line.

    Examples
    --------
    >>> from nbtrack.plans import TrackingPlanError
    >>> issubclass(TrackingPlanError, ValueError)
    True
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        head = f"{plural(len(self.mistakes), 'mistake')} in the tracking plan:"
        super().__init__("\n  ".join([head, *map(str, self.mistakes)]))


def read_tracking_plan(
    folder: str | os.PathLike[str], lock: str | os.PathLike[str] | None = None
) -> TrackingPlan:
    """Read the files of a tracking plan.

    Files are recognised by ``apiVersion: v1`` and ``resourceType``, in whatever folder they stand; others are left alone.

    Parameters
    ----------
    folder : str or pathlib.Path
        Folder with data structures and data products, YAML or JSON, as ``snowplow-cli`` downloads them; or one file.
    lock : str or pathlib.Path, optional
        File with the published versions of event specifications; by default ``.snowtype-lock.json`` in the folder or the
        one above it, if there is one.

    Returns
    -------
    TrackingPlan
        The plan.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or lock file.
    TrackingPlanError
        With every mistake in the files.
    ModuleNotFoundError
        For YAML files, if PyYAML is not installed.

    Examples
    --------
    >>> import json
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> product = {"apiVersion": "v1", "resourceType": "data-product", "resourceName": "5d0c2f5e-6f0b-4a64-9d0e-2f7f0c1b9a10"}
    >>> specification = {"resourceName": "7a1e9c3b-58f4-4b7f-8a55-1c0f6d2e4b21", "name": "Basket Item Added"}
    >>> data = {"name": "Checkout", "eventSpecifications": [specification]}
    >>> _ = (folder / "checkout.json").write_text(json.dumps(product | {"data": data}))
    >>> [specification.name for specification in read_tracking_plan(folder)]
    ['Basket Item Added']
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"no such folder: {folder}")
    mistakes: list[Mistake] = []
    versions = _read_lock(folder, lock, mistakes)
    structures: dict[str, DataStructure] = {}
    specifications: list[EventSpecification] = []
    for path in [folder] if folder.is_file() else find_files(folder):
        try:
            document = read_document(path)
        except DocumentError as error:
            mistakes.append(error.mistake)
            continue
        reader = _Reader(document, mistakes)
        kind = reader.kind()
        if kind == "data-structure":
            if structure := reader.read_structure():
                reader.add_structure(structure, structures)
        elif kind == "data-product":
            specifications += reader.read_product(versions)
    _find_repeated_ids(specifications, mistakes)
    if mistakes:
        raise TrackingPlanError(sorted(mistakes, key=lambda one: (str(one.file), one.line)))
    specifications.sort(key=lambda one: (one.product.name, one.name, one.id))
    return TrackingPlan(tuple(specifications), dict(sorted(structures.items())), folder)


def _find_repeated_ids(specifications: list[EventSpecification], mistakes: list[Mistake]) -> None:
    first: dict[str, EventSpecification] = {}
    for one in specifications:
        other = first.setdefault(one.id, one)
        if other is not one:
            mistakes.append(
                Mistake(one.file, one.line, "resourceName", f"{one.id} is also the id of {other}")
            )


def _read_lock(folder: Path, lock: str | os.PathLike[str] | None, mistakes: list[Mistake]) -> dict[str, int]:
    if lock is None:
        base = folder.parent if folder.is_file() else folder
        found = next((path for path in (base / LOCK_FILE, base.parent / LOCK_FILE) if path.is_file()), None)
        if found is None:
            return {}
        path = found
    else:
        path = Path(lock)
        if not path.is_file():
            raise FileNotFoundError(f"no such lock file: {path}")
    try:
        versions = json.loads(path.read_text(encoding="utf-8"))["eventSpecifications"]
        return {str(key).lower(): _version_number(value) for key, value in versions.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        expected = '{"eventSpecifications": {"<id>": <version>}}'
        mistakes.append(Mistake(path, 1, "", f"not a lock file: expected {expected}"))
        return {}


def _version_number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError(value)
    return value


class _Reader:
    """Reads one file, and notes what is wrong with it."""

    def __init__(self, document: Document, mistakes: list[Mistake]) -> None:
        self.document, self._mistakes = document, mistakes

    def note(self, place: _Place, message: str) -> None:
        """Note a mistake."""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        self._mistakes.append(Mistake(self.document.path, self.document.line(place), key, message))

    def kind(self) -> str | None:
        """Return the file's resource type, None for a file that does not belong to a plan."""
        value = self.document.value
        if not isinstance(value, Mapping) or value.get("apiVersion") != "v1":
            return None
        kind = value.get("resourceType")
        return kind if isinstance(kind, str) else None

    # -- values, each noted as a mistake where it is not what it should be

    def get(self, place: _Place, wanted: type, *, required: bool = True) -> Any:
        """Return a value of a type; None, and a mistake, if it is missing or another."""
        value: Any = self.document.value
        for part in place:
            missing = part not in value if isinstance(value, Mapping) else not isinstance(value, list)
            if missing:
                if required:
                    self.note(place, "is missing, but required")
                return None
            value = value[part]
        if value is None and not required:
            return None
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            self.note(place, f"must be {_JSON_NAMES[wanted]}, got {_show(value)}")
            return None
        return value

    def text(self, place: _Place, *, required: bool = True) -> str:
        """Return a member as a string; an empty one if it is missing."""
        found = self.get(place, str, required=required)
        if found == "" and required:
            self.note(place, "must not be empty")
        return found or ""

    def name(self, place: _Place) -> str:
        """Return a name that fits the ``event_specification`` entity."""
        found = self.text(place)
        if len(found) > _MAX_NAME:
            self.note(place, f"must have at most {_MAX_NAME} characters, has {len(found)}")
        return found

    def uuid(self, place: _Place) -> str:
        """Return a UUID in lower case."""
        found = self.text(place)
        if found and not _UUID.fullmatch(found):
            self.note(place, f"must be a UUID, got {found!r}")
        return found.lower()

    def items(self, place: _Place) -> int:
        """Return the length of a list, 0 if there is none."""
        return len(self.get(place, list, required=False) or ())

    def check_keys(self, place: _Place, allowed: tuple[str, ...]) -> None:
        """Note unknown keys."""
        for key in self.get(place, dict, required=False) or ():
            if key not in allowed:
                near = near_matches(key, allowed, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(allowed)}"
                self.note((*place, key), f"is not a key that belongs here{hint}")

    # -- resources

    def read_structure(self) -> DataStructure | None:
        """Read a data structure."""
        before = len(self._mistakes)
        self.check_keys(("meta",), ("hidden", "schemaType", "customData"))
        kind = self.text(("meta", "schemaType"), required=False)
        if kind not in {"event", "entity", ""}:
            self.note(("meta", "schemaType"), f"must be event or entity, got {kind!r}")
        hidden = self.get(("meta", "hidden"), bool, required=False)
        schema = self.get(("data",), dict)
        parts = [self.text(("data", "self", part)) for part in ("vendor", "name", "format", "version")]
        uri = f"iglu:{'/'.join(parts)}"
        if all(parts):
            if not _VERSION.fullmatch(parts[3]):
                self.note(("data", "self", "version"), f"must be a version such as 1-0-0, got {parts[3]!r}")
            else:
                self._check_uri(("data", "self"), uri)
        if len(self._mistakes) > before:
            return None
        return DataStructure(uri, schema, kind == "entity", bool(hidden), self.document.path)

    def add_structure(self, structure: DataStructure, known: dict[str, DataStructure]) -> None:
        """Add a data structure; two files with one URI are a mistake."""
        if other := known.get(structure.uri):
            self.note(("data", "self"), f"{structure.uri} is also in {other.file}")
        known[structure.uri] = structure

    def read_product(self, versions: Mapping[str, int]) -> list[EventSpecification]:
        """Read a data product."""
        product = DataProduct(
            self.uuid(("resourceName",)),
            self.name(("data", "name")),
            self.text(("data", "domain"), required=False),
        )
        place: _Place = ("data", "eventSpecifications")
        return [
            self._read_specification((*place, number), product, versions)
            for number in range(self.items(place))
        ]

    def _read_specification(
        self, place: _Place, product: DataProduct, versions: Mapping[str, int]
    ) -> EventSpecification:
        id_ = self.uuid((*place, "resourceName"))
        has_event = self.get((*place, "event"), dict, required=False)
        event = self._read_source((*place, "event"), is_event=True) if has_event else None
        self.check_keys((*place, "entities"), ("tracked", "enriched"))
        tracked: _Place = (*place, "entities", "tracked")
        entities = [
            source
            for number in range(self.items(tracked))
            if (source := self._read_source((*tracked, number), is_event=False))
        ]
        seen: set[str] = set()
        for number, source in enumerate(entities):
            if source.uri in seen:
                self.note((*tracked, number, "source"), f"{source.uri} is listed twice in this specification")
            seen.add(source.uri)
        triggers: _Place = (*place, "triggers")
        return EventSpecification(
            id_,
            self.name((*place, "name")),
            self.text((*place, "description"), required=False),
            product,
            event,
            tuple(entities),
            tuple(self._read_trigger((*triggers, number)) for number in range(self.items(triggers))),
            versions.get(id_),
            self.document.path,
            self.document.line(place),
        )

    def _read_trigger(self, place: _Place) -> Trigger:
        apps = self.get((*place, "appIds"), list, required=False) or ()
        return Trigger(
            self.text((*place, "description"), required=False),
            tuple(map(str, apps)),
            self.text((*place, "url"), required=False),
        )

    def _read_source(self, place: _Place, *, is_event: bool) -> Source | None:
        allowed = ("source", "schema", "comment")
        self.check_keys(place, allowed if is_event else (*allowed, "minCardinality", "maxCardinality"))
        uri = self.text((*place, "source"))
        if not uri or not self._check_uri((*place, "source"), uri):
            return None
        low, high = (
            self.get((*place, key), int, required=False) for key in ("minCardinality", "maxCardinality")
        )
        for key, bound in (("minCardinality", low), ("maxCardinality", high)):
            if bound is not None and bound < 0:
                self.note((*place, key), f"must not be negative, got {bound}")
        if low is not None and high is not None and low > high:
            self.note((*place, "maxCardinality"), f"must be at least minCardinality ({low}), got {high}")
        rule = self.get((*place, "schema"), dict, required=False)
        if rule and not self._check_rule((*place, "schema")):
            return None
        return Source(uri, rule or None, low, high)

    def _check_rule(self, place: _Place) -> bool:
        properties = self.get((*place, "properties"), dict, required=False)
        required = self.get((*place, "required"), list, required=False)
        wrong = [name for name in required or () if not isinstance(name, str)]
        if wrong:
            self.note((*place, "required"), f"must list names of properties, got {_show(wrong[0])}")
        for name, rule in (properties or {}).items():
            if not isinstance(rule, Mapping):
                self.note((*place, "properties", name), f"must be a schema, got {_show(rule)}")
                return False
        return not wrong

    def _check_uri(self, place: _Place, uri: str) -> bool:
        try:
            parse_uri(uri)
        except ValueError as error:
            self.note(place, str(error))
            return False
        return True


_JSON_NAMES: Mapping[type, str] = {
    str: "a string", int: "an integer", bool: "true or false", list: "a list", dict: "an object",
}  # fmt: skip


def _show(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) < 60 else f"{shown[:57]}…"  # noqa: PLR2004 - a line's worth
