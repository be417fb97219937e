"""Telephone lines pass their band, code as G.711 says, and neither delay nor shorten what is said."""

from __future__ import annotations

import numpy as np
import pytest

from agents.room.telephone import mu_law, telephoned
from agents.sound.wave import Sound
from tests.agents.room.signals import band_db, db, patient, rms
from tests.sounds import tone


def passed_db(hz: float, line: str, rate_hz: int = 16_000) -> float:
    """Return how much of a tone at ``hz`` comes out at that very frequency."""
    sent = tone(1.0, hz, 0.5, rate_hz).samples
    got = telephoned(sent, rate_hz, line)  # type: ignore[arg-type]
    middle = slice(rate_hz // 4, 3 * rate_hz // 4)
    wave = np.exp(-2j * np.pi * hz * np.arange(len(sent))[middle] / rate_hz)
    return db(abs(np.sum(got[middle] * wave)) / abs(np.sum(sent[middle] * wave)) + 1e-9)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100])
def test_narrowband_passes_300_to_3400_hz(rate_hz: int) -> None:
    for hz in (300, 500, 1000, 2000, 3000, 3400):
        assert passed_db(hz, "narrowband", rate_hz) == pytest.approx(0, abs=0.3)
    for hz in (50, 100, 180, 3750, 4500, 7000):
        assert passed_db(hz, "narrowband", rate_hz) < -40


def test_wideband_passes_50_to_7000_hz() -> None:
    for hz in (50, 300, 3400, 5000, 7000):
        assert passed_db(hz, "wideband") == pytest.approx(0, abs=0.3)
    for hz in (10, 7450, 7800):
        assert passed_db(hz, "wideband") < -40


def test_the_code_is_that_of_g711() -> None:
    """All of the decoder's values occur, each for what lies within half a step of its segment, alike on both sides."""
    steps = [(2 * mantissa + 33 << segment) - 33 for segment in range(8) for mantissa in range(16)]
    levels = np.asarray(sorted({4 * level for level in steps} | {-4 * level for level in steps}))
    values = np.arange(-32_768, 32_768)
    coded = np.rint(mu_law((values / 32_767).astype(np.float32)) * 32_768).astype(int)
    assert set(coded) == set(levels) and len(levels) == 255
    assert coded[values == 0] == 0 and (np.diff(coded) >= 0).all()
    assert (coded == -coded[::-1]).all()
    half_step = 2 ** (np.floor(np.log2(np.minimum(np.abs(values) // 4, 8158) + 33)) - 3)
    loud = np.abs(values) > 32_635
    assert (np.abs(coded - values) <= half_step + 4)[~loud].all() and (np.abs(coded[loud]) == 32_124).all()


def test_the_code_agrees_with_pythons_own() -> None:
    audioop = pytest.importorskip("audioop", reason="Python 3.13 has no audioop")
    values = np.arange(0, 32_768, dtype=np.int16)
    there_and_back = np.frombuffer(audioop.ulaw2lin(audioop.lin2ulaw(values.tobytes(), 2), 2), np.int16)
    ours = np.rint(mu_law((values / 32_767).astype(np.float32)) * 32_768)
    assert (ours == there_and_back).all()


def test_noise_of_the_code_lies_far_below_speech() -> None:
    sent = patient().samples
    noise = rms(mu_law(sent) - sent)
    assert 30 < db(rms(sent) / noise) < 45, "8-bit mu-law speech has about 38 dB"


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 15_999, 16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("line", ["narrowband", "wideband"])
def test_any_rate_and_length_comes_back_without_delay(rate_hz: int, line: str) -> None:
    for count in (1, 100, 3001, rate_hz):
        sent = tone(1.0, 1000, 0.3, rate_hz).samples[:count]
        got = telephoned(sent, rate_hz, line)  # type: ignore[arg-type]
        assert got.dtype == np.float32 and len(got) == count
        if count > 3000:
            assert rms((got - sent)[500:-500]) < 0.02 * rms(sent)


def test_a_telephone_speaks_without_bass_and_treble() -> None:
    sound: Sound = patient()
    got = telephoned(sound.samples, sound.rate_hz, "narrowband")
    assert band_db(sound.samples, 16_000, 4000, 8000) > -25
    assert band_db(got, 16_000, 4000, 8000) < -90 and band_db(got, 16_000, 0, 190) < -40
