"""Enrichment: the columns of `atomic.events` that a pipeline would fill from an event."""

import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from nbtrack.collector.events.adapters import Request
from nbtrack.collector.events.field_rules import RULES
from nbtrack.collector.events.validation import ATOMIC_SCHEMAS, EVENT_TYPES
from nbtrack.common.payload_json import read_json
from nbtrack.protocol import FIELDS
from nbtrack.schemas import parse_uri

V_COLLECTOR = "nbtrack-collector"
_ORDER = """
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization
ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath
page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign
contexts se_category se_action se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total
tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type
br_renderengine br_lang br_features_pdf br_features_flash br_features_java br_features_director
br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears
br_features_silverlight br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer
os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height
tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone
mkt_clickid mkt_network etl_tags dvce_sent_tstamp refr_domain_userid refr_dvce_tstamp derived_contexts
domain_sessionid derived_tstamp event_vendor event_name event_format event_version event_fingerprint
true_tstamp
"""
COLUMNS = tuple(_ORDER.split())
"""The 131 columns of an enriched event, in their order."""
TIMESTAMPS = frozenset(name for name in COLUMNS if name.endswith("_tstamp"))
MARKETING = {
    "utm_medium": "mkt_medium",
    "utm_source": "mkt_source",
    "utm_term": "mkt_term",
    "utm_content": "mkt_content",
    "utm_campaign": "mkt_campaign",
}
URLS = (("page_url", "page_url"), ("page_referrer", "refr_url"))


def enrich(payload: Mapping[str, str], request: Request, row: int = 0) -> dict[str, Any]:
    """Return the columns that an event fills, without those that it leaves empty.

    Timestamps are Unix timestamps in milliseconds. ``contexts`` and ``unstruct_event`` are self-describing JSON. Text
    that a column cannot hold is left out, so that a failed event can be shown too.

    Parameters
    ----------
    payload : mapping of str to str
    request : Request
        The one that the event came in.
    row : int
        The event's number in its database: an event that came without an id gets one made of it, always the same.
    """
    event: dict[str, Any] = {
        "collector_tstamp": request.time,
        "etl_tstamp": request.time,
        "v_collector": V_COLLECTOR,
        "v_etl": V_COLLECTOR,
        "user_ipaddress": request.ip,
        "network_userid": request.nuid,
        "useragent": request.useragent,
    }
    if request.referer:
        event["page_url"] = request.referer
    for key, text in payload.items():
        spec = FIELDS.get(key)
        if spec is None or spec.column is None or not text:
            continue
        text_format = RULES[key].format if key in RULES else None
        if text_format is not None and not text_format.matches(text):
            continue
        try:
            if spec.kind == "size":
                event.update(zip(spec.column.split(","), map(int, text.split("x")), strict=True))
            else:
                event[spec.column] = _convert(key, spec.kind, text)
        except ValueError:
            continue
    event["event"] = EVENT_TYPES.get(payload.get("e", ""))
    event.setdefault("event_id", str(uuid.uuid5(uuid.NAMESPACE_OID, f"{request.time}/{row}")))
    _derive_time(event)
    _split_urls(event)
    _name_event(event, payload.get("e", ""))
    return {name: value for name, value in event.items() if value is not None}


def _convert(key: str, kind: str, text: str) -> Any:
    if kind in {"integer", "timestamp"}:
        return int(text)
    if kind == "number":
        return float(text)
    if kind == "flag":
        return text == "1"
    if kind in {"json", "base64_json"}:
        return read_json(key, text)
    return text


def _derive_time(event: dict[str, Any]) -> None:
    """Correct the device's clock by its error when the event was sent."""
    derived = event["collector_tstamp"]
    sent, created = event.get("dvce_sent_tstamp"), event.get("dvce_created_tstamp")
    if event.get("true_tstamp") is not None:
        derived = event["true_tstamp"]
    elif sent is not None and created is not None:
        derived -= sent - created
    event["derived_tstamp"] = derived


def _split_urls(event: dict[str, Any]) -> None:
    for column, prefix in URLS:
        try:
            url = urlsplit(event.get(column) or "")
            port = url.port
        except ValueError:
            continue
        if not url.scheme:
            continue
        default = {"http": 80, "https": 443}.get(url.scheme)
        event |= {
            f"{prefix}scheme": url.scheme,
            f"{prefix}host": url.hostname,
            f"{prefix}port": port or default,
            f"{prefix}path": url.path or None,
            f"{prefix}query": url.query or None,
            f"{prefix}fragment": url.fragment or None,
        }
        if prefix == "page_url":
            _add_campaign(event, url.query)


def _add_campaign(event: dict[str, Any], query: str) -> None:
    for name, value in parse_qsl(query):
        if name in MARKETING:
            event[MARKETING[name]] = value


def _name_event(event: dict[str, Any], event_type: str) -> None:
    uri = ATOMIC_SCHEMAS.get(event_type)
    envelope = event.get("unstruct_event")
    if event_type == "ue" and isinstance(envelope, dict) and isinstance(envelope.get("data"), dict):
        uri = envelope["data"].get("schema")
    try:
        key = parse_uri(uri or "")
    except ValueError:
        return
    event |= {
        "event_vendor": key.vendor,
        "event_name": key.name,
        "event_format": key.format,
        "event_version": key.version,
    }


def column_of(uri: str, prefix: str) -> str:
    """Return the name of a schema's column, as Snowplow's analytics SDK has it.

    Examples
    --------
    >>> column_of("iglu:com.acme/linkClick/jsonschema/2-0-1", "unstruct_event")
    'unstruct_event_com_acme_link_click_2'
    """
    key = parse_uri(uri)
    vendor = re.sub(r"[.-]", "_", key.vendor).lower()
    name = re.sub(r"([^A-Z_])([A-Z])", r"\1_\2", re.sub(r"[.-]", "_", key.name)).lower()
    return f"{prefix}_{vendor}_{name}_{key.version.partition('-')[0]}"


def flatten(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the analytics SDK's form: a column for the event's own data, and one for each kind of entity."""
    result = dict(event)
    envelope = result.pop("unstruct_event", None)
    if envelope:
        document = envelope["data"]
        result[column_of(document["schema"], "unstruct_event")] = document["data"]
    for name in ("contexts", "derived_contexts"):
        entities = result.pop(name, None)
        for entity in entities["data"] if entities else ():
            result.setdefault(column_of(entity["schema"], "contexts"), []).append(entity["data"])
    return result
