"""Events in the JSON of the analytics SDKs, with a column for each schema, or with the three original columns."""

from collections.abc import Mapping
from typing import Any

from nbtrack.collector.events.enrichment import column_of
from nbtrack.protocol import CONTEXTS, ENRICHED_COLUMNS, SNOWPLOW_VENDOR, UNSTRUCT_EVENT
from nbtrack.schemas import Registry
from nbtrack.warehouse.payloads import FAILURE

ALIASES = {"refr_device_tstamp": "refr_dvce_tstamp"}
"""Names of columns that some SDKs spell in another way."""
_FAILURES = f"contexts_{SNOWPLOW_VENDOR.replace('.', '_')}_failure_1"


def entity_schemas(registry: Registry) -> dict[str, str]:
    """Return the schemas of entities by the names of their columns: URIs without the version."""
    found = {}
    for uri in registry.uris():
        found[column_of(uri, "contexts")] = uri.rpartition("/")[0]
    return found


def read_sdk_json(
    document: Mapping[str, Any], schemas: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the columns of an event, and the names of those that cannot be read.

    What is in columns of schemas becomes self-describing JSON; the name of an entity's column does not say where its vendor
    ends, so that its schema must be known.

    Parameters
    ----------
    document
        The event, of the form of any SDK.
    schemas
        Known schemas of entities, as `entity_schemas` returns them.
    """
    columns = {ALIASES.get(name, name): value for name, value in document.items()}
    # the SDK for Python keeps the hyphens of a vendor
    named = {name.replace("-", "_"): value for name, value in columns.items() if name not in ENRICHED_COLUMNS}
    known = {
        name: value for name, value in columns.items() if name in ENRICHED_COLUMNS and value not in (None, {})
    }
    failures = named.pop(_FAILURES, None) or []
    if failures:
        entities = [
            {
                "schema": f"{FAILURE}{entity.get('_schema_version', '1-0-0')}",
                "data": {_camel(name): value for name, value in entity.items() if name != "_schema_version"},
            }
            for entity in failures
        ]
        known["derived_contexts"] = {"schema": CONTEXTS, "data": entities}
    event = next(
        (value for name, value in named.items() if name.startswith("unstruct_event_") and value), None
    )
    names = (columns.get("event_vendor"), columns.get("event_name"))
    if event is not None and "unstruct_event" not in known and None not in names:
        version = columns.get("event_version") or "1-0-0"
        uri = f"iglu:{names[0]}/{names[1]}/jsonschema/{version}"
        known["unstruct_event"] = {"schema": UNSTRUCT_EVENT, "data": {"schema": uri, "data": event}}
    entities, lost = [], []
    for name, values in named.items():
        if not name.startswith("contexts_") or not values:
            continue
        if name not in schemas:
            lost.append(name)
            continue
        model = name.rpartition("_")[2]
        for value in values if isinstance(values, list) else [values]:
            data = {key: item for key, item in value.items() if key != "_schema_version"}
            version = value.get("_schema_version", f"{model}-0-0")
            entities.append({"schema": f"{schemas[name]}/{version}", "data": data})
    if entities and "contexts" not in known:
        known["contexts"] = {"schema": CONTEXTS, "data": entities}
    return known, lost


def _camel(name: str) -> str:
    """Return the name of a property as the schema has it: tables write it with underscores."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
