"""A real Chromium for the tests of pages; they skip with the reason where there is none, unless one is required."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        reason = "chromium is not installed (sh tests/browser/install.sh)"
        if os.environ.get("CLINIC_REQUIRE_BROWSER") == "1":
            pytest.fail(f"CLINIC_REQUIRE_BROWSER=1, but {reason}")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def artifacts(root: Path) -> Path:
    """Return the folder for screenshots, which git ignores."""
    folder = root / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder
