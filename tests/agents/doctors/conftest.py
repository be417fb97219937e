"""A real SpeechLM with random weights, and a shelf with a patient's sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agents.sound.shelf import SoundShelf, shelved
from agents.sound.wave import Sound
from model.random_checkpoint import write_random
from scenarios.schema import AudioRef


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("tiny") / "tiny-speechlm")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[SoundShelf]:
    place = SoundShelf(tmp_path / "run")
    with shelved(place):
        yield place
    place.close()


def said(shelf: SoundShelf, seconds: float = 1.5, pitch_hz: float = 180.0) -> AudioRef:
    """Store a hum of some seconds."""
    time = np.arange(round(16_000 * seconds)) / 16_000
    return shelf.put(Sound((0.3 * np.sin(2 * np.pi * pitch_hz * time)).astype(np.float32), 16_000))
