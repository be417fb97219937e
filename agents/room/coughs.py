"""Generated coughs; it knows no illness.

Source: the phases of a cough's sound as in A. H. Morice et al., ERS guidelines on the assessment of cough (2007): an
explosive phase (glottis opens), an intermediate phase (air flows), and in many coughs a voiced phase (glottis closes).
"""

from __future__ import annotations

import numpy as np

from agents.room.spectra import Gains, frequencies, quick_length, root_mean_square, sound_of, spectrum
from agents.sound.wave import Samples
from scenarios.schema import Coughs

_VOICED_SHARE = 0.6
_RESONANCES_HZ = ((450.0, 250.0, 1.0), (1300.0, 500.0, 0.8), (2700.0, 1200.0, 0.5))
"""Centre, width and strength."""
_SHORTEST_GAP_S = 0.5
_RUN_UP_S = 60.0


def cough_starts(seconds: float, coughs: Coughs, rng: np.random.Generator) -> list[float]:
    """Return the seconds at which coughs begin: at random, on average ``per_minute``, at least half a second apart."""
    mean_s = 60 / coughs.per_minute
    now, starts = -_RUN_UP_S, []
    while now < seconds:
        if now >= 0:
            starts.append(now)
        now += _SHORTEST_GAP_S + rng.exponential(mean_s - _SHORTEST_GAP_S)
    return starts


def with_coughs(
    samples: Samples, rate_hz: int, coughs: Coughs, level: float, rng: np.random.Generator
) -> tuple[Samples, int]:
    """Return ``samples`` with coughs over them, and their number; one that begins near the end is cut there.

    ``level`` is the root mean square of each cough over its length (0.3 to 0.5 s).
    """
    starts = cough_starts(len(samples) / rate_hz, coughs, rng)
    mixed = samples.copy() if starts else samples
    for start in starts:
        first = int(start * rate_hz)
        sound = cough(rate_hz, rng)[: len(samples) - first]
        mixed[first : first + len(sound)] += sound * np.float32(level)
    return mixed, len(starts)


def cough(rate_hz: int, rng: np.random.Generator) -> Samples:
    """Return one cough, whose root mean square is 1."""
    burst_s, flow_s = rng.uniform(0.04, 0.07), rng.uniform(0.16, 0.26)
    voiced_s = rng.uniform(0.07, 0.14) if rng.random() < _VOICED_SHARE else 0.0
    count = round((burst_s + flow_s + voiced_s) * rate_hz)
    times = np.arange(count) / rate_hz
    air = rng.standard_normal(count, np.float32) * _air_flow(times, burst_s, burst_s + flow_s + 0.3 * voiced_s)
    whole = _coloured(air.astype(np.float32), rate_hz)
    if voiced_s:
        whole = whole + 0.35 * _coloured(_voice(times - burst_s - flow_s, voiced_s, rate_hz, rng), rate_hz)
    return np.asarray(whole / root_mean_square(whole), np.float32)


def _air_flow(times: Gains, burst_s: float, end_s: float) -> Gains:
    """Return the envelope of the noise: up within 3 ms, down fast, then a flow that slowly ends."""
    burst = np.minimum(times / 0.003, 1) * np.exp(-np.maximum(times - 0.003, 0) / (0.35 * burst_s))
    flow = 0.22 * np.clip(times / burst_s, 0, 1) * np.sqrt(np.maximum(1 - times / end_s, 0))
    return burst + flow


def _voice(times: Gains, length_s: float, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Return glottal pulses at a falling pitch from time 0 on."""
    part = np.clip(times / length_s, 0, 1)
    pitch_hz = rng.uniform(180, 380) * (1 - 0.25 * part)
    pulses = np.diff(np.floor(np.cumsum(pitch_hz / rate_hz)), prepend=0)
    return np.asarray(pulses * np.sin(np.pi * part) * np.sqrt(rate_hz / pitch_hz), np.float32)


def _coloured(samples: Samples, rate_hz: int) -> Samples:
    """Return ``samples`` behind throat and mouth: three broad resonances over hiss."""
    count = quick_length(len(samples) + round(0.01 * rate_hz))
    hz = frequencies(count, rate_hz)
    gains = np.full_like(hz, 0.15)
    for centre, width, strength in _RESONANCES_HZ:
        gains += strength / (1 + ((hz - centre) / width) ** 2)
    return sound_of(spectrum(samples, count) * gains.astype(np.float32), count)[: len(samples)]
