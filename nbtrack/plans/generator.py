"""A typed Python module from a tracking plan: a class for each event specification, entity and event schema."""

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.plans.annotations import Annotations, describe_limits, python_string
from nbtrack.plans.checks import page_data
from nbtrack.plans.model import EventSpecification, Source, TrackingPlan
from nbtrack.plans.naming import Candidates, argument_name, argument_names, choose_names, class_name
from nbtrack.plans.rules import find_contradictions, merge
from nbtrack.schemas import Registry, SchemaNotFound, parse_uri

_WIDTH = 88
_MOST_TUPLES = 5
"""Up to so many entities a type counts them one by one."""
_PAGE_EVENTS = {
    "iglu:com.snowplowanalytics.snowplow/page_view/": "PageView",
    "iglu:com.snowplowanalytics.snowplow/page_ping/": "PagePing",
}
# page views and pings have no schema of their own in Iglu; rules see them with these properties
_PAGE_SCHEMA: Mapping[str, Any] = {"properties": {key: {} for key in page_data({}, is_ping=True)[1]}}
SPECIFICATION_SCHEMA = "iglu:com.snowplowanalytics.snowplow/event_specification/jsonschema/1-0-4"


@dataclass(frozen=True, slots=True)
class GeneratedModule:
    """A module's source text, and what was noticed.

    Attributes
    ----------
    text : str
        The source of the module.
    problems : tuple of str
        What has no class, and why.
    notes : tuple of str
        Names that differ from the obvious ones, hidden and outdated schemas.

    Examples
    --------
    >>> from nbtrack.plans import TrackingPlan, generate
    >>> generate(TrackingPlan()).problems
    ()
    """

    text: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def generate(plan: TrackingPlan, registry: Registry | None = None) -> GeneratedModule:
    """Write a module with a class for each event specification, each entity and each event schema of a plan.

    Parameters
    ----------
    plan : TrackingPlan
        As `read_tracking_plan` returns it.
    registry : nbtrack.schemas.Registry, optional
        Where schemas are that the plan's folder does not have; by default the built-in ones.

    Returns
    -------
    GeneratedModule
        The same text for the same plan, whatever the order of its files.

    Examples
    --------
    >>> from nbtrack.plans import TrackingPlan, generate
    >>> print(generate(TrackingPlan()).text.splitlines()[-1])
    __all__: list[str] = []
    """
    return _Generator(plan, Registry() if registry is None else registry).write()


@dataclass(slots=True)
class _Property:
    key: str
    argument: str
    annotation: str
    is_required: bool
    is_nullable: bool
    description: str


@dataclass(slots=True)
class _Entity:
    """An entity of a specification: its class, and how many there may be."""

    source: Source
    name: str
    argument: str

    @property
    def low(self) -> int:
        return self.source.min_count or 0

    @property
    def high(self) -> int | None:
        return self.source.max_count

    def annotation(self, annotations: Annotations) -> str:
        if self.high == 0:
            return "None"
        if self.high == 1:
            return self.name if self.low else f"{self.name} | None"
        single = [self.name] if self.low <= 1 else []
        if self.high is not None and self.high <= _MOST_TUPLES:
            counts = range(max(self.low, 1), self.high + 1)
            several = [f"tuple[{', '.join([self.name] * count)}]" for count in counts]
        elif self.low:
            several = [f"tuple[{', '.join([self.name] * self.low)}, *tuple[{self.name}, ...]]"]
        else:
            annotations.use("Sequence")
            several = [f"Sequence[{self.name}]"]
        return " | ".join([*single, *several, *([] if self.low else ["None"])])

    def words(self) -> str:
        if self.high is None:
            return f"at least {self.low}" if self.low else "any number of"
        if self.low == self.high:
            return f"exactly {self.low}"
        return f"{self.low} to {self.high}" if self.low else f"at most {self.high}"


@dataclass(slots=True)
class _Generator:
    plan: TrackingPlan
    registry: Registry
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    annotations: Annotations = field(default_factory=Annotations)
    classes: set[str] = field(default_factory=set)
    """Names of the tracker's classes that the module imports."""

    def write(self) -> GeneratedModule:
        specifications = [one for one in self.plan if self._is_complete(one)]
        entity_uris = {source.uri for one in specifications for source in one.entities}
        entity_uris |= {uri for uri, one in self.plan.structures.items() if one.is_entity}
        event_uris = [uri for uri in self.plan.structures if uri not in entity_uris]
        names = self._choose_names(specifications, sorted(entity_uris), event_uris)
        self.annotations.taken.update(names.values())
        blocks: list[tuple[str, str]] = []
        by_name = names.__getitem__
        blocks += [
            (names[uri], self._write_entity(names[uri], uri)) for uri in sorted(entity_uris, key=by_name)
        ]
        blocks += [
            (names[_ruled(one, source)], self._write_ruled_entity(names, one, source))
            for one in specifications
            for source in one.entities
            if source.rule
        ]
        blocks += [
            (names[uri], self._write_schema_event(names[uri], uri)) for uri in sorted(event_uris, key=by_name)
        ]
        blocks += [
            (names[one.id], self._write_specification(names[one.id], one, names)) for one in specifications
        ]
        text = self._assemble(blocks, has_entities=any(one.entities for one in specifications))
        return GeneratedModule(text, tuple(self.problems), tuple(self.notes))

    # -- what can be generated

    def _is_complete(self, one: EventSpecification) -> bool:
        before = len(self.problems)
        if one.event is None:
            self.problems.append(f"{one} has no event: it has no class")
            return False
        for source in (one.event, *one.entities):
            schema = self._find(source.uri, one)
            if schema is None:
                continue
            for problem in find_contradictions(schema, source.rule):
                self.problems.append(f"{one}: rule on {source.uri}: {problem}; it has no class")
        return len(self.problems) == before

    def _find(self, uri: str, one: EventSpecification) -> Mapping[str, Any] | None:
        if structure := self.plan.structures.get(uri):
            if structure.is_hidden:
                self._note(f"{uri} ({structure.file}) is hidden in Snowplow's console")
            return structure.schema
        if uri.startswith(tuple(_PAGE_EVENTS)):
            return _PAGE_SCHEMA
        versions = self.plan.versions_of(uri)
        try:
            schema = self.registry.find(uri)
        except SchemaNotFound:
            found = (
                f"the plan has version {', '.join(versions)}"
                if versions
                else "the plan has none of that name"
            )
            self.problems.append(f"{one} pins {uri}, which is not there ({found}): it has no class")
            return None
        if versions:
            self._note(f"{one} pins {uri}; the plan has version {', '.join(versions)}")
        return schema

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _schema(self, uri: str) -> Mapping[str, Any]:
        structure = self.plan.structures.get(uri)
        if structure is None and uri.startswith(tuple(_PAGE_EVENTS)):
            return _PAGE_SCHEMA
        return structure.schema if structure else self.registry.find(uri)

    # -- names

    def _choose_names(
        self, specifications: Sequence[EventSpecification], entities: Sequence[str], events: Sequence[str]
    ) -> Mapping[str, str]:
        wanted = []
        for one in specifications:
            name, product = class_name(one.name), class_name(one.product.name)
            unique = f"{name}{product}_{one.id[:8]}"
            wanted.append(Candidates(one.id, (name, f"{name}{product}", unique)))
            wanted += [
                Candidates(_ruled(one, source), _ruled_names(name, product, one, source), rank=2)
                for source in one.entities
                if source.rule
            ]
        for kind, uris in (("Entity", entities), ("Event", events)):
            wanted += [Candidates(uri, _schema_names(uri, kind), rank=1) for uri in uris]
        chosen = choose_names(wanted)
        for candidates in wanted:
            if chosen[candidates.key] != candidates.names[0]:
                self._note(
                    f"{candidates.key} is called {chosen[candidates.key]}, as {candidates.names[0]} is taken"
                )
        return chosen

    # -- classes

    def _properties(
        self, schema: Mapping[str, Any], owner: str, taken: Iterable[str] = ()
    ) -> list[_Property]:
        properties = schema.get("properties") or {}
        names = argument_names(properties, taken)
        required = set(schema.get("required") or ())
        found = []
        for key in sorted(properties):
            rule = properties[key] if isinstance(properties[key], Mapping) else {}
            annotation = self.annotations.write(rule, owner + class_name(key).lstrip("_"))
            is_nullable = annotation == "Any" or "None" in annotation.split(" | ")
            if key not in required and not is_nullable:
                annotation += " | None"
            description = [str(rule.get("description") or "").strip(), describe_limits(rule)]
            text = " ".join(_sentence(one[:1].upper() + one[1:], "") for one in description if one)
            found.append(_Property(key, names[key], annotation, key in required, is_nullable, text))
        return sorted(found, key=lambda one: not one.is_required)

    def _write_entity(self, name: str, uri: str) -> str:
        schema = self._schema(uri)
        is_open = schema.get("additionalProperties") is not False
        properties = self._properties(schema, name)
        self.classes.add("SelfDescribingJson")
        head = [_sentence(schema.get("description"), f"Entity {parse_uri(uri).name}"), "", f"Schema: {uri}"]
        return "\n".join(
            [
                f"class {name}(SelfDescribingJson):",
                *_docstring([*head, *_document(properties, is_open=is_open)]),
                "",
                "    __slots__ = ()",
                "",
                *self._signature(properties, is_open=is_open),
                *_collect(properties, is_open=is_open),
                *_call("        super().__init__", [python_string(uri), "given"]),
            ]
        )

    def _write_ruled_entity(self, names: Mapping[str, str], one: EventSpecification, source: Source) -> str:
        name, base = names[_ruled(one, source)], names[source.uri]
        schema = merge(self._schema(source.uri), source.rule)
        is_open = schema.get("additionalProperties") is not False
        properties = self._properties(schema, name)
        all_names = argument_names(schema.get("properties") or {})
        arguments = [f"{all_names[one.key]}={one.argument}" for one in properties]
        head = [f"{base}, as {_inline(one.name)} takes it.", "", f"Schema: {source.uri}"]
        return "\n".join(
            [
                f"class {name}({base}):",
                *_docstring([*head, *_document(properties, is_open=is_open)]),
                "",
                "    __slots__ = ()",
                "",
                *self._signature(properties, is_open=is_open),
                *_call("        super().__init__", [*arguments, *(["extra=extra"] if is_open else [])]),
            ]
        )

    def _write_schema_event(self, name: str, uri: str) -> str:
        schema = self._schema(uri)
        is_open = schema.get("additionalProperties") is not False
        properties = self._properties(schema, name)
        self.classes |= {"SelfDescribing", "SelfDescribingJson", "EventOptions"}
        self.annotations.use("Unpack", "Sequence")
        head = [_sentence(schema.get("description"), f"Event {parse_uri(uri).name}"), "", f"Schema: {uri}"]
        tail = ["context: Sequence[SelfDescribingJson] | None = None", "**options: Unpack[EventOptions]"]
        return "\n".join(
            [
                f"class {name}(SelfDescribing):",
                *_docstring([*head, *_document(properties, is_open=is_open, is_event=True)]),
                "",
                *self._signature(properties, is_open=is_open, more=tail),
                *_collect(properties, is_open=is_open),
                *_call("        event_json = SelfDescribingJson", [python_string(uri), "given"]),
                "        super().__init__(event_json, context=context, **options)",
            ]
        )

    def _write_specification(self, name: str, one: EventSpecification, names: Mapping[str, str]) -> str:
        if one.event is None:
            raise ValueError(one)
        entities = self._entities(one, names)
        page = next((base for uri, base in _PAGE_EVENTS.items() if one.event.uri.startswith(uri)), None)
        taken = [entity.argument for entity in entities]
        schema = merge(self._schema(one.event.uri), one.event.rule)
        is_open = schema.get("additionalProperties") is not False and page is None
        properties = _page_properties(page) if page else self._properties(schema, name, taken)
        self.classes |= {page or "SelfDescribing", "SelfDescribingJson", "EventOptions"}
        self.annotations.use("Unpack", "Sequence")
        lines = [
            f"class {name}({page or 'SelfDescribing'}):",
            *_docstring(
                [
                    *self._describe(one, entities),
                    *_document(properties, entities, is_open=is_open, is_event=True),
                ]
            ),
            "",
            *_specification_entity(one),
            "",
        ]
        options = "**options: Unpack[EventOptions]"
        context = "context: Sequence[SelfDescribingJson] | None = None"
        own = [
            _parameter(entity.argument, entity.annotation(self.annotations), entity.low)
            for entity in entities
        ]
        if any(entity.low for entity in entities):
            # entities come by their own arguments, which count them, or all of them in `context`
            self.annotations.use("overload")
            stub = {"is_stub": True, "is_open": is_open}
            lines += [
                "    @overload",
                *self._signature(properties, more=[*own, context, options], **stub),
                "    @overload",
                *self._signature(properties, more=["context: Sequence[SelfDescribingJson]", options], **stub),
            ]
            own = [
                _parameter(entity.argument, _optional(entity.annotation(self.annotations)), 0)
                for entity in entities
            ]
        lines += self._signature(properties, is_open=is_open, more=[*own, context, options])
        attached = "context"
        if entities:
            attached = "entities"
            lines += _call("        entities = _join", ["context", *(entity.argument for entity in entities)])
        if page:
            arguments = [*(f"{one.argument}={one.argument}" for one in properties), f"context={attached}"]
            lines += _call("        super().__init__", [*arguments, "**options"])
        else:
            lines += _collect(properties, is_open=is_open)
            lines += _call("        event_json = SelfDescribingJson", [python_string(one.event.uri), "given"])
            lines.append(f"        super().__init__(event_json, context={attached}, **options)")
        return "\n".join(lines)

    def _entities(self, one: EventSpecification, names: Mapping[str, str]) -> list[_Entity]:
        by_key = {source.uri: argument_name(parse_uri(source.uri).name) for source in one.entities}
        arguments = argument_names(sorted(by_key.values()))
        used: set[str] = set()
        found = []
        for source in one.entities:
            argument = arguments[by_key[source.uri]]
            if argument in used:  # two versions, or two vendors
                argument = argument_name("_".join([argument, *parse_uri(source.uri).version.split("-")]))
            used.add(argument)
            key = _ruled(one, source) if source.rule else source.uri
            found.append(_Entity(source, names[key], argument))
        return found

    def _describe(self, one: EventSpecification, entities: Sequence[_Entity]) -> Iterator[str]:
        yield _sentence(one.description, one.name)
        if one.triggers:
            yield ""
            for trigger in one.triggers:
                apps = f" ({', '.join(trigger.app_ids)})" if trigger.app_ids else ""
                yield _sentence(f"Trigger: {_inline(trigger.description)}{apps}", "")
        yield ""
        version = f", version {one.version}" if one.version is not None else ""
        yield f"Event specification {one.id}{version}, of the tracking plan {_inline(one.product.name)}."
        if one.event:
            yield f"Schema: {one.event.uri}"
        for entity in entities:
            yield f"Entities: {entity.words()} {entity.name} ({entity.source.uri})"

    def _signature(
        self,
        properties: Sequence[_Property],
        *,
        is_open: bool,
        more: Sequence[str] = (),
        is_stub: bool = False,
    ) -> list[str]:
        parameters = [_parameter(one.argument, one.annotation, one.is_required) for one in properties]
        if is_open:
            self.annotations.use("Any", "Mapping")
            parameters.append("extra: Mapping[str, Any] | None = None")
        parameters += more
        starred = [] if not parameters or all(one.startswith("**") for one in parameters) else ["*"]
        lines = [_fold(f"        {one},") for one in ("self", *starred, *parameters)]
        return ["    def __init__(", *lines, "    ) -> None: ..." if is_stub else "    ) -> None:"]

    # -- the module

    def _assemble(self, blocks: Sequence[tuple[str, str]], *, has_entities: bool) -> str:
        products = sorted({one.product.name for one in self.plan})
        head = [
            "Events and entities of a tracking plan, generated by `nbtrack generate`: do not edit, generate again.",
            *(["", f"Tracking plans: {', '.join(map(_inline, products))}."] if products else []),
        ]
        used = self.annotations.imports
        collections = sorted(used & {"Mapping", "Sequence"})
        typing = sorted(used - {"Mapping", "Sequence"}, key=lambda name: (name[0].islower(), name))
        imports = [
            *(_import("collections.abc", collections)),
            *(_import("typing", typing)),
            *([""] if self.classes and (collections or typing) else []),
            *(_import("nbtrack.tracker", sorted(self.classes))),
        ]
        names = sorted(name for name, _ in blocks)
        exported = ["__all__ = [", *(f"    {python_string(name)}," for name in names), "]"]
        parts = [
            "\n".join(
                [
                    *_docstring(head, indent=""),
                    "",
                    *imports,
                    "",
                    *(exported if names else ["__all__: list[str] = []"]),
                ]
            )
        ]
        parts += self.annotations.definitions.values()
        parts += [text for _, text in blocks]
        if has_entities:
            parts.append(_JOIN)
        return "\n\n\n".join(parts) + "\n"


_JOIN = """def _join(
    context: Sequence[SelfDescribingJson] | None,
    *given: SelfDescribingJson | Sequence[SelfDescribingJson] | None,
) -> list[SelfDescribingJson]:
    entities: list[SelfDescribingJson] = []
    for one in (*given, context):
        if isinstance(one, SelfDescribingJson):
            entities.append(one)
        elif one is not None:
            entities.extend(one)
    return entities"""


def _ruled(one: EventSpecification, source: Source) -> str:
    """Return the key of the class of an entity that a specification narrows down."""
    return f"{one.id} {source.uri}"


def _call(function: str, arguments: Sequence[str]) -> list[str]:
    """Return the lines of a call, as formatters break them."""
    line = f"{function}({', '.join(arguments)})"
    if _width(line) <= _WIDTH:
        return [line]
    indent = " " * (len(function) - len(function.lstrip()))
    return [f"{function}(", *(f"{indent}    {one}," for one in arguments), f"{indent})"]


def _width(line: str) -> int:
    """Return the columns that a line takes: a wide character takes two."""
    return len(line) + sum(unicodedata.east_asian_width(character) in "WF" for character in line)


def _fold(parameter: str) -> str:
    """Break a parameter whose type is a long union, as formatters do."""
    if _width(parameter) <= _WIDTH:
        return parameter
    first, *others = parameter.split(" | ")
    return "\n".join(map(_fold_tuple, [first, *(f"        | {other}" for other in others)]))


def _fold_tuple(line: str) -> str:
    """Break a line with a long tuple."""
    before, bracket, rest = line.partition("tuple[")
    if _width(line) <= _WIDTH or not bracket:
        return line
    inside, end, after = rest.rpartition("]")
    inner = f"{' ' * 12}{inside}"
    if _width(inner) > _WIDTH:
        inner = "\n".join(
            f"{' ' * 12}{item}," for item in inside.split(", ", inside.count(", ") - inside.count(", ..."))
        )
    return f"{before}tuple[\n{inner}\n{' ' * 8}{end}{after}"


def _import(module: str, names: Sequence[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    if not names or len(line) <= _WIDTH:
        return [line] if names else []
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _schema_names(uri: str, kind: str) -> tuple[str, ...]:
    key = parse_uri(uri)
    name, vendor = class_name(key.name), class_name(key.vendor.rpartition(".")[2])
    version = key.version.replace("-", "_")
    return (
        name,
        f"{name}{kind}",
        f"{name}_{version}",
        f"{vendor}{name}",
        f"{vendor}{name}_{version}",
        f"{class_name(key.vendor)}{name}{kind}_{version}",
    )


def _ruled_names(name: str, product: str, one: EventSpecification, source: Source) -> tuple[str, ...]:
    entity = class_name(parse_uri(source.uri).name)
    version = parse_uri(source.uri).version.replace("-", "_")
    return (
        f"{name}{entity}",
        f"{name}{product}{entity}",
        f"{name}{product}{entity}_{one.id[:8]}_{version}",
    )


def _page_properties(page: str) -> list[_Property]:
    found = [
        _Property("url", "page_url", "str", True, False, "URL of the page."),
        _Property("page", "page_title", "str | None", False, True, "Title of the page."),
        _Property("refr", "referrer", "str | None", False, True, "URL of the previous page."),
    ]
    if page == "PagePing":
        found += [
            _Property(name, name, "int | None", False, True, "Scroll offset in pixels.")
            for name in ("min_x", "max_x", "min_y", "max_y")
        ]
    return found


def _specification_entity(one: EventSpecification) -> list[str]:
    data: dict[str, Any] = {"id": one.id}
    if one.version is not None:
        data["version"] = one.version
    data["name"] = one.name
    if one.product.id:
        data["data_product_id"] = one.product.id
    data["data_product_name"] = one.product.name
    if one.product.domain:
        data["data_product_domain"] = one.product.domain
    pairs = [
        f"            {python_string(key)}: {python_string(value) if isinstance(value, str) else value},"
        for key, value in data.items()
    ]
    return [
        "    specification = SelfDescribingJson(",
        f"        {python_string(SPECIFICATION_SCHEMA)},",
        "        {",
        *pairs,
        "        },",
        "    )",
    ]


def _collect(properties: Sequence[_Property], *, is_open: bool) -> list[str]:
    """Return the statements that make the data: what is required, what was given, and what the schema leaves open."""
    required = [one for one in properties if one.is_required]
    type_ = "dict[str, object]"
    if required:
        lines = [f"        given: {type_} = {{"]
        lines += [f"            {python_string(one.key)}: {one.argument}," for one in required]
        lines.append("        }")
    else:
        lines = [f"        given: {type_} = {{}}"]
    for one in properties:
        if not one.is_required and one.annotation != "None":
            lines += [
                f"        if {one.argument} is not None:",
                f"            given[{python_string(one.key)}] = {one.argument}",
            ]
    if is_open:
        lines += ["        if extra is not None:", "            given.update(extra)"]
    return lines


def _parameter(name: str, annotation: str, is_required: object) -> str:
    return f"{name}: {annotation}" if is_required else f"{name}: {_optional(annotation)} = None"


def _optional(annotation: str) -> str:
    return annotation if annotation == "Any" or "None" in annotation.split(" | ") else f"{annotation} | None"


def _document(
    properties: Sequence[_Property],
    entities: Sequence[_Entity] = (),
    *,
    is_open: bool,
    is_event: bool = False,
) -> Iterator[str]:
    rows = [(one.argument, one.annotation, one.is_required, one.description) for one in properties]
    if is_open:
        rows.append(("extra", "Mapping[str, Any]", False, "Properties that the schema leaves open."))
    rows += [(one.argument, one.name, bool(one.low), f"{one.words().capitalize()}.") for one in entities]
    if is_event:
        rows.append(("context", "Sequence[SelfDescribingJson]", False, "More entities."))
    if not rows:
        return
    yield from ("", "Parameters", "----------")
    for argument, annotation, is_required, description in rows:
        yield f"{argument} : {annotation}{'' if is_required else ', optional'}"
        if description:
            yield f"    {_inline(description)}"


def _docstring(lines: Iterable[str], indent: str = "    ") -> list[str]:
    """Return a docstring's source lines; what authors wrote cannot end it."""
    wrapped: list[str] = []
    for line in lines:
        inner = " " * (len(line) - len(line.lstrip()))
        wrapped += textwrap.wrap(
            line, _WIDTH, subsequent_indent=inner, break_long_words=False, break_on_hyphens=False
        ) or [""]
    escaped = [line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for line in wrapped]
    if len(escaped) == 1 and not escaped[0].endswith('"'):
        return [f'{indent}"""{escaped[0]}"""']
    return [
        f'{indent}"""{escaped[0]}',
        *(f"{indent}{line}".rstrip() for line in escaped[1:]),
        f'{indent}"""',
    ]


def _inline(text: Any) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def _sentence(text: Any, otherwise: str) -> str:
    found = _inline(text or "") or _inline(otherwise)
    return found if found.endswith((".", "!", "?")) else f"{found}."
