"""The live page behind a proxy that adds to the path, as JupyterHub and Binder do."""

import socket
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.support.browser import browser
from tests.support.collector import page_view
from tests.support.tools import require
from tests.support.waiting import poll

PREFIX = "/user/me/proxy/9090"


@pytest.fixture
def proxied(collector, tmp_path):
    nginx = require("nginx")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inner = urlsplit(collector.url).netloc
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"""daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;
        events {{}}
        http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;
          fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;
          server {{ listen 127.0.0.1:{port};
            location {PREFIX}/ {{ proxy_pass http://{inner}/; proxy_set_header Host $http_host; proxy_http_version 1.1; }} }} }}"""
    )
    with subprocess.Popen(
        [nginx, "-p", str(tmp_path), "-c", str(config)], stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert poll(lambda: listens(port))
            yield f"http://127.0.0.1:{port}{PREFIX}"
        finally:
            process.terminate()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/", "/micro/ui", "/micro/ui/"])
def test_the_page_is_live_below_a_prefix(proxied, send, path):
    from playwright.sync_api import expect

    with browser() as chromium:
        page = chromium.new_page()
        page.goto(f"{proxied}{path}?token={send.collector.token}")
        expect(page.locator("body")).to_have_attribute("data-live", "yes")
        assert page.url == f"{proxied}/micro/ui/"
        send.post([page_view()])
        expect(page.locator("#shown")).to_have_text("1 shown")
        assert page.locator("#address").inner_text() == proxied
