"""The vocoder against tensors recorded from the published code (tests/model/parity/README.md)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from model.vocoder.cosyvoice import CosyVoice2Vocoder
from model.vocoder.flow import time_steps
from model.vocoder.hift_stream import HiftStream
from model.vocoder.memory import Whole
from model.vocoder.schedule import AT_ONCE
from tests.model.vocoder.networks import FOLDER, RecordedNoise, published, recorded

# mode: pieces pushed, number of its first HiFT call
MODES = {"whole": ([104], 0), "hop50": ([53, 50, 1], 1), "push": ([10, 10, 13, 7], 4)}


def names(mode: str) -> list[str]:
    return [mode] if mode == "whole" else [f"{mode}.c{at}" for at in range(len(MODES[mode][0]))]


def near(ours: torch.Tensor, name: str, within: float) -> None:
    theirs = recorded()[name]
    assert ours.shape == theirs.shape, name
    assert float((ours - theirs).abs().max()) <= within, name


@pytest.fixture(scope="module")
def vocoder() -> CosyVoice2Vocoder:
    return published(AT_ONCE)


@torch.inference_mode()
def test_the_flow_step_by_step(vocoder: CosyVoice2Vocoder) -> None:
    flow, tensors = vocoder.flow, recorded()
    speaker = flow.speaker(tensors["xvector"])
    near(speaker, "whole.spk", 1e-6)
    ids = torch.nn.functional.pad(tensors["units"][None], (0, 3))
    present = (torch.arange(107) < 104)[None, :, None]
    mu = flow.conditions(ids, present, Whole(104, 50), Whole(208, 100))
    near(mu, "whole.mu", 1e-4)
    times = time_steps(10)
    steps = [time for time, _ in times] + [times[-1][0] + times[-1][1]]
    assert np.allclose(steps, tensors["t_span"].numpy(), atol=1e-6)
    x = tensors["init_noise"].repeat(2, 1, 1)
    given = torch.cat((mu, speaker[..., None].expand(-1, -1, 208), torch.zeros_like(mu)), 1)
    given = torch.cat((x, torch.cat((given, torch.zeros_like(given)))), 1)
    near(flow.decoder.estimator(given, 0.0, Whole(208, 100)), "whole.v_step1", 1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_mel_piece_by_piece(vocoder: CosyVoice2Vocoder, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mel of each push within 1e-4, and the sound as close as the phase of the source allows."""
    pieces, first = MODES[mode]
    mels: list[torch.Tensor] = []
    make_sound = vocoder._sound.__class__.__call__

    def listen(self, streams, new, final):  # type: ignore[no-untyped-def]
        mels.extend(new)
        return make_sound(self, streams, new, final)

    monkeypatch.setattr(vocoder._sound.__class__, "__call__", listen)
    stream, units, heard, at = vocoder.open(source_noise=RecordedNoise(first)), recorded()["units"].tolist(), [], 0
    for piece in pieces:
        heard += vocoder.push([stream], [units[at : at + piece]], [piece == pieces[-1]])
        at += piece
    for mel, name in zip(mels, names(mode), strict=True):
        near(mel[None], f"{name}.mel_new", 1e-4)
    if mode == "push":
        assert [len(sound) for sound in heard] == recorded()["push.emitted"].tolist()
    theirs = recorded()[f"{mode}.wave"][0].clamp(-1, 1).numpy()
    assert np.abs(np.concatenate(heard) - theirs).max() < 1e-2
    assert stream.closed and stream.work.frames_emitted == 2 * stream.work.units == 2 * at


@pytest.mark.parametrize("mode", MODES)
def test_sound_of_the_recorded_mel(vocoder: CosyVoice2Vocoder, mode: str) -> None:
    tensors, first = recorded(), MODES[mode][1]
    stream, sounds = HiftStream(RecordedNoise(first)), []
    for name in names(mode):
        mel = tensors[f"{name}.mel_new"][0]
        seen = mel if stream.mel is None else torch.cat((stream.mel, mel), 1)
        near(vocoder.hift.f0_predictor(seen[None]), f"{name}.f0", 2e-3)
        sounds += vocoder._sound([stream], [mel], [name == names(mode)[-1]])
    assert np.abs(np.concatenate(sounds) - tensors[f"{mode}.wave"][0].numpy()).max() < 1e-2


@torch.inference_mode()
def test_hift_fed_with_the_recorded_source(vocoder: CosyVoice2Vocoder) -> None:
    hift, tensors = vocoder.hift, recorded()
    phases, noise = RecordedNoise(0).draw(0, 9, 99_840)
    near(hift.m_source(tensors["whole.f0"], phases[None], noise[None]), "whole.source", 1e-4)
    near(hift.decode(tensors["whole.mel_new"], tensors["whole.source"]), "whole.wave", 2e-5)
    mel = torch.cat((tensors["push.c0.mel_new"][..., -8:], tensors["push.c1.mel_new"]), 2)
    near(hift.decode(mel, tensors["push.c1.source"]), "push.c1.hift_wave", 2e-5)


def test_the_recording_says_what_the_sizes_are(vocoder: CosyVoice2Vocoder) -> None:
    facts = json.loads((FOLDER / "config.json").read_text("utf-8"))
    assert vocoder.rate_hz == facts["sample_rate"] == 24_000
    assert vocoder.codebook == facts["flow"]["vocab_size"]
    assert vocoder.config.hift.frame_samples == 480 and vocoder.units_per_s == facts["token_frame_rate"]
