"""Access: who may read what the collector has received, and who may change it."""

import json
from urllib.parse import urlsplit

import pytest

from nbtrack.collector import CollectorClient, CollectorError, LocalCollector
from tests.support.collector import Sender, fetch, page_view

READING = ["/micro/all", "/micro/good", "/micro/bad", "/micro/events", "/nbtrack/summary", "/nbtrack/rows",
           "/nbtrack/wait?timeout=0", "/nbtrack/fields", "/nbtrack/by_schema", "/micro/iglu/a/b/jsonschema/1-0-0"]  # fmt: skip


@pytest.mark.parametrize("path", READING)
def test_reading_requires_the_token(send, path):
    assert send(path).status == 401
    assert send(path, X_Nbtrack_Token="wrong").status == 401
    assert send(path, X_Nbtrack_Token=send.collector.token).status in {200, 404}
    assert send(path, Authorization=f"Bearer {send.collector.token}").status in {200, 404}
    assert send(path, X_Nbtrack_Token="töken").status == 401


def test_the_page_is_the_same_for_everybody_and_sets_no_cookie(send):
    url, token = send.collector.url, send.collector.token
    first = fetch(send.collector.page_url)
    assert (first.status, first.headers["Location"]) == (302, f"ui/?token={token}")
    assert fetch(f"{url}/?token={token}").headers["Location"] == f"micro/ui/?token={token}"
    with_token, without = fetch(f"{url}/micro/ui/?token={token}"), fetch(f"{url}/micro/ui/")
    assert with_token.body == without.body
    assert "default-src 'none'" in without.headers["Content-Security-Policy"]
    for reply in (first, with_token, without):
        # a browser sends a cookie to every port of a host, so another server here would read it
        assert reply.headers["Set-Cookie"] is None


def test_a_cookie_gives_no_access(send):
    token = send.collector.token
    for name in ("token", "nbtrack", f"nbtrack_{urlsplit(send.collector.url).port}"):
        assert send("/micro/all", Cookie=f"{name}={token}").status == 401


def test_validation_results_are_for_those_who_may_read(send):
    reply = {"Nbtrack_Verdict": "1"}
    assert send.post([page_view()], **reply).body == b"ok"
    assert send.post([page_view()], X_Nbtrack_Token="wrong", **reply).body == b"ok"
    token = send.collector.token
    assert send.post([page_view()], X_Nbtrack_Token=token, Host="evil.example", **reply).body == b"ok"
    assert send.post([page_view()], X_Nbtrack_Token=token, **reply).json["good"] == 1


def test_the_token_is_not_logged(tmp_path, capfd):
    with LocalCollector() as collector:
        fetch(f"{collector.url}/micro/iglu/a/b/jsonschema/1-0-0?token={collector.token}")
        fetch(f"{collector.url}/micro/all?token={collector.token}&x=%ff")
        fetch(f"{collector.url}/nbtrack/rows?schema=%ff&token={collector.token}")
        token = collector.token
    assert token not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[", "192.168.0.7"]
)
def test_a_host_name_rebound_to_this_machine_reads_nothing(send, host):
    path = f"/micro/all?token={send.collector.token}"
    assert send(path, Host=host).status in {400, 403}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9090", "127.9.9.9", "[::1]:80"])
def test_the_machines_own_names_are_allowed(send, host):
    assert send("/micro/all", Host=host, X_Nbtrack_Token=send.collector.token).status == 200


@pytest.mark.parametrize("path", ["/micro/reset", "/nbtrack/reset"])
def test_a_page_of_another_site_changes_nothing(send, path):
    send.post([page_view()])
    token = {"X_Nbtrack_Token": send.collector.token}
    assert send(path, b"", "POST", Sec_Fetch_Site="cross-site", **token).status == 403
    assert send(path, b"", "POST", Origin="https://evil.example", **token).status == 403
    assert send.collector.counts()["total"] == 1
    own = send.collector.url
    assert send(path, b"", "POST", Origin=own, **token).status == 200
    assert send.collector.counts()["total"] == 0


def test_a_page_of_another_site_may_not_read(send):
    for path in READING:
        reply = send(path, X_Nbtrack_Token=send.collector.token, Origin="https://evil.example")
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "Server" not in reply.headers


def test_an_open_collector_requires_no_token_but_checks_the_host():
    with LocalCollector(open=True) as collector:
        assert fetch(f"{collector.url}/micro/all").json["total"] == 0
        assert fetch(f"{collector.url}/micro/all", headers={"Host": "evil.example"}).status == 403


def test_a_proxys_host_can_be_allowed():
    with LocalCollector(allowed_hosts=["hub.example"]) as collector:
        send = Sender(collector)
        assert send("/micro/all", Host="hub.example", X_Nbtrack_Token=collector.token).status == 200


def test_a_client_without_the_token_reads_what_is_missing(collector):
    with pytest.raises(CollectorError, match="token is required"):
        CollectorClient(collector.url).summary()


def test_a_schema_that_cannot_be_used_is_rejected_with_the_reason(collector):
    with pytest.raises(CollectorError, match="may only refer to itself"):
        collector.register(
            {
                "self": {"vendor": "a", "name": "b", "format": "jsonschema", "version": "1-0-0"},
                "$ref": "file:///etc/passwd",
            }
        )


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_not_a_json_object_is_rejected(send, body):
    for path in ("/micro/good", "/micro/bad", "/micro/events", "/micro/timeline", "/nbtrack/schemas"):
        assert send(path, body, "POST", X_Nbtrack_Token=send.collector.token).status == 400


@pytest.mark.parametrize("query", ["n=x", "limit=-1", "after=x", "n=nan", "limit=inf", "good=7"])
def test_odd_numbers_in_a_query_count_as_defaults(send, query):
    for path in ("/nbtrack/wait", "/nbtrack/rows"):
        reply = send(f"{path}?{query}&timeout=0", X_Nbtrack_Token=send.collector.token)
        assert reply.status == 200


def test_only_the_pages_files_are_assets(send):
    assert send("/micro/ui/page.js").headers["Content-Type"].startswith("text/javascript")
    for path in (
        "/micro/ui/..%2f..%2fcli.py",
        "/micro/ui/index.html",
        "/micro/ui/nothing.js",
        "/micro/ui/%00.js",
    ):
        assert send(path).status in {401, 404}


def test_the_token_is_not_shown(collector):
    assert collector.token not in repr(collector)
    assert collector.token not in json.dumps(collector.summary())
