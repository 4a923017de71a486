"""A kernel of a server whose browsers are on other machines, without the proxy that would lead them to the page."""

import importlib.util

import pytest

from tests.support.kernel import start_kernel


@pytest.mark.skipif(
    importlib.util.find_spec("jupyter_server_proxy") is not None, reason="jupyter-server-proxy is installed"
)
def test_without_a_proxy_the_message_points_to_the_monitor(tmp_path):
    hub = {
        "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/",
        "JUPYTERHUB_PUBLIC_URL": "https://hub.acme.com/user/ann/",
    }
    with start_kernel(tmp_path, **hub) as kernel:
        kernel.run("%load_ext nbtrack")
        told = kernel.run("%nbtrack collector").text
        assert (
            "which a browser on another machine cannot open. %nbtrack monitor shows what it received" in told
        )
        assert "python -m pip install jupyter-server-proxy" in told
        assert "token" not in told
        assert "browsers on other machines cannot open its page" in kernel.run("%nbtrack doctor").text
        # what the monitor shows of it comes through the kernel
        kernel.run("%track first")
        kernel.run("%nbtrack flush")
        code = "import nbtrack, nbtrack.widget as w\nprint(w.take_snapshot(nbtrack.session()).results['by_schema'])"
        shown = kernel.run(code).text
        assert "'schema': 'iglu:io.github.nbtrack/analysis/jsonschema/1-0-0', 'good': 1, 'bad': 0" in shown
        told = kernel.run("%nbtrack config page_url=ftp://hub.acme.com").text
        assert "must be a URL such as https://hub.acme.com/user/ann/proxy/{port}" in told
        # who knows another way to the port says so
        kernel.run("%nbtrack config page_url=https://hub.acme.com/ports/{port}")
        assert "The local collector: https://hub.acme.com/ports/" in kernel.run("%nbtrack collector").text
