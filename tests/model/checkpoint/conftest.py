"""One small checkpoint with random weights for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.random_checkpoint import write_random


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny preset with its codec; not to be written to."""
    return write_random(tmp_path_factory.mktemp("checkpoints") / "tiny")
