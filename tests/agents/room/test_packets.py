"""Packets are lost at the mean rate and in bursts of the mean length asked for."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from agents.room.channel import through
from agents.room.packets import lost_packets, with_losses
from agents.sound.wave import Sound
from scenarios.schema.channel import Channel, PacketLoss
from tests.sounds import noise


def runs(lost: NDArray[np.bool_]) -> NDArray[np.intp]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost.astype(int), [0]])))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize(("rate", "burst"), [(0.02, 1.0), (0.05, 3.0), (0.2, 2.0), (0.5, 1.0), (0.5, 5.0), (0.9, 20.0)])
def test_rate_and_burst_are_as_asked(rate: float, burst: float) -> None:
    lost = lost_packets(400_000, PacketLoss(rate=rate, burst=burst), np.random.default_rng(1))
    assert lost.mean() == pytest.approx(rate, rel=0.05)
    assert runs(lost).mean() == pytest.approx(burst, rel=0.05)


def test_bursts_are_geometric_as_gilbert_has_them() -> None:
    lengths = runs(lost_packets(400_000, PacketLoss(rate=0.1, burst=4), np.random.default_rng(2)))
    assert [(lengths > n).mean() for n in (1, 2, 4, 8)] == pytest.approx([0.75**n for n in (1, 2, 4, 8)], abs=0.02)


def test_short_utterances_lose_as_much_on_average() -> None:
    loss = PacketLoss(rate=0.1, burst=5)
    shares = [lost_packets(50, loss, np.random.default_rng(seed)).mean() for seed in range(4000)]
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)


def test_lost_packets_are_silent_and_the_others_untouched() -> None:
    sound = noise(20.0)
    channel = Channel(packet_loss=PacketLoss(rate=0.3, burst=2, frame_ms=20, conceal="silence"))
    heard = through(sound, channel, seed=4)
    packets, sent = heard.sound.samples.reshape(-1, 320), sound.samples.reshape(-1, 320)
    gone = ~packets.any(axis=1)
    assert heard.effects == (f"{gone.sum()} of 1000 packets lost",)
    assert gone.mean() == pytest.approx(0.3, abs=0.06)
    assert (packets[~gone] == np.clip(sent[~gone], -1, 1)).all()


def test_a_lost_packet_is_covered_by_the_one_before_which_fades() -> None:
    rate_hz, size = 16_000, 320
    samples = np.repeat(np.arange(1, 51) / 64, size).astype(np.float32)
    arrived, count, total = with_losses(
        samples, rate_hz, PacketLoss(rate=0.4, burst=4, conceal="repeat"), np.random.default_rng(3)
    )
    lost = lost_packets(50, PacketLoss(rate=0.4, burst=4), np.random.default_rng(3))
    assert (count, total) == (lost.sum(), 50) and not lost[0] and runs(lost).max() >= 4
    last, run = 0, 0
    for number, gone in enumerate(lost):
        last, run = (last, run + 1) if gone else (number, 0)
        fade = np.maximum(1 - ((run - 1) * size + np.arange(size)) / rate_hz / 0.06, 0) if gone else np.ones(size)
        assert arrived[number * size : (number + 1) * size] == pytest.approx(samples[last * size] * fade, abs=1e-6)


@pytest.mark.parametrize("conceal", ["silence", "repeat"])
@pytest.mark.parametrize("count", [1, 319, 321, 1000])
def test_the_last_packet_may_be_a_short_one(count: int, conceal: Literal["silence", "repeat"]) -> None:
    sound = Sound(np.full(count, 0.5, np.float32), 16_000)
    loss = PacketLoss(rate=0.5, burst=2, conceal=conceal)
    for seed in range(20):
        assert len(through(sound, Channel(packet_loss=loss), seed).sound.samples) == count


def test_a_rate_that_bursts_cannot_reach_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs bursts of 9 packets"):
        PacketLoss(rate=0.9, burst=2)
    assert PacketLoss(rate=0.9, burst=9).burst == 9
