"""Checks of files: JSON, JSON lines, dumps of payloads, and schemas."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrack.protocol import FIELDS
from nbtrack.schemas.compiling import BadSchema
from nbtrack.schemas.keys import parse_uri
from nbtrack.schemas.linter import lint_schema
from nbtrack.schemas.registry import Registry, SchemaNotFound


@dataclass(slots=True)
class Report:
    """What was found in a file.

    Attributes
    ----------
    path : Path
        The file.
    checked : int
        How many documents were checked.
    problems : list of str
        One line each, which names the document's line where there are several.
    """

    path: Path
    checked: int = 0
    problems: list[str] = field(default_factory=list)


def check_file(path: str | Path, registry: Registry | None = None) -> Report:
    """Check every document of a file.

    Parameters
    ----------
    path : path
        A schema is linted. Self-describing JSON is validated against its schema, and so is self-describing JSON inside
        it; a payload's ``ue_px``, ``ue_pr``, ``cx`` and ``co`` likewise. Several documents are one a line, or a list.
    registry : Registry, optional
        By default, one with the built-in schemas.

    Returns
    -------
    Report
        How many documents were ``checked``, and their ``problems``, a line each. A file that cannot be read is a problem.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from nbtrack.schemas import check_file
    >>> schema = "iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0"
    >>> event = {"schema": schema, "data": {"category": "query", "variable": "load", "timing": "fast"}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "event.json"
    ...     _ = path.write_text(json.dumps(event))
    ...     report = check_file(path)
    >>> report.checked, report.problems
    (1, ['$ (iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0) $.timing: string found, number expected'])
    """
    registry = registry or Registry()
    report = Report(Path(path))
    if report.path.is_dir():
        report.problems.append("cannot be read: is a folder; name its files")
        return report
    try:
        documents = list(_documents(report.path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        report.problems.append(f"cannot be read: {getattr(error, 'strerror', None) or error}")
        return report
    if not documents:
        report.problems.append("is empty")
    for line, document in documents:
        report.checked += 1
        prefix = f"line {line}: " if len(documents) > 1 else ""
        report.problems += [prefix + problem for problem in _problems(document, registry, report.path)]
    return report


def _documents(text: str) -> Iterator[tuple[int, Any]]:
    try:
        document = json.loads(text)
    except ValueError as error:
        lines = [
            (number, _parse_line(line)) for number, line in enumerate(text.splitlines(), 1) if line.strip()
        ]
        # with documents on lines, a line that is not JSON is a problem by itself; otherwise the file is one broken document
        if lines and not any(isinstance(document, dict) for _, document in lines):
            raise ValueError(f"not JSON: {error}") from None
        yield from lines
        return
    if isinstance(document, list):
        yield from enumerate(document, 1)
    else:
        yield 1, document


def _parse_line(line: str) -> Any:
    """Return a line's document, or the error of a line that is not JSON."""
    try:
        return json.loads(line)
    except ValueError as error:
        return error


def _problems(document: Any, registry: Registry, path: Path) -> Iterator[str]:
    if isinstance(document, ValueError):
        yield f"not JSON: {document}"
    elif not isinstance(document, dict):
        yield "not a JSON object"
    elif "self" in document and "$schema" in document:
        yield from map(str, lint_schema(document, path))
    elif document.keys() == {"schema", "data"}:
        yield from _check(document, registry, "$")
    elif "e" in document and document.keys() <= FIELDS.keys():
        yield from _check_payload(document, registry)
    else:
        yield "neither a schema nor self-describing JSON nor a payload"


def _check(document: dict[str, Any], registry: Registry, place: str) -> Iterator[str]:
    uri, data = document["schema"], document["data"]
    try:
        parse_uri(uri)
        faults = registry.faults(uri, data)
    except (SchemaNotFound, BadSchema, ValueError) as error:
        yield f"{place}: {error}"
        return
    yield from (f"{place} ({uri}) {fault}" for fault in faults)
    inner = data if isinstance(data, list) else [data]
    for index, item in enumerate(inner):
        if isinstance(item, dict) and item.keys() == {"schema", "data"}:
            yield from _check(
                item, registry, f"{place}.data[{index}]" if isinstance(data, list) else f"{place}.data"
            )
        elif isinstance(item, dict) and "/payload_data/" in uri and isinstance(data, list):
            yield from (f"{place}.data[{index}].{problem}" for problem in _check_payload(item, registry))


def _check_payload(payload: dict[str, Any], registry: Registry) -> Iterator[str]:
    from nbtrack.common.payload_json import read_json  # noqa: PLC0415 - needs a fast JSON library

    for key in ("ue_px", "ue_pr", "cx", "co"):
        text = payload.get(key)
        if not isinstance(text, str) or not text:
            continue
        try:
            document = read_json(key, text)
        except ValueError as error:
            yield f"{key}: {error}"
            continue
        if isinstance(document, dict) and document.keys() == {"schema", "data"}:
            yield from _check(document, registry, key)
        else:
            yield f"{key}: not self-describing JSON"
