"""Voices that are closed again, cards, and how pitch is measured, for the tests of the embedded voices."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agents.protocols import SpeakerCard, VoiceView
from agents.sound.wave import Sound
from agents.voices.espeak import EspeakOptions, EspeakVoice
from scenarios.schema import Language

SAID: dict[Language, str] = {
    "zh": "我最近三天一直头痛，晚上睡不着，还有一点发烧。",
    "en": "I have had a headache for three days, and I cannot sleep at night.",
}


@asynccontextmanager
async def espeak(**options: Any) -> AsyncIterator[EspeakVoice]:
    """Lend a voice and close it."""
    voice = EspeakVoice(EspeakOptions(**options))
    try:
        yield voice
    finally:
        await voice.aclose()


def card(language: Language = "zh", sex: Any = "female", age: float | None = 40.0, seed: int = 1) -> SpeakerCard:
    """Return somebody."""
    return SpeakerCard(f"case-{seed}", language, sex, age, None, seed)


def view(text: str, language: Language = "en", **who: Any) -> VoiceView:
    """Return somebody who says ``text``."""
    return VoiceView(text, card(language, **who))


def median_f0(sound: Sound, low_hz: float = 60.0, high_hz: float = 450.0) -> float:
    """Return the median fundamental frequency of the voiced frames (normalised autocorrelation, Boersma 1993)."""
    length = round(sound.rate_hz * 0.05)
    frames = np.lib.stride_tricks.sliding_window_view(sound.samples, length)[:: length // 2].astype(np.float64)
    energy = (frames**2).mean(axis=1)
    frames = frames[energy > 0.1 * energy.max()]
    window = np.hanning(length)
    size = 1 << (2 * length).bit_length()

    def correlated(what: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.fft.irfft(np.abs(np.fft.rfft(what, size)) ** 2, size)[..., : length // 2]

    found = correlated((frames - frames.mean(axis=1, keepdims=True)) * window)
    found = found / found[:, :1] / (correlated(window) / correlated(window)[0])
    first, last = int(sound.rate_hz / high_hz), int(sound.rate_hz / low_hz)
    pitches = [pitch for row in found[:, first:last] if (pitch := _pitch(row, first, sound.rate_hz))]
    return float(np.median(pitches))


def _pitch(row: np.ndarray[Any, Any], first: int, rate_hz: int) -> float | None:
    """Return the frequency of the first peak that is nearly as high as the highest, None in an unvoiced frame."""
    if row.max() < 0.5:
        return None
    lag = int(np.argmax(row > 0.9 * row.max()))
    while lag + 1 < len(row) and row[lag + 1] > row[lag]:
        lag += 1
    return rate_hz / (lag + first)


def children_of(pid: int) -> list[int]:
    """Return the process numbers of a process's children, zombies included (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
