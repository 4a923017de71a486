"""Enrichment: the columns of `atomic.events` that a pipeline would fill, for many events at a time."""

import contextlib
import functools
import math
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol
from urllib.parse import SplitResult, parse_qs, urlsplit

from nbtrack.collector.events.adapters import Parameters, Request
from nbtrack.collector.events.validation import ATOMIC_SCHEMAS, NO_ENTITIES, schema_named_by, split_many
from nbtrack.common.field_formats import RULES
from nbtrack.common.payload_json import read_json, read_many
from nbtrack.plans.checks import VALIDATION_SCHEMA, names_specification
from nbtrack.protocol import CONTEXTS, ENRICHED_COLUMNS, EVENT_NAMES, FIELDS, UNSTRUCT_EVENT
from nbtrack.schemas import SchemaKey, parse_uri

V_COLLECTOR = "nbtrack-collector"
COLUMNS = tuple(ENRICHED_COLUMNS)
"""The 131 columns of an enriched event, in their order."""
TIMESTAMPS = frozenset(name for name, type_ in ENRICHED_COLUMNS.items() if type_ == "timestamp")
JSON_COLUMNS = ("unstruct_event", "contexts", "derived_contexts")
"""Columns of self-describing JSON."""
CAMPAIGN_PARAMETERS = {
    "utm_medium": "mkt_medium",
    "utm_source": "mkt_source",
    "utm_term": "mkt_term",
    "utm_content": "mkt_content",
    "utm_campaign": "mkt_campaign",
}
CLICK_IDS = {"gclid": "Google", "msclkid": "Microsoft", "dclid": "DoubleClick"}
"""Networks by the parameter that holds their click id."""
CAMPAIGN_TAG = "campaign_attribution"
"""Value of `etl_tags` for events whose campaign was attributed."""
URL_PARTS = ("scheme", "host", "port", "path", "query", "fragment")
NAME_PARTS = ("event_vendor", "event_name", "event_format", "event_version")
KEYS_BY_COLUMN: Mapping[str, tuple[str, ...]] = {
    "network_userid": ("tnuid", "nuid"),
    "ti_name": ("ti_nm", "ti_na"),
}
"""Payload keys that fill one column: the first of them that is there counts."""
MANY_DISTINCT = 0.5
"""Share of distinct strings above which each string is checked by itself."""
USUAL_DIGITS = 15
"""A timestamp with fewer digits is before the year 5138."""
EVENT_ID_NAMESPACE = uuid.NAMESPACE_OID

Columns = dict[str, list[Any]]
"""Values by column, each list as long as the events."""


class Enrichable(Protocol):
    """What an event's columns are made of, such as a stored event."""

    @property
    def payload(self) -> Parameters | None:
        """What the tracker sent."""

    @property
    def request(self) -> Request:
        """The request that it came in."""

    @property
    def findings(self) -> Sequence[Mapping[str, str]]:
        """What does not match its specification in a tracking plan."""

    @property
    def id(self) -> int:
        """Its number in its database: an event that came without an id gets one made of it, always the same."""


class Source(NamedTuple):
    """What an event's columns are made of, for an event that is not stored yet."""

    payload: Parameters | None
    request: Request
    id: int = 0
    findings: Sequence[Mapping[str, str]] = ()


def enrich(source: Enrichable) -> dict[str, Any]:
    """Return the columns that one event fills, without those that it leaves empty; see `enrich_all`."""
    columns = enrich_all([source])
    return {name: values[0] for name, values in columns.items() if values[0] is not None}


def enrich_all(sources: Sequence[Enrichable], wanted: frozenset[str] | None = None) -> Columns:
    """Return the columns that events fill; None where an event leaves one empty.

    Timestamps are Unix timestamps in milliseconds. ``contexts`` and ``unstruct_event`` are self-describing JSON. Text
    that a column cannot hold is left out, so that a failed event can be shown too.

    Parameters
    ----------
    sources : sequence of Enrichable
    wanted : frozenset of str, optional
        Only these columns; by default every column that some event fills.
    """
    enricher = _Enricher(sources, wanted)
    return enricher.columns()


class _Enricher:
    def __init__(self, sources: Sequence[Enrichable], wanted: frozenset[str] | None) -> None:
        self._payloads = [source.payload or {} for source in sources]
        self._sources = sources
        self._wanted = wanted
        self._keys = set().union(*self._payloads)
        self._texts: dict[str, list[str | None]] = {}
        self._made: Columns = {}

    def columns(self) -> Columns:
        makers: list[tuple[Sequence[str], Callable[[], None]]] = [
            (("collector_tstamp", "etl_tstamp", "v_collector", "v_etl"), self._add_collector),
            (("user_ipaddress", "network_userid", "useragent"), self._add_request),
            (("page_url", *(f"page_url{part}" for part in URL_PARTS)), self._add_page),
            (("refr_domain_userid", "refr_dvce_tstamp"), self._add_cross_domain),
            ((*CAMPAIGN_PARAMETERS.values(), "mkt_clickid", "mkt_network", "etl_tags"), self._add_campaign),
            (tuple(f"refr_url{part}" for part in URL_PARTS), self._add_referrer),
            (("event", "event_id", "domain_sessionid"), self._add_identity),
            (("derived_tstamp",), self._add_derived_time),
            (("unstruct_event",), self._add_unstruct_event),
            (("contexts",), self._add_contexts),
            (("derived_contexts",), self._add_derived_contexts),
            (NAME_PARTS, self._add_names),
        ]
        for key in sorted(self._keys & FIELDS.keys()):
            self._add_field(key)
        for column, keys in KEYS_BY_COLUMN.items():
            if not self._keys.isdisjoint(keys):
                lists = map(self._raw, keys)
                self._made[column] = [next(filter(None, texts), None) for texts in zip(*lists, strict=True)]
        for names, make in makers:
            if self._wanted is None or not self._wanted.isdisjoint(names):
                make()
        return {
            name: values
            for name, values in self._made.items()
            if (self._wanted is None or name in self._wanted) and any(value is not None for value in values)
        }

    def _raw(self, key: str) -> list[str | None]:
        if key not in self._texts:
            self._texts[key] = _texts_of(self._payloads, key)
        return self._texts[key]

    def _get(self, column: str) -> list[Any]:
        return self._made.get(column) or [None] * len(self._payloads)

    def _field(self, column: str, key: str) -> list[Any]:
        """Return a column that other columns are made of, whether it is wanted or not."""
        if column not in self._made and key in self._keys:
            self._made[column] = _convert(key, self._raw(key))
        return self._get(column)

    def _add_field(self, key: str) -> None:
        spec = FIELDS[key]
        if spec.column is None or spec.kind in {"json", "base64_json"} or spec.column in KEYS_BY_COLUMN:
            return
        names = spec.column.split(",")
        if self._wanted is not None and self._wanted.isdisjoint(names):
            return
        values = _convert(key, self._raw(key))
        if len(names) == 1:
            self._made[names[0]] = values
        else:
            for index, name in enumerate(names):
                self._made[name] = [None if pair is None else pair[index] for pair in values]

    def _add_collector(self) -> None:
        times = [source.request.time for source in self._sources]
        self._made["collector_tstamp"] = self._made["etl_tstamp"] = times
        self._made["v_collector"] = self._made["v_etl"] = [V_COLLECTOR] * len(times)

    def _add_request(self) -> None:
        requests = [source.request for source in self._sources]
        for column, values, defaults in (
            ("user_ipaddress", self._field("user_ipaddress", "ip"), [request.ip for request in requests]),
            ("useragent", self._field("useragent", "ua"), [request.useragent for request in requests]),
            ("network_userid", self._get("network_userid"), [request.nuid for request in requests]),
        ):
            self._made[column] = [value or default for value, default in zip(values, defaults, strict=True)]

    def _add_page(self) -> None:
        self._add_url_parts("page_url", self._page_urls())

    def _page_urls(self) -> list[str | None]:
        urls = self._field("page_url", "url")
        referers = [source.request.referer for source in self._sources]
        self._made["page_url"] = [url or referer for url, referer in zip(urls, referers, strict=True)]
        return self._made["page_url"]

    def _add_referrer(self) -> None:
        self._add_url_parts("refr_url", self._field("page_referrer", "refr"))

    def _add_url_parts(self, prefix: str, urls: list[str | None]) -> None:
        if not any(urls):
            return
        parts = [_split_url(url) if url else None for url in urls]
        for index, name in enumerate(URL_PARTS):
            self._made[f"{prefix}{name}"] = [None if part is None else part[index] for part in parts]

    def _add_cross_domain(self) -> None:
        """Fill what the linker of another site added to the page's URL: ``_sp=`` user id, a dot, a timestamp."""
        urls = self._page_urls()
        if not any(urls):
            return
        users, times = [], []
        for url in urls:
            user, time = _linked_user(url) if url and "_sp=" in url else (None, None)
            users.append(user)
            times.append(time)
        self._made["refr_domain_userid"], self._made["refr_dvce_tstamp"] = users, times

    def _add_campaign(self) -> None:
        if any(source.request.campaigns for source in self._sources):
            campaigns = [
                _campaign(url) if url and source.request.campaigns else {}
                for url, source in zip(self._page_urls(), self._sources, strict=True)
            ]
            for name in (*CAMPAIGN_PARAMETERS.values(), "mkt_clickid", "mkt_network"):
                self._made[name] = [campaign.get(name) for campaign in campaigns]
            self._made["etl_tags"] = [
                CAMPAIGN_TAG if source.request.campaigns else None for source in self._sources
            ]

    def _add_identity(self) -> None:
        types = {key: EVENT_NAMES.get(key or "") for key in set(self._raw("e"))}
        self._made["event"] = [types[key] for key in self._raw("e")]
        ids = self._field("event_id", "eid")
        self._made["event_id"] = [
            event_id.lower()
            if event_id
            else str(uuid.uuid5(EVENT_ID_NAMESPACE, f"{source.request.time}/{source.id}"))
            for event_id, source in zip(ids, self._sources, strict=True)
        ]
        sessions = self._field("domain_sessionid", "sid")
        self._made["domain_sessionid"] = [session and session.lower() for session in sessions]

    def _add_derived_time(self) -> None:
        """Correct the device's clock by its error when the event was sent."""
        created, sent = (
            self._field("dvce_created_tstamp", "dtm"),
            self._field("dvce_sent_tstamp", "stm"),
        )
        derived = []
        for source, true, made, gone in zip(
            self._sources, self._field("true_tstamp", "ttm"), created, sent, strict=True
        ):
            time = source.request.time
            if true is not None:
                time = true
            elif made is not None and gone is not None and gone >= made:
                time -= gone - made
            derived.append(time)
        self._made["derived_tstamp"] = derived

    def _add_derived_contexts(self) -> None:
        """Add what Enrich derives for events that do not match their specification in a tracking plan."""
        findings = [source.findings for source in self._sources]
        if any(findings):
            self._made["derived_contexts"] = [_specification_result(one) if one else None for one in findings]

    def _add_unstruct_event(self) -> None:
        if self._keys & {"ue_px", "ue_pr"}:
            self._made["unstruct_event"] = _unstruct_events(self._payloads)

    def _add_contexts(self) -> None:
        if self._keys & {"cx", "co"}:
            self._made["contexts"] = _contexts(self._payloads)

    def _add_names(self) -> None:
        if "unstruct_event" not in self._made:
            self._add_unstruct_event()
        uris = [
            envelope["data"]["schema"]
            if envelope is not None and event_type == "ue"
            else ATOMIC_SCHEMAS.get(event_type or "")
            for event_type, envelope in zip(self._raw("e"), self._get("unstruct_event"), strict=True)
        ]
        keys = {uri: _parse(uri or "") for uri in set(uris)}
        for name, part in zip(NAME_PARTS, ("vendor", "name", "format", "version"), strict=True):
            parts = {uri: None if key is None else getattr(key, part) for uri, key in keys.items()}
            self._made[name] = [parts[uri] for uri in uris]


def _texts_of(payloads: Sequence[Parameters], key: str) -> list[str | None]:
    """Return what payloads have of a key; None for an empty string too."""
    texts: list[str | None]
    try:
        texts = list(map(itemgetter(key), payloads))
    except KeyError:
        texts = [payload.get(key) for payload in payloads]
    return [text or None for text in texts] if "" in texts else texts


def _read(key: str, texts: Sequence[str | None]) -> list[Any]:
    """Return the JSON of a key's texts; None for what is not JSON."""
    result = read_many(key, [text or "" for text in texts])
    if None in result:
        for index, text in enumerate(texts):
            if text is not None and result[index] is None:
                with contextlib.suppress(ValueError):
                    result[index] = read_json(key, text)
    return result


def _unstruct_events(payloads: Sequence[Parameters]) -> list[dict[str, Any] | None]:
    """Return the self-describing events with their envelopes; None where there is none, or one of another shape."""
    encoded, plain = _texts_of(payloads, "ue_px"), _texts_of(payloads, "ue_pr")
    documents: list[Any] = _read("ue_px", encoded) if any(encoded) else [None] * len(payloads)
    if any(plain):
        others = _read(
            "ue_pr", [text if other is None else None for text, other in zip(plain, encoded, strict=True)]
        )
        documents = [
            other if text is None else document
            for text, document, other in zip(encoded, documents, others, strict=True)
        ]
    uris, events = split_many(documents)
    if set(uris) == {UNSTRUCT_EVENT} and all(map(_parse, {uri or "" for uri in split_many(events)[0]})):
        return documents
    return [envelope if _is_unstruct_event(envelope) else None for envelope in documents]


def _is_unstruct_event(envelope: Any) -> bool:
    if schema_named_by(envelope) != UNSTRUCT_EVENT:
        return False
    uri = schema_named_by(envelope["data"])
    return uri is not None and _parse(uri) is not None


def _contexts(payloads: Sequence[Parameters]) -> list[dict[str, Any] | None]:
    """Return the entities with their envelopes; None where there are none, or of another shape."""
    result: list[dict[str, Any] | None] = [None] * len(payloads)
    for key in ("cx", "co"):
        texts = [None if text in NO_ENTITIES else text for text in _texts_of(payloads, key)]
        if not any(texts):
            continue
        for index, envelope in enumerate(_read(key, texts)):
            uri = schema_named_by(envelope)
            if uri is None or not isinstance(envelope["data"], list):
                continue
            entities = [item for item in envelope["data"] if _parse(schema_named_by(item) or "") is not None]
            other = result[index]
            if entities:
                before = [] if other is None else other["data"]
                result[index] = {"schema": uri, "data": before + entities}
    return result


def _convert(key: str, texts: list[str | None]) -> list[Any]:
    """Convert the texts of a payload key to its column's values; None for text that the column cannot hold."""
    rule = RULES.get(key)
    text_format = None if rule is None else rule.format
    kind = FIELDS[key].kind
    if kind in {"string", "enum"} or text_format is None:
        return list(texts)
    converters: Mapping[str, Callable[[str], Any]] = {
        "integer": int,
        "timestamp": int,
        "number": _finite,
        "flag": "1".__eq__,
        "size": lambda text: tuple(map(int, text.split("x"))),
    }
    convert = converters.get(kind, str)
    matches = text_format.matches
    distinct = set(texts)
    if len(distinct) > MANY_DISTINCT * len(texts) and convert is str:
        return [text if text is not None and matches(text) else None for text in texts]
    # times of many events are often the same
    values: dict[str | None, Any] = {
        text: convert(text)
        if (kind == "timestamp" and len(text) < USUAL_DIGITS and text.isdigit() and text.isascii())
        or matches(text)
        else None
        for text in distinct
        if text is not None
    }
    return [values.get(text) for text in texts]


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


@functools.lru_cache(maxsize=10_000)
def _parse(uri: str) -> SchemaKey | None:
    try:
        return parse_uri(uri)
    except ValueError:
        return None


@functools.lru_cache(maxsize=2_000)
def _urlsplit(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


@functools.lru_cache(maxsize=2_000)
def _split_url(url: str) -> tuple[Any, ...] | None:
    parts = _urlsplit(url)
    if parts is None or not parts.scheme:
        return None
    try:
        port = parts.port
    except ValueError:
        return None
    # Enrich knows the default port of https, and takes that of http for any other scheme
    default = 443 if parts.scheme == "https" else 80
    return (
        parts.scheme,
        parts.hostname,
        port or default,
        parts.path or None,
        parts.query or None,
        parts.fragment or None,
    )


def _query(url: str) -> dict[str, list[str]]:
    parts = _urlsplit(url)
    try:
        return parse_qs(parts.query, max_num_fields=1000) if parts else {}
    except ValueError:
        return {}


def _linked_user(url: str) -> tuple[str | None, int | None]:
    user, _, rest = _query(url).get("_sp", [""])[0].partition(".")
    time = rest.partition(".")[0]
    return user or None, int(time) if time.isascii() and time.isdigit() and len(time) < 16 else None  # noqa: PLR2004 - a timestamp


def specification_of(payload: Parameters) -> Mapping[str, Any]:
    """Return the data of the entity that names an event's specification in a tracking plan; empty without one."""
    for key in ("cx", "co"):
        if text := payload.get(key):
            with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
                for entity in read_json(key, text)["data"]:
                    if names_specification(entity["schema"]):
                        return dict(entity["data"])
    return {}


def _specification_result(findings: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    result = {"schema": VALIDATION_SCHEMA, "data": {"isValid": False, "errors": list(findings)}}
    return {"schema": CONTEXTS, "data": [result]}


def _campaign(url: str) -> dict[str, str]:
    query = _query(url)
    found = {column: query[name][0] for name, column in CAMPAIGN_PARAMETERS.items() if name in query}
    for name, network in CLICK_IDS.items():
        if name in query:
            found |= {"mkt_clickid": query[name][0], "mkt_network": network}
            break
    return found


@functools.lru_cache(maxsize=10_000)
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


def flatten(event: Mapping[str, Any], *, schema_version: bool = False) -> dict[str, Any]:
    """Return the analytics SDK's form: a column for the event's own data, and one for each kind of entity.

    Parameters
    ----------
    event : mapping of str to any
        Columns.
    schema_version : bool
        Whether each entity has its version as ``_schema_version``, as in the JSON of the Scala SDK.
    """
    result = dict(event)
    envelope = result.pop("unstruct_event", None)
    if envelope:
        document = envelope["data"]
        result[column_of(document["schema"], "unstruct_event")] = document["data"]
    for name in ("contexts", "derived_contexts"):
        entities = result.pop(name, None)
        for entity in entities["data"] if entities else ():
            data = entity["data"]
            if schema_version and isinstance(data, dict):
                data = {"_schema_version": parse_uri(entity["schema"]).version, **data}
            result.setdefault(column_of(entity["schema"], "contexts"), []).append(data)
    return result
