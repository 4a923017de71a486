"""Lines of enriched events, as a pipeline writes them."""

import json
from typing import Any

from nbtrack.protocol import ENRICHED_COLUMNS

EVENT_ID = "c6ef3124-b53a-4b13-a233-0088f79dcbcb"
MINIMAL = {
    "event_id": EVENT_ID, "collector_tstamp": "2026-03-01 10:11:40.000", "v_collector": "c", "v_etl": "e", "event": "struct",
}  # fmt: skip
CONTEXTS = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1"
UNSTRUCT = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"


def line(**columns: str) -> str:
    return "\t".join((MINIMAL | columns).get(name, "") for name in ENRICHED_COLUMNS)


def envelope(uri: str, data: Any) -> str:
    return json.dumps({"schema": uri, "data": data}, separators=(",", ":"), ensure_ascii=False)


def web_event() -> str:
    """Return an event of a web page as a pipeline writes it: most columns filled, with the usual entities."""
    agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
    tracked = [
        {"schema": "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0", "data": {"id": EVENT_ID}},
        {
            "schema": "iglu:com.acme/user/jsonschema/1-0-0",
            "data": {"id": 1, "name": "Zoë", "plan": "pro", "tags": ["a", "b"]},
        },
        {
            "schema": "iglu:org.w3/PerformanceTiming/jsonschema/1-0-0",
            "data": {f"mark{n}": 1_700_000_000_000 + n for n in range(20)},
        },
    ]
    derived = [
        {"schema": "iglu:com.snowplowanalytics.snowplow/ua_parser_context/jsonschema/1-0-0",
         "data": {"useragentFamily": "Chrome", "useragentMajor": "120", "osFamily": "Mac OS X", "deviceFamily": "Mac"}},
        {"schema": "iglu:nl.basjes/yauaa_context/jsonschema/1-0-4",
         "data": {f"agentProperty{n}": "Some Value" for n in range(25)}},
    ]  # fmt: skip
    filled = {
        "string": "some text of a field", "uuid": EVENT_ID, "timestamp": "2026-03-01 10:11:12.345", "integer": "1920", "flag": "1",
        "number": "37.443604", "decimal": "12.50",
    }  # fmt: skip
    rare = ("tr_", "ti_", "se_", "pp_", "base_", "mkt_", "refr_", "br_features", "geo_zip", "ip_")
    columns = {
        name: filled[type_]
        for name, type_ in ENRICHED_COLUMNS.items()
        if type_ in filled and not name.startswith(rare)
    }
    columns |= {
        "page_url": "https://acme.example/path/to/a/page?a=1&b=2", "useragent": agent, "contexts": envelope(CONTEXTS, tracked),
        "derived_contexts": envelope(CONTEXTS, derived), "geo_country": "DE", "event": "page_view", "event_name": "page_view",
    }  # fmt: skip
    return line(**columns)
