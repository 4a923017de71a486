"""The Snowplow tracker protocol as one table.

Everything that knows a payload key learns it here: the tracker's setters and events, the collector's checks, the
encoder of a backfill and the documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = [
    "CONTEXTS",
    "ENRICHED_COLUMNS",
    "EVENT_NAMES",
    "FIELDS",
    "GET_PATH",
    "IGLU_URI",
    "OWN_VENDOR",
    "PAYLOAD_DATA",
    "PLATFORMS",
    "POST_PATH",
    "SNOWPLOW_VENDOR",
    "UNSTRUCT_EVENT",
    "ColumnType",
    "Field",
    "Kind",
    "iglu",
]

Kind = Literal[
    "string", "integer", "number", "uuid", "timestamp", "flag", "size", "uri", "json", "base64_json", "enum"
]
"""What the text of a key must hold; see `Field`."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a payload.

    Attributes
    ----------
    key : str
        Its name in the payload.
    column : str or None
        The column of ``atomic.events`` that it fills, two with a comma for a size; None where nobody reads it.
    kind : Kind
        What its text must hold. A timestamp is whole milliseconds since 1970, a size is ``WIDTHxHEIGHT`` in
        pixels, a flag is ``0`` or ``1``.
    max_length : int or None
        The column's length in characters; None where it has none.
    events : tuple of str
        The values of ``e`` of the events that carry it; empty for every event.
    meaning : str
        What it says.

    Examples
    --------
    >>> FIELDS["se_ca"].column, FIELDS["se_ca"].max_length, FIELDS["se_ca"].events
    ('se_category', 1000, ('se',))
    """

    key: str
    column: str | None
    kind: Kind
    max_length: int | None
    events: tuple[str, ...]
    meaning: str


_FIELDS = (
    Field("tna", "name_tracker", "string", 128, (), "namespace of the tracker"),
    Field("aid", "app_id", "string", 255, (), "application"),
    Field("p", "platform", "enum", 255, (), "platform the event happened on"),
    Field(
        "dtm", "dvce_created_tstamp", "timestamp", None, (), "when the event was made, by the device's clock"
    ),
    Field("tz", "os_timezone", "string", 255, (), "time zone of the device"),
    Field("e", "event", "enum", 128, (), "type of the event"),
    Field("tid", "txn_id", "integer", None, (), "transaction number, no longer used"),
    Field("eid", "event_id", "uuid", 36, (), "identity of the event"),
    Field("tv", "v_tracker", "string", 100, (), "tracker and its version"),
    Field("duid", "domain_userid", "string", 128, (), "first-party user"),
    Field("nuid", "network_userid", "string", 128, (), "third-party user"),
    Field("uid", "user_id", "string", 255, (), "user, as the business knows them"),
    Field("vid", "domain_sessionidx", "integer", None, (), "how many sessions the first-party user has had"),
    Field("ip", "user_ipaddress", "string", 128, (), "address of the user, in place of the request's"),
    Field("res", "dvce_screenwidth,dvce_screenheight", "size", None, (), "screen, in pixels"),
    Field("url", "page_url", "uri", 4096, (), "address of the page"),
    Field("page", "page_title", "string", 2000, (), "title of the page"),
    Field("refr", "page_referrer", "uri", 4096, (), "address of the page before"),
    Field("fp", "user_fingerprint", "string", 128, (), "fingerprint of the browser, no longer used"),
    Field("ctype", None, "string", None, (), "connection type, read by nobody"),
    Field("cookie", "br_cookies", "flag", None, (), "whether the browser takes cookies"),
    Field("lang", "br_lang", "string", 255, (), "language of the browser"),
    Field("f_pdf", "br_features_pdf", "flag", None, (), "whether the browser shows PDF"),
    Field("f_qt", "br_features_quicktime", "flag", None, (), "whether it has QuickTime"),
    Field("f_realp", "br_features_realplayer", "flag", None, (), "whether it has RealPlayer"),
    Field("f_wma", "br_features_windowsmedia", "flag", None, (), "whether it has Windows Media"),
    Field("f_dir", "br_features_director", "flag", None, (), "whether it has Director"),
    Field("f_fla", "br_features_flash", "flag", None, (), "whether it has Flash"),
    Field("f_java", "br_features_java", "flag", None, (), "whether it has Java"),
    Field("f_gears", "br_features_gears", "flag", None, (), "whether it has Gears"),
    Field("f_ag", "br_features_silverlight", "flag", None, (), "whether it has Silverlight"),
    Field("cd", "br_colordepth", "string", 12, (), "colour depth, in bits"),
    Field("ds", "doc_width,doc_height", "size", None, (), "document, in pixels"),
    Field("cs", "doc_charset", "string", 128, (), "character set of the document"),
    Field("vp", "br_viewwidth,br_viewheight", "size", None, (), "viewport, in pixels"),
    Field("mac", None, "string", None, (), "hardware address, read by nobody"),
    Field("pp_mix", "pp_xoffset_min", "integer", None, ("pp",), "least x offset since the last ping"),
    Field("pp_max", "pp_xoffset_max", "integer", None, ("pp",), "greatest x offset since the last ping"),
    Field("pp_miy", "pp_yoffset_min", "integer", None, ("pp",), "least y offset since the last ping"),
    Field("pp_may", "pp_yoffset_max", "integer", None, ("pp",), "greatest y offset since the last ping"),
    Field("ad_ba", None, "string", None, ("ad",), "banner, of the retired ad event"),
    Field("ad_ca", None, "string", None, ("ad",), "campaign, of the retired ad event"),
    Field("ad_ad", None, "string", None, ("ad",), "advertiser, of the retired ad event"),
    Field("ad_uid", None, "string", None, ("ad",), "user, of the retired ad event"),
    Field("tr_id", "tr_orderid", "string", 255, ("tr",), "order"),
    Field("tr_af", "tr_affiliation", "string", 255, ("tr",), "shop or branch"),
    Field("tr_tt", "tr_total", "number", None, ("tr",), "total value"),
    Field("tr_tx", "tr_tax", "number", None, ("tr",), "tax"),
    Field("tr_sh", "tr_shipping", "number", None, ("tr",), "shipping"),
    Field("tr_ci", "tr_city", "string", 255, ("tr",), "city"),
    Field("tr_st", "tr_state", "string", 255, ("tr",), "state"),
    Field("tr_co", "tr_country", "string", 255, ("tr",), "country"),
    Field("tr_cu", "tr_currency", "string", 3, ("tr",), "currency, ISO 4217"),
    Field("ti_id", "ti_orderid", "string", 255, ("ti",), "order the item belongs to"),
    Field("ti_sk", "ti_sku", "string", 255, ("ti",), "stock keeping unit"),
    Field("ti_nm", "ti_name", "string", 255, ("ti",), "name"),
    Field("ti_na", "ti_name", "string", 255, ("ti",), "name, as older trackers spell it"),
    Field("ti_ca", "ti_category", "string", 255, ("ti",), "category"),
    Field("ti_pr", "ti_price", "number", None, ("ti",), "price of one"),
    Field("ti_qu", "ti_quantity", "integer", None, ("ti",), "how many"),
    Field("ti_cu", "ti_currency", "string", 3, ("ti",), "currency, ISO 4217"),
    Field("sa", None, "string", None, (), "retired"),
    Field("sn", None, "string", None, (), "retired"),
    Field("st", None, "string", None, (), "retired"),
    Field("sp", None, "string", None, (), "retired"),
    Field("se_ca", "se_category", "string", 1000, ("se",), "category"),
    Field("se_ac", "se_action", "string", 1000, ("se",), "action"),
    Field("se_la", "se_label", "string", 4096, ("se",), "label"),
    Field("se_pr", "se_property", "string", 1000, ("se",), "property"),
    Field("se_va", "se_value", "number", None, ("se",), "value"),
    Field("ue_na", None, "string", None, ("ue",), "name of the retired unstructured event"),
    Field("ue_pr", "unstruct_event", "json", None, ("ue",), "self-describing event"),
    Field("ue_px", "unstruct_event", "base64_json", None, ("ue",), "self-describing event, base64"),
    Field("co", "contexts", "json", None, (), "entities"),
    Field("cx", "contexts", "base64_json", None, (), "entities, base64"),
    Field("ua", "useragent", "string", 1000, (), "user agent, in place of the request's"),
    Field("tnuid", "network_userid", "string", 128, (), "third-party user, from the tracker"),
    Field("stm", "dvce_sent_tstamp", "timestamp", None, (), "when the event was sent, by the device's clock"),
    Field("sid", "domain_sessionid", "uuid", 128, (), "session of the first-party user"),
    Field("ttm", "true_tstamp", "timestamp", None, (), "when the event really happened"),
)
FIELDS: Mapping[str, Field] = MappingProxyType({field.key: field for field in _FIELDS})
"""Every key of a payload, in the order of ``payload_data/1-0-4``, which accepts these and no other."""

EVENT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "pv": "page_view",
        "pp": "page_ping",
        "se": "struct",
        "ue": "unstruct",
        "tr": "transaction",
        "ti": "transaction_item",
    }
)
"""Names of the types of events, by the value of ``e``."""
PLATFORMS = frozenset({"web", "mob", "pc", "srv", "app", "tv", "cnsl", "iot", "headset"})
"""What ``p`` may hold."""

ColumnType = Literal["string", "integer", "flag", "number", "decimal", "timestamp", "uuid", "json"]
"""What a column of an enriched event holds."""
_ORDER = """
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker
v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx
network_userid geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name
ip_isp ip_organization ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme
page_urlhost page_urlport page_urlpath page_urlquery page_urlfragment refr_urlscheme refr_urlhost
refr_urlport refr_urlpath refr_urlquery refr_urlfragment refr_medium refr_source refr_term mkt_medium
mkt_source mkt_term mkt_content mkt_campaign contexts se_category se_action se_label se_property se_value
unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country
ti_orderid ti_sku ti_name ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min
pp_yoffset_max useragent br_name br_family br_version br_type br_renderengine br_lang br_features_pdf
br_features_flash br_features_java br_features_director br_features_quicktime br_features_realplayer
br_features_windowsmedia br_features_gears br_features_silverlight br_cookies br_colordepth br_viewwidth
br_viewheight os_name os_family os_manufacturer os_timezone dvce_type dvce_ismobile dvce_screenwidth
dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base tr_tax_base tr_shipping_base
ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network etl_tags dvce_sent_tstamp
refr_domain_userid refr_dvce_tstamp derived_contexts domain_sessionid derived_tstamp event_vendor
event_name event_format event_version event_fingerprint true_tstamp
"""
_COLUMN_TYPES: Mapping[ColumnType, str] = {
    "integer": """
        txn_id domain_sessionidx page_urlport refr_urlport pp_xoffset_min pp_xoffset_max pp_yoffset_min
        pp_yoffset_max ti_quantity br_viewwidth br_viewheight dvce_screenwidth dvce_screenheight doc_width
        doc_height
    """,
    "flag": """
        br_features_pdf br_features_flash br_features_java br_features_director br_features_quicktime
        br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight br_cookies
        dvce_ismobile
    """,
    "number": "geo_latitude geo_longitude",
    "decimal": """
        se_value tr_total tr_tax tr_shipping ti_price tr_total_base tr_tax_base tr_shipping_base ti_price_base
    """,
    "uuid": "event_id domain_sessionid",
    "json": "contexts unstruct_event derived_contexts",
}


def _type_of(column: str) -> ColumnType:
    if column.endswith("_tstamp"):
        return "timestamp"
    types = (type_ for type_, names in _COLUMN_TYPES.items() if column in names.split())
    return next(types, "string")


ENRICHED_COLUMNS: Mapping[str, ColumnType] = MappingProxyType(
    {name: _type_of(name) for name in _ORDER.split()}
)
"""The 131 columns of an enriched event with their types, in the order of its lines."""

POST_PATH = "/com.snowplowanalytics.snowplow/tp2"
"""Where a collector takes events by POST."""
GET_PATH = "/i"
"""Where a collector takes an event by GET."""
OWN_VENDOR = "io.github.nbtrack"
"""Vendor of nbtrack's own schemas."""
SNOWPLOW_VENDOR = "com.snowplowanalytics.snowplow"
"""Vendor of most schemas of Snowplow."""
IGLU_URI = re.compile(
    r"iglu:(?P<vendor>[a-zA-Z0-9_.-]+)/(?P<name>[a-zA-Z0-9_-]+)/(?P<format>[a-zA-Z0-9_-]+)/"
    r"(?P<version>[1-9][0-9]*-(?:0|[1-9][0-9]*)-(?:0|[1-9][0-9]*))"
)
"""What a schema's URI looks like: vendor, name, format and the three parts of a SchemaVer."""


def iglu(vendor: str, name: str, version: str = "1-0-0") -> str:
    """Return the URI of a JSON Schema in Iglu.

    Parameters
    ----------
    vendor : str
        Who made the schema, a reversed domain.
    name : str
        The schema's name.
    version : str, default "1-0-0"
        Its SchemaVer: model, revision and addition.

    Returns
    -------
    str
        The URI.

    Examples
    --------
    >>> iglu("com.acme", "purchase")
    'iglu:com.acme/purchase/jsonschema/1-0-0'
    """
    return f"iglu:{vendor}/{name}/jsonschema/{version}"


PAYLOAD_DATA = iglu(SNOWPLOW_VENDOR, "payload_data", "1-0-4")
"""Schema of a POST's body."""
CONTEXTS = iglu(SNOWPLOW_VENDOR, "contexts", "1-0-1")
"""Schema of the list of an event's entities, in ``cx`` and ``co``."""
UNSTRUCT_EVENT = iglu(SNOWPLOW_VENDOR, "unstruct_event")
"""Schema around a self-describing event's data, in ``ue_px`` and ``ue_pr``."""
