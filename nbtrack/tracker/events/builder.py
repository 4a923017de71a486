"""Event classes generated from schemas: named, typed, documented arguments in place of a dict."""

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbtrack.plans.naming import argument_names, class_name
from nbtrack.template import columns_of
from nbtrack.tracker import contracts
from nbtrack.tracker.events.base import Common
from nbtrack.tracker.events.core import SelfDescribing
from nbtrack.tracker.events.entity import SelfDescribingJson
from nbtrack.tracker.events.fields import DataField
from nbtrack.values import jsonable

if TYPE_CHECKING:
    from nbtrack.schemas import Registry

_TYPES: Mapping[str, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_COMMON = tuple(Common.__annotations__)


def event_class(uri: str, registry: "Registry | None" = None) -> type[Any]:
    """Create an event class from a schema.

    Parameters
    ----------
    uri : str
        The schema's Iglu URI.
    registry : nbtrack.schemas.Registry, optional
        Where schemas are; by default the built-in ones.

    Returns
    -------
    type
        A subclass of `SelfDescribing` whose arguments, all by keyword, are the schema's properties in snake case
        and those of every event, named as `nbtrack generate` names them: one with the name of one of Python's own
        words, or of an argument that every event has, ends in ``_``. An optional property that is None is left out.
        Creating an event validates it (ValueError), unless contracts are disabled or it is a template.

    Raises
    ------
    nbtrack.schemas.SchemaNotFound
        If there is no such schema.
    ValueError
        If the schema does not describe an object with properties.

    Examples
    --------
    >>> Timing = event_class("iglu:com.snowplowanalytics.snowplow/timing/jsonschema/1-0-0")
    >>> Timing(category="query", variable="load", timing=412).event_json.data
    {'category': 'query', 'variable': 'load', 'timing': 412}
    """
    if registry is None:
        from nbtrack.schemas import Registry  # noqa: PLC0415 - heavy, and only for schemas

        registry = Registry()
    contracts.offers(registry, "faults", "registry", "a Registry, such as Registry(['schemas'])")
    schema = registry.find(uri)
    properties = schema.get("properties")
    if not properties:
        raise ValueError(f"{uri} has no properties to make arguments of")
    names = argument_names(properties)
    keys = {names[key]: key for key in properties}
    required = set(schema.get("required", ()))
    signature = _signature(keys, properties, required)

    def __init__(self: SelfDescribing, *args: Any, **named: Any) -> None:  # noqa: N807 - becomes the class's own
        try:
            values = signature.bind(*args, **named).arguments
        except TypeError as error:
            wanted = ", ".join(sorted(keys, key=lambda name: keys[name] not in required))
            raise TypeError(f"{type(self).__name__}: {error}; it takes {wanted}") from None
        common = {name: values.pop(name) for name in _COMMON if name in values}
        data = {
            keys[name]: value for name, value in values.items() if value is not None or keys[name] in required
        }
        SelfDescribing.__init__(self, SelfDescribingJson(uri, data), **common)
        if contracts.contracts_enabled() and not columns_of(data):
            faults = registry.faults(uri, jsonable(data))
            if faults:
                raise ValueError(f"{type(self).__name__}: " + "; ".join(map(str, faults)))

    name = class_name(schema["self"]["name"])
    members: dict[str, Any] = {argument: DataField[Any](key) for argument, key in keys.items()}
    members |= {
        "__init__": __init__,
        "__doc__": _documentation(uri, schema, keys, required),
        "__signature__": signature,
        "__annotations__": {n: p.annotation for n, p in signature.parameters.items() if n in keys},
        "__module__": __name__,
    }
    return type(name, (SelfDescribing,), members)


def _signature(
    keys: Mapping[str, str], properties: Mapping[str, Any], required: set[str]
) -> inspect.Signature:
    named = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(
            argument,
            named,
            default=inspect.Parameter.empty if key in required else None,
            annotation=_type(properties[key], optional=key not in required),
        )
        for argument, key in sorted(keys.items(), key=lambda pair: pair[1] not in required)
    ]
    parameters += [inspect.Parameter(name, named, default=None, annotation=Any) for name in _COMMON]
    return inspect.Signature(parameters)


def _type(rule: Mapping[str, Any], *, optional: bool) -> Any:
    kinds = rule.get("type", ())
    types = [_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind in _TYPES]
    if not types:
        return Any
    union: Any = types[0]
    for other in types[1:]:
        union = union | other
    return union | None if optional else union


def _documentation(uri: str, schema: Mapping[str, Any], keys: Mapping[str, str], required: set[str]) -> str:
    lines = [schema.get("description", uri), "", f"Schema: {uri}", "", "Parameters", "----------"]
    for argument, key in keys.items():
        kinds = schema["properties"][key].get("type", "any")
        kind = " or ".join(kinds) if isinstance(kinds, list) else kinds
        lines.append(f"{argument} : {kind}" + ("" if key in required else ", optional"))
        if description := schema["properties"][key].get("description"):
            lines.append(f"    {description}")
    return "\n".join(lines)
