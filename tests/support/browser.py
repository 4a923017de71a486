"""A real Chromium for tests."""

from contextlib import contextmanager

from tests.support.tools import require


@contextmanager
def browser(*arguments):
    path = require("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", *arguments],
        )
        try:
            yield chromium
        finally:
            chromium.close()
