"""Libraries of the engines, which `make test-engines` installs."""

import importlib
import os
from typing import Any

import pytest


def load(name: str) -> Any:
    """Import a module of an engine; without it, skip the test, or fail where NBTRACK_REQUIRE is set."""
    if os.environ.get("NBTRACK_REQUIRE"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason="`make test-engines` installs it")
