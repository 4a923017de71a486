"""One hub's proxy program for all tests of this room, one Chromium for each module."""

import pytest

from tests.support.browser import browser


@pytest.fixture(scope="session")
def proxy(tmp_path_factory):
    pytest.importorskip("jupyterhub", reason="make test-hub has an environment with JupyterHub")
    from tests.support.hub import install_proxy

    return install_proxy(tmp_path_factory.mktemp("proxy"))


@pytest.fixture(scope="module")
def chromium():
    with browser("--host-resolver-rules=MAP *.nbtrack.test 127.0.0.1") as running:
        yield running
