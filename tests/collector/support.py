"""Short ways to send to a collector and to ask it."""

import json
import urllib.error
import urllib.request
import uuid

from nbtrack.protocol import PAYLOAD_DATA, POST_PATH, UNSTRUCT_EVENT

JSON = "application/json; charset=utf-8"


class Reply:
    def __init__(self, answer):
        self.status = answer.status if hasattr(answer, "status") else answer.code
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def json(self):
        return json.loads(self.body)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def ask(url, data=None, method=None, headers=None):
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with OPENER.open(request, timeout=20) as answer:
            return Reply(answer)
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error)


class Sender:
    """A collector and short ways to send to it."""

    def __init__(self, collector):
        self.collector = collector

    def __call__(self, path, data=None, method=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.collector.url + path, data, method, named)

    def post(self, events, **headers):
        body = json.dumps({"schema": PAYLOAD_DATA, "data": events}).encode()
        return self(POST_PATH, body, "POST", **{"Content_Type": JSON} | headers)

    def verdict(self, *events):
        return self.post(list(events), Nbtrack_Verdict="1").json

    def read(self, path, data=None, method=None):
        body = None if data is None else json.dumps(data).encode()
        return self(path, body, method, X_Nbtrack_Token=self.collector.token)


def page_view(**more):
    return {"e": "pv", "p": "web", "tv": "test", "eid": str(uuid.uuid4()), "url": "http://acme.com/"} | more


def own(schema, data, **more):
    event = {"schema": UNSTRUCT_EVENT, "data": {"schema": schema, "data": data}}
    return {"e": "ue", "p": "srv", "tv": "test", "eid": str(uuid.uuid4()), "ue_pr": json.dumps(event)} | more
