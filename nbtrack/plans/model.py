"""A tracking plan: data products with event specifications, data structures and source applications."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Trigger:
    """When an event is to be tracked; documentation only.

    Attributes
    ----------
    description : str
        In words.
    app_ids : tuple of str
        The applications it belongs to; empty for all.
    url : str
        An example page, or an empty string.

    Examples
    --------
    >>> Trigger("The button was clicked", app_ids=("shop-web",)).app_ids
    ('shop-web',)
    """

    description: str
    app_ids: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A schema that an event specification uses, and the rule that narrows it down.

    Attributes
    ----------
    uri : str
        The schema's full Iglu URI; another version is another schema.
    rule : mapping or None
        A JSON Schema (Draft 4) that the same data must match, too.
    min_count, max_count : int or None
        How many entities of this schema belong to an event; None where there is no bound. None for the event itself.

    Examples
    --------
    >>> Source("iglu:com.acme/book/jsonschema/1-0-0", None, 1, 3).max_count
    3
    """

    uri: str
    rule: Mapping[str, Any] | None = None
    min_count: int | None = None
    max_count: int | None = None


@dataclass(frozen=True, slots=True)
class EventSpecification:
    """One event of a tracking plan.

    Attributes
    ----------
    id : str
        Its UUID.
    name, description : str
        As its authors wrote them.
    product : DataProduct
        The plan that it belongs to.
    event : Source or None
        The event's schema and rule; None for a specification that is not finished.
    entities : tuple of Source
        The entities that a tracker attaches.
    triggers : tuple of Trigger
        When it is to be tracked.
    version : int or None
        The published version, from a lock file; None if unknown.
    file : pathlib.Path
        Where it stands.
    line : int
        Its first line there.

    Examples
    --------
    >>> source = Source("iglu:com.acme/basket/jsonschema/1-0-0", {"required": ["quantity"]})
    >>> specification = EventSpecification("7a1e9c3b", "Item added", "A book was added", DataProduct("5d0c", "Checkout"), source)
    >>> specification.name, specification.product.name
    ('Item added', 'Checkout')
    """

    id: str
    name: str
    description: str
    product: "DataProduct"
    event: Source | None
    entities: tuple[Source, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    version: int | None = None
    file: Path = Path()
    line: int = 1

    def __str__(self) -> str:
        return f"event specification {self.name!r} ({self.file}:{self.line})"


@dataclass(frozen=True, slots=True)
class DataProduct:
    """A group of event specifications; Snowplow's files and fields call a tracking plan so.

    Attributes
    ----------
    id : str
        Its UUID.
    name : str
        Its name.
    domain : str
        Its business domain, or an empty string.

    Examples
    --------
    >>> DataProduct("5d0c2f5e-6f0b-4a64-9d0e-2f7f0c1b9a10", "Checkout").name
    'Checkout'
    """

    id: str
    name: str
    domain: str = ""


@dataclass(frozen=True, slots=True)
class DataStructure:
    """A schema of the plan.

    Attributes
    ----------
    uri : str
        Its Iglu URI.
    schema : mapping
        The self-describing JSON Schema.
    is_entity : bool
        Whether its authors call it an entity; a hint.
    is_hidden : bool
        Whether it is hidden in Snowplow's console.
    file : pathlib.Path
        Where it stands.

    Examples
    --------
    >>> from pathlib import Path
    >>> schema = {"self": {"vendor": "com.acme", "name": "book", "format": "jsonschema", "version": "1-0-0"}}
    >>> DataStructure("iglu:com.acme/book/jsonschema/1-0-0", schema, True, False, Path("book.json")).is_entity
    True
    """

    uri: str
    schema: Mapping[str, Any]
    is_entity: bool
    is_hidden: bool
    file: Path


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """All of a folder's data products and data structures.

    Attributes
    ----------
    specifications : tuple of EventSpecification
        In the order of product, name and id, whatever the order of the files.
    structures : mapping of str to DataStructure
        By Iglu URI.
    folder : pathlib.Path
        Where it was read from.

    Examples
    --------
    >>> from nbtrack.plans import TrackingPlan
    >>> len(TrackingPlan().specifications)
    0
    """

    specifications: tuple[EventSpecification, ...] = ()
    structures: Mapping[str, DataStructure] = field(default_factory=dict)
    folder: Path = Path()

    def find(self, specification_id: str) -> EventSpecification | None:
        """Return the specification with an id, or None."""
        return next((one for one in self.specifications if one.id == specification_id), None)

    def versions_of(self, uri: str) -> list[str]:
        """List the versions that the plan has of a schema, whatever the version in `uri`."""
        name = uri.rpartition("/")[0]
        return sorted(
            other.rpartition("/")[2] for other in self.structures if other.rpartition("/")[0] == name
        )

    def __iter__(self) -> Iterator[EventSpecification]:
        return iter(self.specifications)
