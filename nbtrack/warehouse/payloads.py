"""The way back to a tracker's payload: from the parameters of a request, and from the columns of an enriched event.

A payload here is a dict by payload key. JSON fields are decoded: ``ue_pr`` holds the self-describing event and ``co`` the
entities, with their envelopes, whichever form they had; one that cannot be decoded stays as it was sent, under its key.
"""

import json
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from nbtrack.common.field_formats import UUID
from nbtrack.common.payload_json import json_text
from nbtrack.protocol import CONTEXTS, ENRICHED_COLUMNS, EVENT_NAMES, FIELDS, SNOWPLOW_VENDOR, UNSTRUCT_EVENT

Payload = dict[str, Any]
FAILURE = f"iglu:{SNOWPLOW_VENDOR}/failure/jsonschema/"
"""What the URIs of the entities of a failed event begin with."""
_NUID_OF_NOBODY = "00000000-0000-0000-0000-000000000000"
_TYPES = {name: key for key, name in EVENT_NAMES.items()} | {"ad_impression": "ad"}
_PLAIN = {"ue_px": "ue_pr", "cx": "co"}
_ENCODED = {plain: encoded for encoded, plain in _PLAIN.items()}
KEYS_OF_COLUMNS: Mapping[str, str] = {
    spec.column: key
    for key, spec in reversed(list(FIELDS.items()))
    if spec.column and "," not in spec.column and spec.kind not in {"json", "base64_json"} and key != "ti_na"
} | {"network_userid": "tnuid"}
"""The payload key that fills a column of its own."""
_SIZES = {key: spec.column.split(",") for key, spec in FIELDS.items() if spec.column and spec.kind == "size"}
SENT_COLUMNS = frozenset(KEYS_OF_COLUMNS) | {
    "unstruct_event", "contexts", "derived_tstamp", "dvce_sent_tstamp", "collector_tstamp",
    *(name for names in _SIZES.values() for name in names),
}  # fmt: skip
"""Columns that come back, or whose time does."""
_NOT_SENT = {"collector_tstamp", "etl_tstamp", "derived_tstamp", "dvce_sent_tstamp"}


@dataclass(slots=True)
class Origin:
    """What a request said beside its payload, and when it came.

    Parameters
    ----------
    time
        Unix timestamp in milliseconds; None if it is not known.
    ip, useragent, referer, nuid
        Address, user agent, referer and network user id of the request.
    """

    time: int | None = None
    ip: str | None = None
    useragent: str | None = None
    referer: str | None = None
    nuid: str | None = None


@dataclass(slots=True)
class Recovered:
    """A payload that was made anew, what of it cannot come back, and whether its true time is the derived time."""

    payload: Payload
    lost: list[str] = field(default_factory=list)
    derived_time: bool = False


def from_parameters(parameters: Iterable[tuple[str, Any]], origin: Origin, event_id: str) -> Recovered:
    """Return the payload of the parameters of a request.

    Parameters
    ----------
    parameters
        Names and values; the last one of a name counts.
    origin
        The request.
    event_id
        The id of the event, if it came without one.
    """
    payload: Payload = {}
    lost: list[str] = []
    for key, value in dict(parameters).items():
        if value is None:
            continue
        if key not in FIELDS:
            lost.append(key)
            continue
        payload[key] = _to_text(value, flag=FIELDS[key].kind == "flag")
    for encoded, plain in (("ue_px", "ue_pr"), ("ue_pr", "ue_pr"), ("cx", "co"), ("co", "co")):
        text = payload.get(encoded)
        if not isinstance(text, str) or (plain in payload and not isinstance(payload[plain], str)):
            continue
        try:
            document = json.loads(json_text(encoded, text))
        except ValueError:
            continue
        if isinstance(document, dict):
            del payload[encoded]
            payload[plain] = document
    if not UUID.fullmatch(payload.get("eid", "")):
        lost += ["eid"] if "eid" in payload else []
        payload["eid"] = event_id
    _add_origin(payload, origin)
    return Recovered(payload, lost, _set_time(payload, origin))


def from_columns(columns: Mapping[str, Any]) -> Recovered:
    """Return the payload of an enriched event.

    Parameters
    ----------
    columns
        Values by column: strings as in a line of an enriched event, or values of JSON. ``unstruct_event`` and ``contexts`` are
        self-describing JSON.
    """
    present = {name: value for name, value in columns.items() if value is not None and value != ""}
    payload: Payload = {"e": _TYPES.get(str(present.get("event")), str(present.get("event", "")))}
    lost: list[str] = []
    if not payload["e"]:
        del payload["e"]
    for name, value in present.items():
        key = KEYS_OF_COLUMNS.get(name)
        if key is None or key == "e" or name in _NOT_SENT:
            continue
        payload[key] = column_text(name, value)
    for key, names in _SIZES.items():
        pair = [present.get(name) for name in names]
        if None not in pair:
            payload[key] = "x".join(map(_to_text, pair))
        elif pair != [None, None]:
            lost += [name for name in names if name in present]
    for name, key in (("unstruct_event", "ue_pr"), ("contexts", "co")):
        document = read_document(present.get(name))
        if document:
            payload[key] = document
    payload.setdefault("p", "srv")
    payload.setdefault("tv", "unknown")
    derived = read_time(present.get("derived_tstamp")) or read_time(present.get("collector_tstamp"))
    has_time = "ttm" in payload
    if not has_time and derived is not None:
        payload["ttm"] = str(derived)
    return Recovered(payload, lost, not has_time)


def column_text(name: str, value: Any) -> str:
    """Return the value of a column as the string of its payload key."""
    kind = ENRICHED_COLUMNS[name]
    if kind == "timestamp":
        time = read_time(value)
        return str(value) if time is None else str(time)
    if kind == "flag":
        return _to_text(value, flag=True)
    if kind in {"decimal", "number"}:
        try:
            return f"{Decimal(str(value)):f}"
        except InvalidOperation:
            return str(value)
    return _to_text(value)


def read_time(value: Any) -> int | None:
    """Return a time of an event or a bad row, in any of their forms, as a Unix timestamp in milliseconds; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if _FIRST_TIME <= value <= _LAST_TIME else None
    if not isinstance(value, str) or not value:
        return None
    try:
        time = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // _MILLISECOND


_FIRST_TIME, _LAST_TIME = -62_135_596_800_000, 253_402_300_799_999
"""The first and the last millisecond of the years 1 to 9999."""
_MILLISECOND = datetime(1970, 1, 1, 0, 0, 0, 1000) - datetime(1970, 1, 1)  # noqa: DTZ001 - a difference


def read_document(value: Any) -> Any:
    """Return self-describing JSON, given as text or decoded; None if there is none."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return None
    return value or None


def entities_of(payload: Mapping[str, Any]) -> list[Any]:
    """Return the entities of a payload, to be changed in place."""
    document = payload.get("co")
    data = document.get("data") if isinstance(document, dict) else None
    return data if isinstance(data, list) else []


def event_of(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the self-describing event of a payload, schema and data, to be changed in place."""
    document = payload.get("ue_pr")
    data = document.get("data") if isinstance(document, dict) else None
    return data if isinstance(data, dict) else None


def add_event(payload: Payload, document: Any) -> None:
    """Put a self-describing event into a payload."""
    payload["ue_pr"] = {"schema": UNSTRUCT_EVENT, "data": document}


def add_entities(payload: Payload, entities: Sequence[Any]) -> None:
    """Append entities to those of a payload."""
    if entities:
        payload["co"] = {"schema": CONTEXTS, "data": [*entities_of(payload), *entities]}


def encode_payload(payload: Mapping[str, Any], *, base64: bool = True) -> dict[str, str]:
    """Return a payload as a tracker sends it: all values are strings."""
    encoded = {}
    for key, value in payload.items():
        if isinstance(value, str):
            encoded[key] = value
            continue
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if base64 and key in _ENCODED:
            raw = text.encode("utf-8", "surrogatepass")
            encoded[_ENCODED[key]] = urlsafe_b64encode(raw).decode()
        else:
            encoded[key] = text
    return encoded


def make_id(*parts: Any) -> str:
    """Return an event id that is the same for the same parts in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(parts, sort_keys=True, default=str)))


def read_event_ids(known: Any) -> frozenset[str]:
    """Return event ids from a list, a DataFrame, a Series or an Arrow column."""
    if hasattr(known, "columns") and hasattr(known, "__getitem__"):
        known = known["event_id"]
    if hasattr(known, "to_pylist"):
        known = known.to_pylist()
    elif hasattr(known, "to_list"):
        known = known.to_list()
    return frozenset(str(each) for each in known)


def _add_origin(payload: Payload, origin: Origin) -> None:
    """Add what the new request would replace, where the payload does not have it itself."""
    if origin.ip == "unknown" or origin.nuid == _NUID_OF_NOBODY:  # an anonymous event stays so
        return
    for key, value in (("ip", origin.ip), ("ua", origin.useragent), ("url", origin.referer)):
        if value:
            payload.setdefault(key, value)
    if origin.nuid and "nuid" not in payload:
        payload.setdefault("tnuid", origin.nuid)


def _set_time(payload: Payload, origin: Origin) -> bool:
    """Set the true time, so that the new event gets the old one's derived time; return whether it was not there.

    A new request has its own ``stm``.
    """
    sent = payload.pop("stm", None)
    if "ttm" in payload or origin.time is None:
        return False
    try:
        delay = int(sent) - int(payload["dtm"]) if sent is not None else 0
    except (KeyError, ValueError):
        delay = 0
    payload["ttm"] = str(origin.time - max(0, delay))
    return True


def _to_text(value: Any, *, flag: bool = False) -> str:
    if isinstance(value, bool):
        return str(int(value)) if flag else str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = str(value)
    return str(int(text == "true")) if flag and text in {"true", "false"} else text
