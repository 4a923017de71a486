"""Tracking plans for tests: the one of a bookshop, and made-up ones with everything that files of plans may hold."""

import json
import random
import uuid
from pathlib import Path
from typing import Any

SHOP = Path(__file__).parents[1] / "plans" / "shop"
BASKET_ITEM_ADDED = "7a1e9c3b-58f4-4b7f-8a55-1c0f6d2e4b21"
SELF = "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
SPECIFICATION = "iglu:com.snowplowanalytics.snowplow/event_specification/jsonschema/1-0-4"

KEYS = (
    "action", "class", "smtp-id", "context", "data", "from", "aB", "a_b", "a-b", "2nd", "é", "日本", "type", "id", "schema",
    "true_timestamp", "_", "__x", "self", "extra", "match", "x.y", "total value", "eventId", "options", "list", "none", "None",
)  # fmt: skip
WORDS = (
    "Add to Basket",
    "select a plan",
    "Größe geändert",
    "log-in",
    "Object",
    "List",
    "page_view",
    "2 steps",
    "Any",
)


def structure(
    name: str,
    schema: dict[str, Any],
    *,
    kind: str = "event",
    version: str = "1-0-0",
    vendor: str = "com.example",
) -> dict[str, Any]:
    named = {"vendor": vendor, "name": name, "format": "jsonschema", "version": version}
    return {
        "apiVersion": "v1",
        "resourceType": "data-structure",
        "meta": {"hidden": False, "schemaType": kind, "customData": {}},
        "data": {"$schema": SELF, "self": named, "type": "object", **schema},
    }


def product(specifications: list[dict[str, Any]], name: str = "Checkout", **data: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "resourceType": "data-product",
        "resourceName": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "data": {"name": name, "eventSpecifications": specifications, **data},
    }


def specification(
    name: str, source: str | None, entities: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    rule = more.pop("rule", None)
    event = {"source": source} | ({"schema": rule} if rule is not None else {})
    return {
        "resourceName": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {source} {more.pop('salt', '')}")),
        "name": name,
        "entities": {"tracked": entities or [], "enriched": []},
        **({"event": event} if source else {}),
        **more,
    }


def write_plan(folder: Path, resources: list[dict[str, Any]]) -> Path:
    """Write each resource into a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, resource in enumerate(resources):
        (folder / f"{number}.json").write_text(json.dumps(resource), encoding="utf-8")
    return folder


# -- made-up plans


def make_rule(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """Make the schema of a property."""
    kind = chance.choice(
        ["string", "integer", "number", "boolean", "array", "object", "enum", "null", "any", "mixed"]
    )
    if kind == "enum":
        values: list[Any] = chance.sample(
            ["add", "it's", 'a "b"', "back\\slash", "ü", 1, 2, "line\nfeed"], chance.randint(1, 5)
        )
        return {"enum": values + ([None] if chance.random() < 0.3 else [])}
    if kind == "array":
        return {"type": "array"} | ({"items": make_rule(chance, depth + 1)} if depth < 2 else {})
    if kind == "object" and depth < 2:
        return make_schema(chance, depth + 1)
    if kind == "any":
        return {"description": 'Ends in a quote "'}
    if kind == "mixed":
        return {"type": ["string", "null"], "maxLength": 4096}
    return {"type": kind} | ({"maximum": 10, "minimum": 0} if kind in {"integer", "number"} else {})


def make_schema(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """Make the schema of an object."""
    keys = chance.sample(KEYS, chance.randint(1, 6))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key: make_rule(chance, depth) for key in keys},
        "required": [key for key in keys if chance.random() < 0.5],
        "description": chance.choice(["", 'Says """ and \\N', "First line\nSecond line"]),
    }
    if chance.random() < 0.8:
        schema["additionalProperties"] = False
    return (
        schema if schema["required"] else {key: value for key, value in schema.items() if key != "required"}
    )


def make_narrow_rule(chance: random.Random, schema: dict[str, Any]) -> dict[str, Any]:
    """Make a rule that narrows a schema down: it repeats properties, and requires some."""
    keys = chance.sample(sorted(schema["properties"]), chance.randint(1, len(schema["properties"])))
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {key: schema["properties"][key] for key in keys},
        "required": [key for key in keys if chance.random() < 0.5],
    }


def make_plan(seed: int) -> list[dict[str, Any]]:
    """Make the resources of a plan."""
    chance = random.Random(seed)
    entities = {
        f"iglu:com.example/{name}/jsonschema/1-0-0": make_schema(chance) for name in ("book", "event", "any")
    }
    events = {
        f"iglu:com.example/{name}/jsonschema/1-0-0": make_schema(chance)
        for name in ("basket_change", "log-in")
    }
    resources = [
        structure(uri.split("/")[1], schema, kind=kind)
        for kind, schemas in (("entity", entities), ("event", events))
        for uri, schema in schemas.items()
    ]
    for name in ("Checkout", 'Search "all"'):
        specifications = []
        for number in range(chance.randint(1, 4)):
            source, schema = chance.choice(sorted(events.items()))
            attached = []
            for uri in chance.sample(sorted(entities), chance.randint(0, 3)):
                low, high = chance.choice(
                    [(0, 1), (1, 1), (1, 3), (2, None), (None, None), (0, None), (0, 9), (1, 9), (None, 0)]
                )
                one: dict[str, Any] = {"source": uri}
                one |= {} if low is None else {"minCardinality": low}
                one |= {} if high is None else {"maxCardinality": high}
                if chance.random() < 0.5:
                    one["schema"] = make_narrow_rule(chance, entities[uri])
                attached.append(one)
            rule = make_narrow_rule(chance, schema) if chance.random() < 0.7 else None
            specifications.append(
                specification(
                    chance.choice(WORDS),
                    source,
                    attached,
                    rule=rule,
                    salt=f"{name}{number}",
                    description='So """ it is',
                )
            )
        resources.append(product(specifications, name))
    return resources
