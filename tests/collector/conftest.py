"""One collector for the tests of this folder, empty at the start of each."""

import pytest

from nbtrack.collector import LocalCollector
from tests.support.collector import Sender


@pytest.fixture(scope="session")
def running():
    with LocalCollector() as collector:
        yield collector


@pytest.fixture
def collector(running):
    running.reset()
    return running


@pytest.fixture
def send(collector):
    return Sender(collector)
