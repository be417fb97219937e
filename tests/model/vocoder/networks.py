"""Vocoders for the tests: the recorded one of the published code, and small ones with random weights."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file

from model.vocoder.config import FlowConfig, HiftConfig, VocoderConfig
from model.vocoder.cosyvoice import CosyVoice2Vocoder
from model.vocoder.flow import Flow
from model.vocoder.hift import Hift
from model.vocoder.noise import StartNoise
from model.vocoder.schedule import Schedule

FOLDER = Path(__file__).parents[1] / "parity" / "vocoder"

SMALL = VocoderConfig(
    FlowConfig(
        units=64, width=16, heads=2, hidden=24, blocks=2, up_blocks=1, channels=16, decoder_heads=3, head_size=8,
        level_blocks=1, mid_levels=1, steps=3,
    ),
    HiftConfig(channels=16, f0_channels=8),
)  # fmt: skip


@cache
def recorded() -> dict[str, torch.Tensor]:
    return load_file(FOLDER / "recordings.safetensors")


class RecordedNoise:
    """The draws of the recording, from call number ``first`` on."""

    def __init__(self, first: int) -> None:
        self.first = first

    def draw(self, call: int, harmonics: int, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
        at, tensors = self.first + call, recorded()
        ring = tensors["hift_noise_f16"][0, :harmonics].float()
        return tensors["hift_phase"][at], ring[:, (500 * at + torch.arange(samples)) % ring.shape[1]]


def published(schedule: Schedule | None = None) -> CosyVoice2Vocoder:
    """The recorded vocoder, with its noise and speaker."""
    vocoder = CosyVoice2Vocoder.from_folder(FOLDER, recorded()["xvector"], schedule=schedule)
    vocoder.start_noise = StartNoise(80, first=recorded()["init_noise"][0])
    return vocoder


def shaken(config: VocoderConfig, seed: int) -> tuple[Flow, Hift]:
    """Networks in which no weight is zero or one by default and the sound is neither silent nor clipped."""
    torch.manual_seed(seed)
    flow, hift = Flow(config.flow), Hift(config.hift)
    with torch.no_grad():
        for name, value in [*flow.named_parameters(), *hift.named_parameters()]:
            if value.ndim == 1 or "pos_bias" in name:
                value.add_(torch.randn_like(value) * 0.1)
        hift.f0_predictor.classifier.bias.add_(120)
        hift.conv_post.weight_g.mul_(0.3)
        hift.conv_post.bias[: config.hift.fft // 2 + 1].add_(1.5)
    return flow.eval(), hift.eval()


def small(seed: int = 0, schedule: Schedule | None = None, left_chunks: int | None = None) -> CosyVoice2Vocoder:
    flow, hift = shaken(SMALL, seed)
    return CosyVoice2Vocoder(
        SMALL,
        flow,
        hift,
        torch.randn(192),
        schedule=schedule,
        start_noise=StartNoise(80, seed),
        left_chunks=left_chunks,
    )


def some_units(count: int, seed: int = 0, codebook: int = 64) -> list[int]:
    chance = random.Random(seed)
    return [chance.randrange(codebook) for _ in range(count)]
