"""Shared fixtures: where real datasets lie, when they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real datasets beside the checkout (or CLINIC_DATA); tests that need them skip where they are absent."""
    folder = Path(os.environ.get("CLINIC_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real datasets are not at {folder} (set CLINIC_DATA)")
    return folder
