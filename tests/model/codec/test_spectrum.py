"""Log-mel and back: frames lie where the docstring says, spectra add up to the sound again."""

from __future__ import annotations

import numpy as np
import torch

from agents.sound.quality import stoi
from agents.sound.wave import Sound
from model.codec_parts.config import CodecConfig
from model.codec_parts.griffin_lim import GriffinLim
from model.codec_parts.spectrum import FLOOR, OVERLAP, Spectrum
from tests.model.codec.sizes import RATE_HZ, spoken


def test_spectra_overlap_to_the_sound_again() -> None:
    spectrum = Spectrum(CodecConfig())
    sound = torch.randn(1, 9_600)
    pieces = spectrum.analyse(torch.nn.functional.pad(sound, (720, 720)).unfold(-1, 960, 240))
    again = spectrum.overlap(spectrum.synthesize(pieces)) / OVERLAP
    assert torch.allclose(again[:, 720:-720], sound, atol=1e-5)


def test_log_mel_is_that_of_transformers_in_nats_above_the_floor() -> None:
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    sound = torch.randn(9_600, generator=torch.Generator().manual_seed(1)) * 0.1
    filters = mel_filter_bank(481, 80, 0.0, 12_000.0, RATE_HZ, norm="slaney", mel_scale="slaney")
    theirs = spectrogram(
        np.pad(sound.numpy(), 360), window_function(960, "hann"), 960, 240, power=1.0, center=False,
        mel_filters=filters, mel_floor=FLOOR, log_mel="log",
    )
    ours = Spectrum(CodecConfig()).log_mel(sound[None])[0] + np.log(FLOOR)
    assert ours.shape == (80, 40) and np.allclose(ours.numpy(), theirs, atol=1e-3)


def test_silence_is_zero_and_a_click_sits_in_its_own_frame() -> None:
    spectrum = Spectrum(CodecConfig())
    assert spectrum.log_mel(torch.zeros(1, 960)).abs().max() == 0.0
    sound = torch.zeros(1, 9_600)
    sound[0, 10 * 240 + 120] = 1.0
    assert spectrum.log_mel(sound)[0].mean(0).argmax() == 10


def test_real_time_griffin_lim_gives_intelligible_speech_of_true_log_mel() -> None:
    true = spoken("The pain started three days ago, after dinner.")
    true = true[: len(true) // 960 * 960].double()[None]
    spectrum = Spectrum(CodecConfig()).double()
    made = GriffinLim(CodecConfig(), spectrum).double()(spectrum.log_mel(true))
    assert made.shape == true.shape
    found = stoi(*(Sound(x[0].float().numpy(), RATE_HZ) for x in (true, made))).value
    assert found is not None and found > 0.9
