"""Requests to a collector, and payloads to send."""

import json
import urllib.error
import urllib.request
import uuid

from nbtrack.protocol import PAYLOAD_DATA, POST_PATH, UNSTRUCT_EVENT

JSON = "application/json; charset=utf-8"


class Response:
    """An HTTP response, whatever its status."""

    def __init__(self, response):
        self.status = response.status if hasattr(response, "status") else response.code
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def fetch(url, data=None, method=None, headers=None):
    """Send a request and return the response."""
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with OPENER.open(request, timeout=20) as response:
            return Response(response)
    except urllib.error.HTTPError as error:
        with error:
            return Response(error)


class Sender:
    """Short ways to send to a collector and to read from it."""

    def __init__(self, collector):
        self.collector = collector

    def __call__(self, path, data=None, method=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return fetch(self.collector.url + path, data, method, named)

    def post(self, events, **headers):
        body = json.dumps({"schema": PAYLOAD_DATA, "data": events}).encode()
        return self(POST_PATH, body, "POST", **{"Content_Type": JSON} | headers)

    def validate(self, *events):
        """Send events and return their validation results."""
        return self.post(list(events), Nbtrack_Verdict="1", X_Nbtrack_Token=self.collector.token).json

    def read(self, path, data=None, method=None):
        """Send a request with the token."""
        body = None if data is None else json.dumps(data).encode()
        return self(path, body, method, X_Nbtrack_Token=self.collector.token)


def page_view(**more):
    """Return the payload of a page view."""
    return {"e": "pv", "p": "web", "tv": "test", "eid": str(uuid.uuid4()), "url": "http://acme.com/"} | more


def self_describing(schema, data, **more):
    """Return the payload of a self-describing event."""
    event = {"schema": UNSTRUCT_EVENT, "data": {"schema": schema, "data": data}}
    return {"e": "ue", "p": "srv", "tv": "test", "eid": str(uuid.uuid4()), "ue_pr": json.dumps(event)} | more


def validated(*events, time=1_700_000_000_000):
    """Return a request with good events, ready to be stored."""
    from nbtrack.collector.events.adapters import PayloadForm, Request
    from nbtrack.collector.events.database import ValidatedRequest
    from nbtrack.collector.events.validation import ValidationResult

    request = Request(time, "POST", "com.acme", "v1")
    results = [ValidationResult()] * len(events)
    return ValidatedRequest(request, list(events), results, PayloadForm.EVENTS, json.dumps(events).encode())
