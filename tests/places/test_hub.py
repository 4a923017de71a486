"""The live page through a JupyterHub: for its own user, and nobody else."""

import re
import urllib.error
import urllib.request

import pytest

from tests.support.waiting import poll

pytest.importorskip("jupyterhub", reason="make test-hub has an environment with JupyterHub")
from tests.support.hub import HOST, start_hub

pytestmark = pytest.mark.hub
ADDRESS = re.compile(r"The local collector: (http://(\S+?)(/user/\w+/proxy/\d+)/micro/ui/#token=(\S+))")


@pytest.fixture(scope="module")
def hub(tmp_path_factory, proxy):
    public = f'c.JupyterHub.public_url = "http://{HOST}:{{port}}"\n'
    with start_hub(tmp_path_factory.mktemp("hub"), proxy, public) as running:
        yield running


@pytest.fixture(scope="module")
def kernel(hub):
    """Give ann's kernel with nbtrack loaded and one event sent."""
    kernel = hub.start_kernel("ann")
    assert kernel.run("%load_ext nbtrack").error is None
    assert kernel.run("%track first").error is None
    assert "nothing pending" in kernel.run("%nbtrack flush").text
    return kernel


@pytest.fixture(scope="module")
def printed(kernel):
    """Give the address that the magic prints: whole, host, path and token."""
    match = ADDRESS.match(kernel.run("%nbtrack collector").text)
    assert match is not None
    return match.groups()


@pytest.fixture
def page(chromium):
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def test_the_printed_address_is_the_proxied_one(hub, kernel, printed):
    _, host, path, token = printed
    assert host == f"{HOST}:{hub.port}"
    assert path.startswith("/user/ann/proxy/")
    base = f"http://{host}{path}"
    assert base in kernel.run("%nbtrack status").text
    assert f"local, running at {base}" in kernel.run("%nbtrack doctor").text
    assert (
        kernel.run("import nbtrack; print(nbtrack.session().collector.page_url)").text.strip() == printed[0]
    )
    assert token not in kernel.run("%nbtrack status").text


def test_the_own_page_is_live(hub, kernel, printed, page):
    from playwright.sync_api import expect

    url, host, path, token = printed
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    hub.log_in(page, "ann")
    page.goto(url)
    expect(page.locator("body")).to_have_attribute("data-live", "yes", timeout=20_000)
    before = int(page.locator("#good").inner_text())
    # events arrive while the page is open
    assert kernel.run("%track second").error is None
    assert kernel.run("%track third").error is None
    expect(page.locator("#good")).to_have_text(str(before + 2), timeout=10_000)
    assert page.url == f"http://{host}{path}/micro/ui/"
    assert page.locator("#shown").inner_text() == f"{before + 2} shown"
    assert not [one for one in asked if token in one]
    # the token is kept in this tab, for this path; cookies are the hub's own
    assert page.evaluate("() => ({...sessionStorage})") == {f"nbtrack.token {path}/micro/ui/": token}
    assert not [one for one in page.context.cookies() if "nbtrack" in one["name"] or token in one["value"]]


def test_a_page_that_is_reloaded_stays_live(hub, printed, page):
    from playwright.sync_api import expect

    hub.log_in(page, "ann")
    page.goto(printed[0])
    expect(page.locator("body")).to_have_attribute("data-live", "yes", timeout=20_000)
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-live", "yes", timeout=20_000)


def test_another_users_page_is_refused(hub, printed, page):
    url, host, path, token = printed
    hub.log_in(page, "bob")
    for address in (url, f"http://{host}{path}/nbtrack/summary?token={token}"):
        reply = page.goto(address)
        assert reply.status == 403
        assert "first" not in page.content()
        assert page.locator("#good").count() == 0


def test_another_users_proxy_asks_for_the_token(hub, printed, page):
    """Both kernels run on one machine: bob's server can reach ann's collector, which does not answer him."""
    _, host, path, _ = printed
    hub.log_in(page, "bob")
    own = path.replace("/user/ann/", "/user/bob/")
    page.goto(f"http://{host}{own}/micro/ui/")
    assert poll(lambda: "token is required" in page.locator("#state").inner_text())
    assert page.goto(f"http://{host}{own}/nbtrack/summary").status == 401


def test_nobody_reaches_it_without_a_login(hub, printed, page):
    url, _, _, token = printed
    page.goto(url)
    assert "/hub/login" in page.url
    assert token not in page.url.partition("#")[0]


def test_another_host_name_is_refused_and_the_reply_names_the_setting(hub, kernel, printed):
    port = printed[2].rpartition("/")[2]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/micro/ui/", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(request, timeout=10)
    assert "page_url" in refused.value.read().decode()


def test_the_token_is_in_no_log_of_the_hub(hub, printed):
    assert printed[3] not in (hub.folder / "hub.log").read_text()


def test_a_hub_that_does_not_know_its_name_is_told_by_a_setting(hub, page):
    from playwright.sync_api import expect

    kernel = hub.start_kernel("cy")
    kernel.run("import os; os.environ.pop('JUPYTERHUB_PUBLIC_URL'); os.environ.pop('JUPYTERHUB_HOST')")
    kernel.run("%load_ext nbtrack")
    told = kernel.run("%nbtrack collector").text
    path = re.search(r"/user/cy/proxy/\d+", told)[0]
    assert told.startswith(
        f"The local collector's page, at the host of this notebook: {path}/micro/ui/#token="
    )
    assert "%nbtrack config page_url=https://HOST/user/cy/proxy/{port}" in told
    hub.log_in(page, "cy")
    assert page.goto(f"{hub.url}{path}/micro/ui/").status == 403
    assert "page_url" in page.content()
    assert (
        kernel.run(f"%nbtrack config page_url={hub.url}{{JUPYTERHUB_SERVICE_PREFIX}}proxy/{{port}}").error
        is None
    )
    page.goto("about:blank")
    page.goto(ADDRESS.match(kernel.run("%nbtrack collector").text)[1])
    expect(page.locator("body")).to_have_attribute("data-live", "yes", timeout=20_000)
