"""What a patient's sound goes through before a doctor hears it; it knows neither words nor speakers.

Pure: a sound, a channel and a seed give the same bytes, in every process of a machine. Each effect draws from a
stream of its own, so switching one on leaves the others as they were. Rate and length stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.room.coughs import with_coughs
from agents.room.noises import noise
from agents.room.packets import with_losses
from agents.room.reverb import reverberated
from agents.room.spectra import ratio
from agents.room.speech_level import NOMINAL_DBFS, active_level_dbfs
from agents.room.telephone import telephoned
from agents.sound.wave import Samples, Sound
from scenarios.identity import derive_seed
from scenarios.schema import Channel


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What arrives: the sound, and in words what was put on it (nothing: no words, and the very sound)."""

    sound: Sound
    effects: tuple[str, ...]


def through(sound: Sound, channel: Channel, seed: int) -> Heard:
    """Return ``sound`` as it is heard at the other end of ``channel``.

    Effects come in the order of Channel's documentation. Noise and coughs are measured against the active speech
    level of the sound as it arrives; where there is no speech (a silent answer) against -26 dB of full scale.

    Args:
        sound: any rate; what exceeds full scale is clipped first, as in stored sound, and NaN counts as 0.
        channel: what to put on.
        seed: this turn's own.
    """
    if not len(sound.samples):
        return Heard(sound, ())
    told: list[str] = []
    samples = _room(_within_full_scale(sound.samples), sound.rate_hz, channel, seed, told)
    samples = _microphone(samples, channel.gain_db, told)
    samples = _line(samples, sound.rate_hz, channel, seed, told)
    return Heard(Sound(np.clip(samples, -1.0, 1.0), sound.rate_hz), tuple(told)) if told else Heard(sound, ())


def _within_full_scale(samples: Samples) -> Samples:
    return np.asarray(np.clip(np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0), np.float32)


def _room(samples: Samples, rate_hz: int, channel: Channel, seed: int, told: list[str]) -> Samples:
    """Add coughs, reverberation and noise; where the sum exceeds full scale, all of it is turned down together."""
    if not (channel.coughs or channel.reverb or channel.noise):
        return samples
    level = active_level_dbfs(samples, rate_hz)
    speech_dbfs = NOMINAL_DBFS if level is None else level
    if channel.coughs:
        loudness = ratio(speech_dbfs + channel.coughs.level_db)
        samples, count = with_coughs(samples, rate_hz, channel.coughs, loudness, _stream(seed, "coughs"))
        told += [f"{count} cough{'s' * (count > 1)}"] if count else []
    if channel.reverb:
        samples = _level_kept(samples, reverberated(samples, rate_hz, channel.reverb, _stream(seed, "reverb")), rate_hz)
        told.append(f"reverberation {channel.reverb.rt60_s:g} s, direct sound {channel.reverb.direct_db:+g} dB")
    if channel.noise:
        loudness = ratio(speech_dbfs - channel.noise.snr_db)
        added = noise(channel.noise.kind, len(samples), rate_hz, _stream(seed, "noise"))
        samples = samples + added * np.float32(loudness)
        told.append(f"{channel.noise.kind} noise, {channel.noise.snr_db:g} dB SNR")
    return _fitted(samples, told)


def _level_kept(before: Samples, after: Samples, rate_hz: int) -> Samples:
    """Return ``after`` at the active speech level of ``before``."""
    old, new = active_level_dbfs(before, rate_hz), active_level_dbfs(after, rate_hz)
    return after if old is None or new is None else np.asarray(after * np.float32(ratio(old - new)))


def _fitted(samples: Samples, told: list[str]) -> Samples:
    peak = float(np.max(np.abs(samples)))
    if peak <= 1:
        return samples
    told.append(f"turned down {20 * np.log10(peak):.1f} dB to fit")
    return np.asarray(samples / np.float32(peak))


def _microphone(samples: Samples, gain_db: float, told: list[str]) -> Samples:
    if not gain_db:
        return samples
    louder = samples * np.float32(ratio(gain_db))
    clipped = float(np.mean(np.abs(louder) > 1))
    told.append(f"gain {gain_db:+g} dB" + (f", {clipped:.2%} clipped" if clipped else ""))
    return np.asarray(np.clip(louder, -1.0, 1.0))


def _line(samples: Samples, rate_hz: int, channel: Channel, seed: int, told: list[str]) -> Samples:
    if channel.telephone:
        samples = telephoned(samples, rate_hz, channel.telephone)
        told.append(f"{channel.telephone} telephone")
    if channel.packet_loss:
        samples, lost, count = with_losses(samples, rate_hz, channel.packet_loss, _stream(seed, "packets"))
        told += [f"{lost} of {count} packets lost"] if lost else []
    return samples


def _stream(seed: int, effect: str) -> np.random.Generator:
    return np.random.default_rng(derive_seed(seed, "channel", effect))
