"""People talking in the background, generated without any recording; it knows no words: syllables are drawn.

A voice is a train of glottal pulses (with some breath) through the resonances of a vowel, syllable by syllable, with
fricatives between and pauses after phrases. Twelve such voices of men, women and children at once, brought to the
long-term spectrum of speech, are babble.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.room.spectra import (
    Gains,
    Spectrum,
    frequencies,
    root_mean_square,
    shaped_noise,
    sound_of,
    spectrum,
)
from agents.sound.wave import Samples

CROWD_HZ = 16_000
"""Sample rate of all that is made here."""
_WINDOW = 4096
"""Samples of the longest syllable (256 ms)."""
_VOWELS_HZ = (
    (730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480),
    (570, 840, 2410), (660, 1720, 2410), (490, 1350, 1690), (640, 1190, 2390),
)
"""First three formants of men's vowels (Peterson and Barney 1952)."""
_BANDWIDTHS_HZ = (80, 100, 140)
_SPEECH_HZ = (
    63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000
)
_SPEECH_DB = (
    38.6, 43.5, 54.4, 57.7, 56.8, 60.2, 60.3, 59.0, 62.1, 62.1, 60.5, 56.8, 53.7, 53.0, 52.0, 48.7, 48.1, 46.8, 45.6,
    44.5, 44.3, 43.7,
)
"""Long-term average spectrum of speech in thirds of an octave (Byrne et al. 1994, men and women, twelve languages)."""


class _Speaker(NamedTuple):
    pitch_hz: float
    formants: float
    """Scale of the formants: 1 for men."""
    level: float


def babble(seconds: int, rng: np.random.Generator) -> Samples:
    """Return a loop of twelve voices talking at once, of shape (seconds * CROWD_HZ,)."""
    crowd = [_Speaker(pitch * rng.uniform(0.85, 1.2), scale, rng.uniform(0.5, 1.0))
             for pitch, scale in ((115, 1.0), (205, 1.17), (290, 1.3), (105, 1.0), (215, 1.15), (195, 1.17),
                                  (125, 1.02), (220, 1.18), (110, 0.98), (230, 1.2), (120, 1.0), (200, 1.16))]
    mixed = np.zeros(seconds * CROWD_HZ, np.float32)
    for speaker in crowd:
        mixed += np.float32(speaker.level) * _talk(speaker, seconds, rng)
    return _like_speech(mixed)


def waiting_room(talk: Samples, rng: np.random.Generator) -> Samples:
    """Return a loop of a waiting room: ``talk`` at a distance, ventilation, a monitor's beeps and two doors."""
    count = len(talk)
    people = sound_of(spectrum(talk, count) * _distance(frequencies(count, CROWD_HZ)).astype(np.float32), count)
    people /= np.float32(root_mean_square(people))
    air = shaped_noise(rng, count, CROWD_HZ, _ventilation)
    mixed = people + air * np.float32(0.6 / root_mean_square(air))
    for number in range(count // (6 * CROWD_HZ)):
        at = (number + rng.uniform(0.1, 0.9)) * 6 * CROWD_HZ
        for repeat in range(int(rng.integers(1, 4))):
            _lay(mixed, round(at + repeat * 0.35 * CROWD_HZ), _beep(rng.choice([880.0, 988.0])))
    for _ in range(2):
        _lay(mixed, int(rng.integers(count)), _door(rng))
    return mixed


def _talk(speaker: _Speaker, seconds: int, rng: np.random.Generator) -> Samples:
    """Return one voice alone, of root mean square 1."""
    starts, lengths = _rhythm(seconds, rng)
    vowels = rng.integers(len(_VOWELS_HZ), size=len(starts))
    responses = np.stack([_response(formants, speaker.formants) for formants in _VOWELS_HZ])
    voiced = sound_of(spectrum(_glottis(speaker, lengths, rng), _WINDOW) * responses[vowels], _WINDOW)
    voiced /= np.float32(root_mean_square(voiced.ravel()))
    consonants = rng.random(len(starts)) < 0.6
    whole = np.zeros(seconds * CROWD_HZ, np.float32)
    for start, sound, fricative in zip(starts, voiced, consonants, strict=True):
        _lay(whole, int(start), sound)
        if fricative:
            _lay(whole, int(start) - 800, _fricative(rng))
    return whole / np.float32(root_mean_square(whole))


def _rhythm(seconds: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return starts and lengths of syllables, in samples: phrases of 4 to 14 at 4 to 5 a second, then a pause."""
    starts, lengths, now = [], [], rng.uniform(0, 1.0)
    left = int(rng.integers(4, 15))
    while now < seconds:
        length = rng.uniform(0.1, 0.24)
        starts.append(round(now * CROWD_HZ))
        lengths.append(round(length * CROWD_HZ))
        left -= 1
        now += length + rng.uniform(0.01, 0.09)
        if not left:
            left, now = int(rng.integers(4, 15)), now + rng.uniform(0.25, 0.9)
    return starts, lengths


def _glottis(speaker: _Speaker, lengths: list[int], rng: np.random.Generator) -> Samples:
    """Return pulses at a gliding pitch with a little breath, one row a syllable, of shape (syllables, window)."""
    rows = (len(lengths), 1)
    times = np.arange(_WINDOW, dtype=np.float32) / np.asarray(lengths, np.float32)[:, None]
    pitch_hz = speaker.pitch_hz * rng.uniform(0.9, 1.15, rows) * (1 + rng.uniform(-0.15, 0.1, rows) * times)
    phase = np.floor(np.cumsum(pitch_hz / CROWD_HZ, axis=1))
    breath = rng.standard_normal(phase.shape, np.float32) * np.float32(0.02)
    breath[:, 1:] += phase[:, 1:] > phase[:, :-1]
    loudness = np.sqrt(np.maximum(np.sin(np.float32(np.pi) * np.minimum(times, 1)), 0))
    return np.asarray(breath * loudness * rng.uniform(0.5, 1.0, rows).astype(np.float32), np.float32)


def _response(formants_hz: tuple[int, ...], scale: float) -> Spectrum:
    """Return what the mouth makes of the glottis: three resonances over a slope of 6 dB an octave."""
    hz = frequencies(_WINDOW, CROWD_HZ)
    gains = 1 / (1 + 1j * hz / 300)
    for formant, width in zip(formants_hz, _BANDWIDTHS_HZ, strict=True):
        centre = formant * scale
        gains = gains * centre**2 / (centre**2 - hz**2 + 1j * hz * width) * (1 + 0.5 * (hz / centre) ** 2) ** 0.5
    return np.asarray(gains * (hz > 60), np.complex64)


def _fricative(rng: np.random.Generator) -> Samples:
    count = int(rng.integers(640, 1440))
    low = rng.uniform(1800, 3500)
    hiss = shaped_noise(rng, count, CROWD_HZ, lambda hz: (hz / low) ** 2 / (1 + (hz / low) ** 2))
    return np.asarray(hiss * np.hanning(count) * (0.25 / root_mean_square(hiss)), np.float32)


def _like_speech(samples: Samples) -> Samples:
    """Return ``samples`` with each third of an octave brought to what speech has there."""
    bins = spectrum(samples, len(samples))
    hz = frequencies(len(samples), CROWD_HZ)
    centres, wanted = np.asarray(_SPEECH_HZ, np.float64), np.asarray(_SPEECH_DB)
    band = np.searchsorted(centres * 2 ** (1 / 6), hz)
    found = np.bincount(band, np.abs(bins) ** 2, len(centres) + 1)[:-1]
    gains_db = wanted - 10 * np.log10(np.maximum(found, found.max() * 1e-9))
    gains = 10 ** (np.interp(np.log(np.maximum(hz, 1)), np.log(centres), gains_db) / 20)
    return sound_of(bins * (gains * (hz > centres[0])).astype(np.float32), len(samples))


def _distance(hz: Gains) -> Gains:
    """Return how talk across a room sounds: duller."""
    return 1 / (1 + (hz / 1200) ** 2) ** 0.75


def _ventilation(hz: Gains) -> Gains:
    return (hz / 60) ** 2 / (1 + (hz / 60) ** 2) / (1 + (hz / 250) ** 2)


def _beep(hz: float) -> Samples:
    times = np.arange(round(0.15 * CROWD_HZ)) / CROWD_HZ
    edges = np.minimum(1, np.minimum(times, 0.15 - times) / 0.005)
    return np.asarray(0.8 * edges * np.sin(2 * np.pi * hz * times), np.float32)


def _door(rng: np.random.Generator) -> Samples:
    """Return a door that falls shut: a dull blow, then the latch."""
    count = round(0.5 * CROWD_HZ)
    times = np.arange(count) / CROWD_HZ
    blow = shaped_noise(rng, count, CROWD_HZ, lambda hz: 1 / (1 + (hz / 150) ** 2))
    latch = shaped_noise(rng, count, CROWD_HZ, lambda hz: (hz / 2000) / (1 + (hz / 2000) ** 2))
    fall = 3.0 * np.exp(-times / 0.06) * np.minimum(times / 0.004, 1) / root_mean_square(blow)
    click = np.where(times > 0.09, 0.8 * np.exp(-(times - 0.09) / 0.012), 0) / root_mean_square(latch)
    return np.asarray(blow * fall + latch * click, np.float32)


def _lay(whole: Samples, start: int, part: Samples) -> None:
    """Add ``part`` from ``start`` on; what goes beyond the end goes on at the beginning."""
    start %= len(whole)
    first = min(len(part), len(whole) - start)
    whole[start : start + first] += part[:first]
    whole[: len(part) - first] += part[first:]

