"""Files of a tracking plan as plain values that know their lines: YAML with JSON's types only, or JSON."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUFFIXES = (".yaml", ".yml", ".json")
_YAML_TYPES = ("null", "bool", "int", "float", "str", "map", "seq")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a file.

    Attributes
    ----------
    file : pathlib.Path
        The file.
    line : int
        Its line, counted from 1.
    key : str
        The path of the key, such as ``data.eventSpecifications[0].event.source``; empty for the whole file.
    message : str
        What is wrong, and what is right.

    Examples
    --------
    >>> from pathlib import Path
    >>> print(Mistake(Path("plan.yaml"), 3, "data.name", "must be a string, got 5"))
    plan.yaml:3: data.name: must be a string, got 5
    """

    file: Path
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {f'{self.key}: ' if self.key else ''}{self.message}"


@dataclass(slots=True)
class Document:
    """A file's content, and the lines of its keys.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    value : any
        dicts, lists and scalars, as JSON has them.
    lines : dict
        Lines by the path of the key, such as ``("data", "name")``.
    """

    path: Path
    value: Any
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)

    def line(self, place: tuple[str | int, ...]) -> int:
        """Return the line of a key, or of the nearest one that contains it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


class DocumentError(ValueError):
    """A file cannot be parsed."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def find_files(folder: Path) -> list[Path]:
    """List the files below a folder that may belong to a tracking plan, sorted; hidden ones are left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(
        path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def read_document(path: Path) -> Document:
    """Parse a file.

    Raises
    ------
    DocumentError
        If it is neither YAML nor JSON, or not UTF-8.
    ImportError
        For a YAML file, if PyYAML is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(Mistake(path, 1, "", f"cannot be read: {error}")) from None
    return _read_json(path, text) if path.suffix.lower() == ".json" else _read_yaml(path, text)


# -- JSON


def _read_json(path: Path, text: str) -> Document:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(Mistake(path, error.lineno, "", f"not valid JSON: {error.msg}")) from None
    document = Document(path, value)
    document.lines.update(_locate_keys(text))
    return document


def _locate_keys(text: str) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Find the lines of all keys and items of a valid JSON text."""
    decoder = json.JSONDecoder(strict=False)
    place: list[str | int] = []  # of each open container: the key or the index that is being read
    is_object: list[bool] = []
    position, line, wants_key = 0, 1, False
    while position < len(text):
        character = text[position]
        line += character == "\n"
        if character in "{[":
            yield tuple(place), line
            is_object.append(character == "{")
            place.append("" if character == "{" else 0)
            wants_key = character == "{"
        elif character in "}]":
            is_object.pop()
            place.pop()
        elif character == ",":
            wants_key = is_object[-1]
            if not wants_key:
                place[-1] = int(place[-1]) + 1
        elif character == '"':
            string, end = decoder.raw_decode(text, position)
            if wants_key:
                place[-1], wants_key = string, False
                yield tuple(place), line
            elif place and not is_object[-1]:
                yield tuple(place), line
            position = end - 1
        position += 1


# -- YAML


def _read_yaml(path: Path, text: str) -> Document:
    from nbtrack.common.extras import require  # noqa: PLC0415 - slow to load

    require("plans", "a tracking plan in YAML")
    import yaml  # noqa: PLC0415 - an extra

    document = Document(path, None)
    try:
        root = yaml.compose(text, Loader=_make_loader(yaml))
        document.value = None if root is None else _build(yaml, root, (), document)
    except RecursionError:
        raise DocumentError(Mistake(path, 1, "", "not valid YAML: it contains itself")) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        line = mark.line + 1 if mark else 1
        raise DocumentError(Mistake(path, line, "", f"not valid YAML: {problem}")) from None
    return document


def _make_loader(yaml: Any) -> Any:
    """Return a loader that knows JSON's types alone: ``on`` and ``2026-01-31`` stay strings."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        yaml_implicit_resolvers: Mapping[str, Any] = {}

    for kind, pattern, first in (
        ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
        ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), first)
    return Loader


def _build(yaml: Any, node: Any, place: tuple[str | int, ...], document: Document) -> Any:
    document.lines.setdefault(place, node.start_mark.line + 1)
    kind = node.tag.rpartition(":")[2]
    if kind not in _YAML_TYPES:
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.tag} is not a type that JSON has", node.start_mark
        )
    if isinstance(node, yaml.MappingNode):
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in made:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands here twice", key_node.start_mark
                )
            document.lines[*place, key] = key_node.start_mark.line + 1
            made[key] = _build(yaml, value_node, (*place, key), document)
        return made
    if isinstance(node, yaml.SequenceNode):
        return [_build(yaml, item, (*place, number), document) for number, item in enumerate(node.value)]
    if kind == "int":
        return int(node.value)
    if kind == "float":
        return float(node.value)
    if kind == "bool":
        return node.value.lower() == "true"
    return None if kind == "null" else node.value
