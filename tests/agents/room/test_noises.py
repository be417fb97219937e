"""Each kind of noise lies under speech at the ratio asked for, and is what its name says."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from agents.room.channel import through
from agents.room.crowd import _SPEECH_DB, _SPEECH_HZ
from agents.room.noises import LOOP_S, loop, noise
from agents.sound.wave import Sound, silence
from scenarios.schema.channel import Channel, Noise, NoiseKind, Reverb
from tests.agents.room.signals import band_db, db, patient, rms
from tests.agents.room.test_speech_level import p56

KINDS: tuple[NoiseKind, ...] = get_args(NoiseKind)


@pytest.mark.parametrize("snr_db", [-5.0, 10.0, 30.0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_ratio_of_speech_to_noise_is_as_asked(kind: NoiseKind, snr_db: float) -> None:
    sound = patient()
    quiet = Sound(sound.samples * np.float32(0.1), sound.rate_hz)
    heard = through(quiet, Channel(noise=Noise(kind=kind, snr_db=snr_db)), seed=5)
    added = heard.sound.samples - quiet.samples
    assert p56(quiet.samples, quiet.rate_hz) - db(rms(added)) == pytest.approx(snr_db, abs=0.3)
    assert heard.effects == (f"{kind} noise, {snr_db:g} dB SNR",)


def test_the_ratio_holds_for_reverberant_speech_too() -> None:
    room, sound = Reverb(rt60_s=0.8, direct_db=-3), patient()
    sound = Sound(sound.samples * np.float32(0.2), sound.rate_hz)
    dry = through(sound, Channel(reverb=room), seed=2).sound
    noisy = through(sound, Channel(reverb=room, noise=Noise(snr_db=10)), seed=2).sound
    added = rms(noisy.samples - dry.samples)
    assert p56(dry.samples, 16_000) - db(added) == pytest.approx(10, abs=0.3)


def test_where_speech_and_noise_do_not_fit_both_are_turned_down() -> None:
    sound = patient()
    heard = through(sound, Channel(noise=Noise(kind="white", snr_db=-20)), seed=1)
    assert np.max(np.abs(heard.sound.samples)) == pytest.approx(1.0, abs=1e-6)
    assert heard.effects[1].startswith("turned down ")
    gain = float(np.dot(heard.sound.samples, sound.samples) / np.dot(sound.samples, sound.samples))
    assert p56(sound.samples * np.float32(gain), 16_000) - db(rms(heard.sound.samples)) == pytest.approx(-20, abs=0.3)


def test_a_silent_answer_is_as_noisy_as_one_with_words() -> None:
    heard = through(silence(2.0, 16_000), Channel(noise=Noise(snr_db=20)), seed=1)
    assert db(rms(heard.sound.samples)) == pytest.approx(-46, abs=0.1)


@pytest.mark.parametrize(("kind", "slope_db"), [("white", 3.0), ("pink", 0.0), ("brown", -3.0)])
def test_noise_has_its_colour(kind: NoiseKind, slope_db: float) -> None:
    octaves = [band_db(loop(kind, 16_000), 16_000, hz, 2 * hz) for hz in (125, 250, 500, 1000, 2000, 4000)]
    assert np.diff(octaves) == pytest.approx([slope_db] * 5, abs=0.3)


def test_hum_is_mains_and_its_multiples() -> None:
    power = np.abs(np.fft.rfft(loop("hum", 16_000))) ** 2
    lines = sum(power[n * 50 * LOOP_S] for n in range(1, 31))
    assert lines / power.sum() > 0.99
    assert np.argmax(power) == 100 * LOOP_S


def test_babble_has_the_spectrum_and_the_rhythm_of_speech() -> None:
    babble = loop("babble", 16_000)
    hz, wanted = np.asarray(_SPEECH_HZ[2:-1], float), np.asarray(_SPEECH_DB[2:-1])
    found = np.asarray([band_db(babble, 16_000, f * 2 ** (-1 / 6), f * 2 ** (1 / 6)) for f in hz])
    assert np.abs(found - wanted - np.mean(found - wanted)).max() < 2.5
    envelope = np.sqrt(np.mean(np.square(babble.reshape(-1, 160)), axis=1))
    swings = np.abs(np.fft.rfft(envelope - envelope.mean())) ** 2
    rate = np.arange(len(swings)) / LOOP_S
    assert swings[(rate > 2) & (rate < 8)].sum() > 2 * swings[(rate > 10) & (rate < 40)].sum()


def test_a_waiting_room_is_duller_than_babble_and_beeps() -> None:
    clinic = loop("clinic", 16_000)
    assert band_db(clinic, 16_000, 2000, 8000) < band_db(loop("babble", 16_000), 16_000, 2000, 8000) - 5
    for hz in (880, 988):
        around = band_db(clinic, 16_000, hz - 30, hz - 10), band_db(clinic, 16_000, hz + 10, hz + 30)
        assert band_db(clinic, 16_000, hz - 4, hz + 4) > max(around), "no beeps are heard"


@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_has_no_seam(kind: NoiseKind) -> None:
    whole = loop(kind, 16_000)
    steps = np.abs(np.diff(np.append(whole, whole[0])))
    assert steps[-1] <= np.quantile(steps, 0.9999)
    assert not whole.flags.writeable and len(whole) == LOOP_S * 16_000
    with pytest.raises(ValueError, match="read-only"):
        whole[0] = 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
def test_any_length_and_rate_is_filled_at_level_1(kind: NoiseKind, rate_hz: int) -> None:
    for seconds in (0.01, 1.0, LOOP_S + 5.0):
        made = noise(kind, round(seconds * rate_hz), rate_hz, np.random.default_rng(3))
        assert made.dtype == np.float32 and len(made) == round(seconds * rate_hz)
        assert rms(made) == pytest.approx(1.0, abs=1e-3)


def test_each_utterance_hears_another_part() -> None:
    parts = [noise("babble", 16_000, 16_000, np.random.default_rng(seed)) for seed in range(20)]
    alike = np.corrcoef(np.stack(parts)) - np.eye(20)
    assert np.abs(alike).max() < 0.5
