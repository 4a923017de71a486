"""Real, unmodified trackers: every event is accepted and good."""

import functools
import http.server
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import snowplow_tracker as sp

from tests.support.browser import browser
from tests.support.tools import require
from tests.support.waiting import poll

NODE = Path(__file__).parent / "node"
EVENT_NAMES = """
page_view ad_impression ad_click ad_conversion button_click consent_granted consent_withdrawn create_element
expose_element destroy_element action application_error focus_form change_form submit_form link_click ready_event
play_event pause_event seek_start_event seek_end_event buffer_start_event buffer_end_event end_event
playback_rate_change_event volume_change_event fullscreen_change_event picture_in_picture_change_event
quality_change_event error_event ad_break_start_event ad_break_end_event ad_start_event ad_quartile_event
ad_complete_event ad_skip_event ad_click_event ad_pause_event ad_resume_event screen_view screen_end list_item_view
scroll_changed social_interaction site_search timing snowplow_ecommerce_action
"""
"""Names of the schemas of what plugins send."""
LINK = "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1"


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """The npm trackers at exact versions, installed once into a folder that is thrown away."""
    require("node")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "track.mjs", "plugins.js"):
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
        "--legacy-peer-deps",  # some plugins have no release for this version of the tracker, and work with it
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
    with open_page(tmp_path) as page:
        collector.wait_for(3, timeout=20)
        assert page.errors == []
    assert collector.counts() == {"total": 3, "good": 3, "bad": 0}
    frame = collector.events()
    for column in ("br_viewwidth", "dvce_screenwidth", "domain_userid", "domain_sessionid"):
        assert frame[column].notna().all()
    assert set(frame["app_id"]) == {"web-app"}


@pytest.mark.node
@pytest.mark.browser
def test_every_plugin_of_the_browser_tracker_sends_events_that_are_good(collector, modules, tmp_path):
    scripts = []
    for package in sorted((modules / "node_modules" / "@snowplow").glob("browser-*")):
        if (package / "dist" / "index.umd.min.js").is_file() and package.name != "browser-tracker-core":
            shutil.copy(package / "dist" / "index.umd.min.js", tmp_path / f"{package.name}.js")
            scripts.append(f'<script src="{package.name}.js"></script>')
    shutil.copy(modules / "plugins.js", tmp_path)
    (tmp_path / "index.html").write_text(
        f"""<!doctype html><title>A page</title><body><div class="seen"><p id="p">text</p></div>
        <button id="press">Press</button><a id="link" href="#there">there</a>
        <form id="form" onsubmit="return false"><input id="field" name="field"></form>
        {"".join(scripts)}<script src="plugins.js"></script>"""
    )
    with open_page(tmp_path, f"?collector={collector.url}") as page:
        page.wait_for_selector("body[data-done=yes]", timeout=20_000)
        assert page.errors == []
        assert poll(lambda: "the last" in {event.get("page") for event in collector.payloads()})
    assert set(collector.bad()["reason"]) == set()
    schemas = {uri.split("/")[1] for uri in collector.by_schema()["schema"]}
    assert set(EVENT_NAMES.split()) - schemas == set()


@contextmanager
def open_page(folder, query=""):
    """Open a folder's page in a browser, from another site than the collector's."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site, browser() as chromium:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            page = chromium.new_page()
            page.errors = []
            page.on("pageerror", lambda error: page.errors.append(str(error)))
            page.goto(f"http://localhost:{site.server_address[1]}/{query}")
            yield page
        finally:
            site.shutdown()
            thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass
