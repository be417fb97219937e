"""The whole channel: the same bytes whoever asks, effects apart from each other, nothing lost at the edges."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.room.channel import through
from agents.sound.wave import Sound
from scenarios.schema.channel import Channel, Coughs, Noise, PacketLoss, Reverb
from tests.agents.room.signals import patient, rms
from tests.sounds import noise, tone

EVERYTHING = Channel(
    coughs=Coughs(per_minute=40), reverb=Reverb(), noise=Noise(kind="clinic", snr_db=15), gain_db=12,
    telephone="narrowband", packet_loss=PacketLoss(rate=0.1, burst=2),
)
ELSEWHERE = """
import hashlib, sys
import numpy as np
from agents.room.channel import through
from agents.sound.wave import Sound
from scenarios.schema.channel import Channel
samples = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
for seed in range(4):
    heard = through(Sound(samples, 16_000), Channel.model_validate_json(sys.argv[1]), seed)
    print(hashlib.sha256(heard.sound.samples.tobytes()).hexdigest(), *heard.effects, sep="|")
assert "scipy.stats" not in sys.modules
"""


def told(seed: int) -> str:
    heard = through(Sound(noise(2.5, 0.1).samples, 16_000), EVERYTHING, seed)
    return "|".join([hashlib.sha256(heard.sound.samples.tobytes()).hexdigest(), *heard.effects])


def test_the_same_seed_gives_the_same_bytes_in_every_process_and_thread() -> None:
    here = [told(seed) for seed in range(4)]
    command = [sys.executable, "-c", ELSEWHERE, EVERYTHING.model_dump_json()]
    there = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert there.stdout.splitlines() == here
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(told, [n % 4 for n in range(64)])) == here * 16


@pytest.mark.parametrize(
    "channel",
    [
        Channel(coughs=Coughs(per_minute=60)), Channel(reverb=Reverb()), Channel(noise=Noise(kind="white")),
        Channel(noise=Noise(kind="babble")), Channel(packet_loss=PacketLoss(rate=0.3)),
    ],
)
def test_another_seed_gives_another_sound(channel: Channel) -> None:
    sound = noise(2.0)
    heard = {through(sound, channel, seed).sound.samples.tobytes() for seed in range(5)}
    assert len(heard) == 5


def test_what_was_put_on_is_told_in_the_order_it_was() -> None:
    heard = through(patient(), EVERYTHING, seed=3)
    effects = [effect for effect in heard.effects if not effect.startswith("turned down")]
    assert effects[0].endswith("coughs")
    assert effects[1:3] == ["reverberation 0.4 s, direct sound +3 dB", "clinic noise, 15 dB SNR"]
    assert effects[3].startswith("gain +12 dB, ") and effects[3].endswith("% clipped")
    assert effects[4] == "narrowband telephone" and effects[5].endswith("packets lost") and len(effects) == 6


def test_an_empty_channel_hands_on_the_very_sound() -> None:
    sound = patient()
    heard = through(sound, Channel(), seed=1)
    assert heard.sound is sound and heard.effects == ()


def test_each_effect_draws_for_itself() -> None:
    sound = noise(5.0, 0.01)
    loss = PacketLoss(rate=0.3, conceal="silence")
    alone = through(sound, Channel(packet_loss=loss), seed=9).sound.samples.reshape(-1, 320)
    noisy = through(sound, Channel(packet_loss=loss, noise=Noise()), seed=9).sound.samples.reshape(-1, 320)
    assert (alone.any(axis=1) == noisy.any(axis=1)).all()


def test_the_sound_given_stays_as_it_was() -> None:
    sound = patient()
    before = sound.samples.copy()
    through(sound, EVERYTHING, seed=2)
    assert (sound.samples == before).all()


@pytest.mark.parametrize(("gain_db", "clipped"), [(-20.0, 0.0), (6.0, 0.0), (12.0, 2 / 3)])
def test_gain_makes_louder_and_clips_at_full_scale(gain_db: float, clipped: float) -> None:
    sound = tone(1.0, 441, 0.5)
    heard = through(sound, Channel(gain_db=gain_db), seed=1)
    factor = 10 ** (gain_db / 20)
    assert heard.sound.samples == pytest.approx(np.clip(sound.samples * factor, -1, 1), abs=1e-6)
    if clipped:
        assert np.mean(np.abs(heard.sound.samples) == 1) == pytest.approx(clipped, abs=0.02)
        assert heard.effects[0].startswith("gain +12 dB, 6")
    else:
        assert heard.effects == (f"gain {gain_db:+g} dB",)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 999, 16_001])
def test_rate_and_length_stay_and_full_scale_is_kept(count: int, rate_hz: int) -> None:
    sound = Sound(noise(2.0, 0.3).samples[:count], rate_hz)
    channel = EVERYTHING.model_copy(update={"noise": Noise(kind="brown")})
    heard = through(sound, channel, seed=1).sound
    assert (heard.rate_hz, len(heard.samples)) == (rate_hz, count) and heard.samples.dtype == np.float32
    assert np.isfinite(heard.samples).all() and (np.abs(heard.samples) <= 1).all()


def test_samples_that_are_no_numbers_count_as_silence() -> None:
    samples = noise(1.0).samples.copy()
    samples[100], samples[200], samples[300] = np.nan, np.inf, -np.inf
    heard = through(Sound(samples, 16_000), EVERYTHING, seed=1)
    assert np.isfinite(heard.sound.samples).all() and rms(heard.sound.samples) > 0.01


CHANNELS = st.builds(
    Channel,
    coughs=st.none() | st.builds(Coughs, per_minute=st.floats(1, 60), level_db=st.floats(-40, 20)),
    reverb=st.none() | st.builds(Reverb, rt60_s=st.floats(0.05, 3), direct_db=st.floats(-20, 40)),
    noise=st.none() | st.builds(Noise, kind=st.sampled_from(["pink", "babble", "hum"]), snr_db=st.floats(-20, 80)),
    gain_db=st.floats(-60, 40),
    telephone=st.sampled_from(["", "narrowband", "wideband"]),
    packet_loss=st.none() | st.builds(PacketLoss, rate=st.floats(0, 0.5), frame_ms=st.floats(5, 120)),
)


@settings(max_examples=60, deadline=None)
@given(CHANNELS, st.integers(0, 2**63 - 1), st.integers(0, 3000), st.floats(0, 1))
def test_no_channel_breaks_a_sound(channel: Channel, seed: int, count: int, level: float) -> None:
    sound = Sound((level * noise(1.0, 0.5).samples[:count]).astype(np.float32), 16_000)
    one, two = through(sound, channel, seed), through(sound, channel, seed)
    assert one.effects == two.effects and one.sound.samples.tobytes() == two.sound.samples.tobytes()
    assert len(one.sound.samples) == count and np.isfinite(one.sound.samples).all()
    if one.effects:
        assert (np.abs(one.sound.samples) <= 1).all()
    else:
        assert one.sound is sound


def test_the_whole_chain_takes_milliseconds() -> None:
    sound = Sound(patient().samples[:80_000], 16_000)
    through(sound, EVERYTHING, seed=0)
    took = []
    for seed in range(15):
        began = time.thread_time()
        through(sound, EVERYTHING, seed)
        took.append(time.thread_time() - began)
    assert sorted(took)[7] < 0.06, "5 s of sound take about 0.01 s; this limit is generous for busy machines"
