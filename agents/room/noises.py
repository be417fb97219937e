"""Generated noise of several kinds; it knows no speech: how loud it is put under speech is the channel's business.

Each kind is a loop of 30 s per sample rate, made once per process with a seed of its own, whose end goes on in its
beginning; what is heard during an utterance is a part of it that begins anywhere. So noise costs next to nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from agents.room.crowd import CROWD_HZ, babble, waiting_room
from agents.room.spectra import Gains, root_mean_square, shaped_noise, sound_of, spectrum
from agents.sound.wave import Samples
from scenarios.identity import derive_seed
from scenarios.schema.channel import NoiseKind

LOOP_S = 30
LOWEST_HZ = 50.0
"""Pink and brown noise begin here: what lies below would count as noise without being heard."""
MAINS_HZ = 50
_DROPS = ((1500.0, 0.004), (3000.0, 0.003), (5000.0, 0.002))
_ONCE = threading.Lock()


def noise(kind: NoiseKind, count: int, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Return ``count`` samples of noise, whose root mean square is 1."""
    with _ONCE:
        whole = loop(kind, rate_hz)
    start = int(rng.integers(len(whole)))
    part = whole[start : start + count]
    if len(part) < count:
        part = np.take(whole, np.arange(start, start + count), mode="wrap")
    level = root_mean_square(part)
    return np.asarray(part / np.float32(level)) if level else part.copy()


@lru_cache(maxsize=16)
def loop(kind: NoiseKind, rate_hz: int) -> Samples:
    """Return the loop of a kind of noise at a sample rate, read-only."""
    made = _KINDS[kind](LOOP_S * rate_hz, rate_hz, np.random.default_rng(derive_seed(0, "noise", kind)))
    made = np.asarray(made / np.float32(root_mean_square(made)), np.float32)
    made.setflags(write=False)
    return made


def _white(count: int, rate_hz: int, rng: np.random.Generator) -> Samples:
    return shaped_noise(rng, count, rate_hz, np.ones_like)


def _pink(count: int, rate_hz: int, rng: np.random.Generator) -> Samples:
    return shaped_noise(rng, count, rate_hz, lambda hz: _falling(hz, 0.5))


def _brown(count: int, rate_hz: int, rng: np.random.Generator) -> Samples:
    return shaped_noise(rng, count, rate_hz, lambda hz: _falling(hz, 1.0))


def _falling(hz: Gains, power: float) -> Gains:
    """Return gains that fall with frequency to a power: 0.5 is 3 dB an octave, 1 is 6 dB."""
    return np.where(hz >= LOWEST_HZ, np.maximum(hz, LOWEST_HZ) ** -power, 0.0)


def _hum(count: int, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Mains hum: 50 Hz and its multiples up to 1.5 kHz, the even ones (transformers, lamps) the stronger."""
    bins = np.zeros(count // 2 + 1, np.complex64)
    for harmonic in range(1, min(1500, rate_hz // 2 - 1) // MAINS_HZ + 1):
        strength = harmonic**-0.8 * (1.0 if harmonic % 2 == 0 else 0.5)
        bins[harmonic * MAINS_HZ * LOOP_S] = strength * np.exp(2j * np.pi * rng.random())
    tone = sound_of(bins, count)
    hiss = shaped_noise(rng, count, rate_hz, lambda hz: _falling(hz, 0.5))
    return np.asarray(tone + hiss * np.float32(0.03 * root_mean_square(tone) / root_mean_square(hiss)))


def _rain(count: int, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Rain on a window: a steady hiss around 1 to 6 kHz, and some hundred drops a second of three sizes."""
    hiss = shaped_noise(rng, count, rate_hz, lambda hz: hz / 1000 / (1 + (hz / 1500) ** 2) ** 0.8)
    hiss /= np.float32(root_mean_square(hiss))
    times = np.arange(round(0.03 * rate_hz)) / rate_hz
    for hz, decay_s in _DROPS:
        falls = np.zeros(count, np.float32)
        many = 120 * LOOP_S
        np.add.at(falls, rng.integers(count, size=many), rng.exponential(1.0, many).astype(np.float32))
        if hz < rate_hz / 2:
            drop = (np.exp(-times / decay_s) * np.sin(2 * np.pi * hz * times)).astype(np.float32)
            drops = sound_of(spectrum(falls, count) * spectrum(drop, count), count)
            hiss += drops * np.float32(0.5 / root_mean_square(drops))
    return hiss


def _babble(count: int, rate_hz: int, rng: np.random.Generator) -> Samples:
    if rate_hz != CROWD_HZ:
        return _at_rate(loop("babble", CROWD_HZ), count)
    return babble(LOOP_S, rng)


def _clinic(count: int, rate_hz: int, rng: np.random.Generator) -> Samples:
    if rate_hz != CROWD_HZ:
        return _at_rate(loop("clinic", CROWD_HZ), count)
    return waiting_room(loop("babble", CROWD_HZ), rng)


def _at_rate(whole: Samples, count: int) -> Samples:
    """Return a loop with ``count`` samples; exact, since a loop is periodic."""
    bins = spectrum(whole, len(whole))[: count // 2 + 1]
    if count < len(whole) and count % 2 == 0:
        bins[-1] = 0
    return sound_of(bins, count)


_KINDS: dict[NoiseKind, Callable[[int, int, np.random.Generator], Samples]] = {
    "white": _white, "pink": _pink, "brown": _brown, "hum": _hum, "rain": _rain, "babble": _babble, "clinic": _clinic,
}
