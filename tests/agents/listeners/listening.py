"""What the tests of listeners share: views, spoken sentences, an eye on the event loop."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agents import catalog
from agents.protocols import ListenerView
from agents.sound.wave import Sound, joined, silence
from scenarios.schema import BackendRef, Language
from tests.sounds import speech, tone

SAID: dict[Language, tuple[str, str]] = {
    "zh": ("我从昨天开始发烧，没有胸痛。", "cmn"), "en": ("I have had a fever since yesterday.", "en-us"),
}


def spoken(language: Language = "zh", rate_hz: int = 16_000) -> Sound:
    return speech(*SAID[language], rate_hz)


def view(sound: Sound | None, language: Language = "zh", seed: int = 1) -> ListenerView:
    return ListenerView(sound, "the true text, which no ear may read", language, seed)


def tones(count: int) -> list[Sound]:
    """Return different sounds of different lengths."""
    return [tone(0.5 + n / 8, 200 + 40 * n) for n in range(count)]


def two_minutes() -> Sound:
    return joined([spoken("zh"), *(tone(5.0, 300 + 50 * n) for n in range(23)), spoken("en")], pause_s=0.3)


def broken(seconds: float = 1.0) -> Sound:
    samples = np.zeros(round(seconds * 16_000), np.float32)
    samples[100] = np.nan
    return Sound(samples, 16_000)


NOTHING = (silence(2.0, 16_000), Sound(np.zeros(0, np.float32), 16_000), tone(1.0, level=0.0005), tone(0.01))


def listener(backend: str, **options: Any) -> Any:
    return catalog.create("listener", BackendRef.model_validate({"backend": backend, **options}))


async def understood(ear: Any, sound: Sound, language: Language = "zh", seed: int = 1) -> str:
    return str((await ear.listen(view(sound, language, seed))).text)


class Touch:
    """Writes a file when it is unpickled: code in a checkpoint."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


def with_code(file: Path, ran: Path) -> None:
    """Save a checkpoint that would create ``ran`` when it is read carelessly."""
    import torch

    torch.save({"dims": {}, "model_state_dict": {}, "state_dict": Touch(ran)}, file, pickle_module=pickle)


@asynccontextmanager
async def eye_on_the_loop() -> AsyncIterator[list[float]]:
    """Measure how long the event loop was held up at worst, in seconds, in the body."""
    worst = [0.0]

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            worst[0] = max(worst[0], time.perf_counter() - before - 0.005)

    task = asyncio.create_task(tick())
    try:
        yield worst
    finally:
        task.cancel()
