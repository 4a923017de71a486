"""Where a browser finds the live page: the environments of servers, and the setting."""

import json
import os
import subprocess
import sys

import pytest

from nbtrack.collector import CollectorError, LocalCollector
from nbtrack.collector.page_address import find_page_address
from tests.support.collector import Sender
from tests.support.waiting import poll

URL = "http://127.0.0.1:9090"
SERVERS = ("JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_HOST", "JUPYTERHUB_PUBLIC_URL", "KERNEL_GATEWAY", "JPY_PARENT_PID",
           "BINDER_LAUNCH_HOST", "BINDER_REPO_URL", "BINDER_REQUEST")  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Take away what a server that runs these tests says."""
    for name in SERVERS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def with_proxy(tmp_path, monkeypatch):
    """Make jupyter-server-proxy importable."""
    (tmp_path / "jupyter_server_proxy.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)


def test_on_this_machine_it_is_the_collectors_own_address():
    page = find_page_address(URL)
    assert (page.base, page.is_proxied, page.hosts) == (URL, False, ())
    assert page.with_token("s/t") == f"{URL}/micro/ui?token=s/t"


@pytest.mark.parametrize(
    ("variables", "base", "hosts"),
    [
        ({"JUPYTERHUB_PUBLIC_URL": "https://hub.acme.com/user/ann/"}, "https://hub.acme.com/user/ann/proxy/9090", ("hub.acme.com",)),
        ({"JUPYTERHUB_HOST": "https://ann.hub.acme.com"}, "https://ann.hub.acme.com/user/ann/proxy/9090", ("ann.hub.acme.com",)),
        ({"JUPYTERHUB_HOST": ""}, "/user/ann/proxy/9090", ()),
        ({"BINDER_REPO_URL": "https://github.com/acme/demo"}, "/user/ann/proxy/9090", ("*",)),
    ],
)  # fmt: skip
def test_behind_a_hub_it_is_what_the_hub_says(variables, base, hosts, with_proxy, monkeypatch):
    for name, value in {"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/", **variables}.items():
        monkeypatch.setenv(name, value)
    page = find_page_address(URL)
    assert (page.base, page.is_reachable, page.hosts) == (base, True, hosts)
    assert page.with_token("secret") == f"{base}/micro/ui/#token=secret"


def test_a_kernel_of_a_gateway_has_no_page(with_proxy, monkeypatch):
    monkeypatch.setenv("KERNEL_GATEWAY", "1")
    assert not find_page_address(URL).is_reachable


def test_the_proxy_may_be_in_the_servers_environment_only(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    python = tmp_path / "server" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    with subprocess.Popen(
        [python, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        monkeypatch.setenv("JPY_PARENT_PID", str(server.pid))
        assert not find_page_address(URL).is_reachable
        folder = tmp_path / "server" / "etc" / "jupyter" / "jupyter_server_config.d"
        folder.mkdir(parents=True)
        (folder / "jupyter-server-proxy.json").write_text("{}")
        # the command line of the new process is this one's for a moment
        assert poll(lambda: find_page_address(URL).is_reachable)
        server.kill()


@pytest.mark.parametrize(
    ("hostname", "base"),
    [
        ("localhost", URL),
        ("127.0.0.1", URL),
        ("0.0.0.0", "/lab/proxy/9090"),
        ("notebooks.acme.com", "http://notebooks.acme.com:8888/lab/proxy/9090"),
    ],
)
def test_a_server_without_a_hub_says_where_it_listens(hostname, base, with_proxy, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    described = {"hostname": hostname, "url": f"http://{hostname}:8888/lab/", "base_url": "/lab/"}
    (tmp_path / f"jpserver-{os.getpid()}.json").write_text(json.dumps(described))
    assert find_page_address(URL).base == base


def test_a_collector_on_another_machine_keeps_its_address(with_proxy, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    assert find_page_address("https://collector.acme.com").base == "https://collector.acme.com"


def test_a_template_is_filled_with_the_port_and_the_environment(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    page = find_page_address(URL, "https://hub.acme.com{JUPYTERHUB_SERVICE_PREFIX}/proxy/{port}/")
    assert (page.base, page.hosts) == ("https://hub.acme.com/user/ann/proxy/9090", ("hub.acme.com",))
    with pytest.raises(
        ValueError, match=r"\{NOWHERE\} is neither \{port\} nor an environment variable that is set"
    ):
        find_page_address(URL, "https://hub.acme.com/{NOWHERE}/{port}")


def test_a_client_with_the_token_lets_the_page_be_opened_under_another_name():
    with LocalCollector() as collector:
        send = Sender(collector)
        assert send("/micro/ui/", Host="hub.acme.com").status == 403
        collector.allow_hosts(["Hub.Acme.com"])
        assert send("/micro/ui/", Host="hub.acme.com:8000").status == 200
        assert send("/micro/ui/", Host="evil.example").status == 403
        assert send("/nbtrack/hosts", b'{"hosts": ["evil.example"]}', "POST").status == 401
        with pytest.raises(CollectorError, match="hosts must be a list of host names"):
            collector.allow_hosts([1])


def test_a_collector_that_starts_behind_a_hub_replies_to_its_name(with_proxy, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", "https://hub.acme.com/user/ann/")
    with LocalCollector() as collector:
        assert Sender(collector)("/micro/ui/", Host="hub.acme.com").status == 200
