"""Names for Python: of arguments made from properties, and of classes made from specifications and schemas."""

import builtins
import keyword
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

RESERVED_ARGUMENTS = frozenset(
    {
        # arguments and attributes of every event
        "build_payload", "context", "device_timestamp", "event_id", "event_json", "event_subject", "payload",
        "payload_pairs", "specification", "substitute", "true_timestamp",
        # attributes of every entity
        "data", "schema", "to_json", "to_string",
        # arguments of generated classes
        "extra", "options", "self",
    }
)  # fmt: skip
"""Names that a property's argument cannot have; it ends in ``_`` instead."""
RESERVED_CLASSES = frozenset(
    {
        *dir(builtins), *keyword.kwlist, "Any", "EventOptions", "Literal", "Mapping", "NotRequired", "PagePing", "PageView",
        "Required", "SelfDescribing", "SelfDescribingJson", "Sequence", "TypedDict", "Unpack", "overload",
    }
)  # fmt: skip
_WORD = re.compile(r"[^\W_]+")


def argument_name(key: str) -> str:
    """Return the argument that stands for a property: in snake case, and free of Python's own words.

    Examples
    --------
    >>> argument_name("class"), argument_name("smtp-id"), argument_name("pageURL"), argument_name("2nd")
    ('class_', 'smtp_id', 'page_url', '_2nd')
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", unicodedata.normalize("NFKC", key)).lower()
    name = re.sub(r"\W", "_", name)
    name = re.sub(r"\A__+", "_", name)  # a class would mangle it
    if not name.strip("_"):
        name = "field"
    if not name.isidentifier():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) or name in RESERVED_ARGUMENTS else name


def argument_names(keys: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Name the arguments of all properties of a schema; of those that become equal, later ones are numbered.

    Returns
    -------
    dict
        The argument of each property, whatever the order of `keys`.

    Examples
    --------
    >>> argument_names(["a_b", "a-b", "aB"])
    {'a-b': 'a_b', 'aB': 'a_b_2', 'a_b': 'a_b_3'}
    """
    used = set(taken)
    names: dict[str, str] = {}
    for key in sorted(keys):
        first = name = argument_name(key)
        number = 2
        while name in used:
            name = f"{first.rstrip('_')}_{number}"
            number += 1
        used.add(name)
        names[key] = name
    return names


def class_name(text: str) -> str:
    """Return a name in CamelCase.

    Examples
    --------
    >>> class_name("Select a Plan"), class_name("dating-demo-user"), class_name("pop_navScroll")
    ('SelectAPlan', 'DatingDemoUser', 'PopNavScroll')
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text))
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if name.isidentifier() else f"_{name}"


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a class may be called, the best first.

    Attributes
    ----------
    key : str
        What it stands for, unique: it decides nothing but the order.
    names : tuple of str
        The last one is free in any case.
    rank : int
        Of two that would have one name, the lower rank keeps it.
    """

    key: str
    names: tuple[str, ...]
    rank: int = 0


def choose_names(wanted: Sequence[Candidates]) -> Mapping[str, str]:
    """Return a name of its own for each of several classes, the same whatever their order."""
    level = {one.key: 0 for one in wanted}
    by_key = {one.key: one for one in wanted}
    while True:
        groups: dict[str, list[Candidates]] = defaultdict(list)
        for one in wanted:
            groups[one.names[level[one.key]]].append(one)
        moved = False
        for name, group in groups.items():
            lowest = min(one.rank for one in group)
            best = [one for one in group if one.rank == lowest]
            keeps = {best[0].key} if len(best) == 1 and name not in RESERVED_CLASSES else set()
            if len(group) == 1 and keeps:
                continue
            for one in group:
                if one.key not in keeps and level[one.key] + 1 < len(one.names):
                    level[one.key] += 1
                    moved = True
        if not moved:
            return {key: by_key[key].names[place] for key, place in level.items()}
