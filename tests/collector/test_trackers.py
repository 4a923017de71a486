"""Real, unmodified trackers: every event is accepted and good."""

import functools
import http.server
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import snowplow_tracker as sp

from tests.support.browser import browser
from tests.support.tools import require

NODE = Path(__file__).parent / "node"
LINK = "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1"


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """The npm trackers at exact versions, installed once into a folder that is thrown away."""
    require("node")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "track.mjs"):
        shutil.copy(NODE / name, folder)
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: apt-get install npm")
    command = [
        npm,
        "install",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefer-offline",
    ]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    if run.returncode != 0:
        pytest.skip(f"the npm trackers cannot be installed: {run.stderr[-300:]}")
    return folder


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("kind", [sp.Emitter, sp.AsyncEmitter])
def test_the_python_tracker(collector, kind, method):
    emitter = kind(
        "127.0.0.1", protocol="http", port=urlsplit(collector.url).port, method=method, batch_size=1
    )
    tracker = sp.Tracker("reference", emitter, app_id="shop", subject=sp.Subject().set_user_id("me"))
    entity = sp.SelfDescribingJson(
        "iglu:com.snowplowanalytics.snowplow/parent_event/jsonschema/1-0-0",
        {"parentEventId": "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1"},
    )
    tracker.track(sp.PageView("http://acme.com/ü?a=b", "Äpfel", context=[entity]))
    tracker.track(sp.PagePing("http://acme.com/", min_x=1, max_x=2))
    tracker.track(sp.StructuredEvent("shop", "buy", value=1.5))
    tracker.track(sp.SelfDescribing(sp.SelfDescribingJson(LINK, {"targetUrl": "http://acme.com"})))
    tracker.track(sp.ScreenView(id_="3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1", name="home"))
    tracker.flush()
    assert collector.wait_for(5, timeout=20) == 5
    assert collector.counts() == {"total": 5, "good": 5, "bad": 0}
    frame = collector.events()
    assert set(frame["user_id"]) == {"me"}
    assert set(frame["v_tracker"]) == {"py-1.1.0"}
    assert frame["page_title"].dropna().tolist() == ["Äpfel"]


@pytest.mark.node
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_node_tracker(collector, modules, method):
    port = str(urlsplit(collector.url).port)
    subprocess.run(["node", "track.mjs", port, method], cwd=modules, check=True, timeout=60)
    assert collector.counts() == {"total": 3, "good": 3, "bad": 0}
    frame = collector.events()
    assert set(frame["event"]) == {"page_view", "struct", "unstruct"}
    assert set(frame["network_userid"]) == {"3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1"}
    if method == "post":
        assert set(frame["user_ipaddress"]) == {"unknown"}  # it asked to stay anonymous


@pytest.mark.node
@pytest.mark.browser
def test_the_browser_tracker_from_a_page_of_another_site(collector, modules, tmp_path):
    bundle = modules / "node_modules" / "@snowplow" / "browser-tracker" / "dist" / "index.umd.min.js"
    shutil.copy(bundle, tmp_path / "tracker.js")
    (tmp_path / "index.html").write_text(
        f"""<!doctype html><title>A page</title><script src="tracker.js"></script><script>
        const t = globalThis.snowplowBrowserTracking;
        t.newTracker('sp', '{collector.url}', {{ appId: 'web-app', contexts: {{ webPage: true, session: true, browser: true }} }});
        t.trackPageView();
        t.trackStructEvent({{ category: 'shop', action: 'buy', value: 2 }});
        t.trackSelfDescribingEvent({{ event: {{ schema: '{LINK}', data: {{ targetUrl: 'http://acme.com' }} }} }});
        </script>"""
    )
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            with browser() as chromium:
                page = chromium.new_page()
                failed = []
                page.on("pageerror", lambda error: failed.append(str(error)))
                page.goto(f"http://localhost:{site.server_address[1]}/")
                collector.wait_for(3, timeout=20)
                assert failed == []
        finally:
            site.shutdown()
            thread.join()
    assert collector.counts() == {"total": 3, "good": 3, "bad": 0}
    frame = collector.events()
    for column in ("br_viewwidth", "dvce_screenwidth", "domain_userid", "domain_sessionid"):
        assert frame[column].notna().all()
    assert set(frame["app_id"]) == {"web-app"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass
