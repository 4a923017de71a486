"""One collector for the tests of this room, empty at the start of each."""

import pytest

from nbtrack.collector import LocalCollector
from tests.collector.support import Sender


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
