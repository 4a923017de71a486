"""Outside tools a test needs: found, or skipped by name with the line that installs it."""

import os
import shutil
from pathlib import Path

import pytest

INSTALL = {
    "chromium": "apt-get install chromium",
    "iglu": "git clone Iglu Central and set IGLU_CENTRAL to its folder `schemas`",
    "iglu-verdicts": "set IGLU_VERDICTS to the folder of results of Iglu's own validator",
    "java": "apt-get install openjdk-17-jre-headless",
    "nginx": "apt-get install nginx-light",
    "node": "apt-get install nodejs npm",
    "npm": "apt-get install npm",
    "redis": "apt-get install redis-server",
}
FOLDERS = {"iglu": "IGLU_CENTRAL", "iglu-verdicts": "IGLU_VERDICTS"}
"""Environment variables that name folders of test data."""
COMMANDS = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "redis": ("redis-server",)}


def find(tool: str) -> str | None:
    """Tell where an outside tool is, or None where it is not."""
    if tool in FOLDERS:
        folder = os.environ.get(FOLDERS[tool], "")
        return folder if folder and Path(folder).is_dir() else None
    if tool == "chromium" and (named := os.environ.get("CHROMIUM")):
        return named
    return next(filter(None, map(shutil.which, COMMANDS.get(tool, (tool,)))), None)


def require(tool: str) -> str:
    """Give the tool's path; skip the test without it, or fail it where NBTRACK_REQUIRE lists the tool."""
    if path := find(tool):
        return path
    reason = f"{tool} is not here: {INSTALL[tool]}"
    if tool in os.environ.get("NBTRACK_REQUIRE", "").split(","):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
