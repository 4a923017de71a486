"""One Jupyter server for all tests of this room, one Chromium for each module."""

import contextlib

import pytest

from tests.support.browser import browser
from tests.support.lab import start_lab
from tests.support.tools import require


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    require("chromium")
    with start_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture
def notebook(lab, chromium, request):
    """Give a function that opens a notebook with these cells; at the end nothing was amiss in any of them."""
    with contextlib.ExitStack() as stack:
        opened = []

        def open_notebook(*cells, name=None, **options):
            name = name or "".join(one if one.isalnum() else "_" for one in request.node.name)
            if cells:
                lab.write(name, list(cells))
            made = stack.enter_context(lab.open(chromium, name, **options))
            opened.append(made)
            return made

        yield open_notebook
        for one in opened:
            assert one.errors == []
            assert one.places_asked() == {"127.0.0.1"}
