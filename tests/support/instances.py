"""Instances of schemas: valid ones, and mutations of them."""

import copy
import re
import uuid

TEXTS = ["", "a", "x" * 16, "x" * 17, "x" * 2049, "iglu:com.acme/a/jsonschema/1-0-0", "2020-01-01T00:00:00Z",
         "2020-01-01", "http://acme.com", "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1", "3F8E0A4C-5B55-4F25-A4C5-4A2FB0A6F0A1",
         "3f8e0a4c5b554f25", "null"]  # fmt: skip
VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    2**31 - 1,
    2**31,
    2**63,
    100,
    101,
    1001,
    *TEXTS,
    [],
    [""],
    [None],
    {},
    {"a": 1},
]


def sample(schema, rng, root, depth=0):  # noqa: PLR0911 - a case for each type
    """Return an instance that is probably valid."""
    if "$ref" in schema:
        node = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node.get(part, {})
        return sample(node, rng, root, depth + 1) if depth < 6 else {}
    for name in ("oneOf", "anyOf"):
        if name in schema:
            schema = {**schema, **rng.choice(schema[name])}
    for inner in schema.get("allOf", ()):
        schema = {**schema, **inner}
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = kinds if isinstance(kinds, str) else rng.choice(kinds)
    if kind == "object":
        properties, required = schema.get("properties", {}), set(schema.get("required", ()))
        return {
            name: sample(inner, rng, root, depth + 1)
            for name, inner in properties.items()
            if name in required or rng.random() < 0.4
        }
    if kind == "array":
        return [sample(schema.get("items", {}), rng, root, depth + 1) for _ in range(rng.randint(1, 2))]
    if kind in ("integer", "number"):
        low, high = max(schema.get("minimum", -1000), -(10**6)), min(schema.get("maximum", 1000), 10**6)
        return rng.randint(int(low), int(high))
    if kind == "string":
        form = schema.get("format", "")
        known = {"uuid": str(uuid.UUID(int=rng.getrandbits(128))), "date-time": "2020-01-01T00:00:00.000Z",
                 "uri": "http://acme.com/a", "date": "2020-01-01", "ipv4": "10.0.0.1", "email": "a@b.cc"}  # fmt: skip
        if form in known:
            return known[form]
        if "pattern" in schema:
            fits = [text for text in (*TEXTS, "1-0-0", "10x10") if re.search(schema["pattern"], text)]
            return rng.choice(fits or ["a"])
        return "x" * min(rng.randint(schema.get("minLength", 0) or 1, 20), schema.get("maxLength", 20))
    return {"boolean": True, "null": None}[kind]


def places(value, path=()):
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from places(child, (*path, key))


def mutate(value, rng, names):
    """Return a copy with one value changed, added or removed."""
    value = copy.deepcopy(value)
    path = rng.choice(list(places(value)))
    if not path:
        if isinstance(value, dict) and rng.random() < 0.8:
            value[rng.choice([*names, "unknown"])] = rng.choice(VALUES)
            return value
        return rng.choice(VALUES)
    node = value
    for key in path[:-1]:
        node = node[key]
    act = rng.random()
    if act < 0.25:
        del node[path[-1]]
    else:
        old = node[path[-1]]
        longer = [old + "x" * n for n in (1, 20, 300, 5000, 70000)] if isinstance(old, str) else []
        nearby = (
            [old + 1, -old, old * 10**6, old + 0.5]
            if isinstance(old, int) and not isinstance(old, bool)
            else []
        )
        node[path[-1]] = rng.choice([*VALUES, *longer, *nearby])
    return value
