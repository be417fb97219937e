"""Every size of the small codec and which way it goes back to sound; it knows numbers and no tensor."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

from transformers import PretrainedConfig

from model.errors import CheckpointError

Head = Literal["griffin_lim", "istft"]
UNITS_PER_S = 25


class CodecConfig(PretrainedConfig):
    """Sizes of the codec; the defaults are those of the tiny preset.

    24 kHz is what a doctor's answer has in the clinic, so no stream is ever resampled on its way out; against 16 kHz it
    costs half as many spectral bins more in the learned head, and nothing in the encoder, the units or the decoder.
    A unit is 40 ms: 4 frames of log-mel, 960 samples; one analysis window is as long as one unit.

    Args:
        sample_rate: of the sound that is encoded and that comes out; a multiple of 50 times ``frames_per_unit``.
        mel_bins: log-mel bins between 0 Hz and half the sample rate (Slaney's scale and area normalization).
        frames_per_unit: log-mel frames a unit: 2, 4 or 8.
        levels: of the FSQ, odd numbers; their product is the codebook (3 ** 8 = 6,561: the SpeechLM's units).
        hidden_size: channels of encoder and decoder.
        encoder_blocks, decoder_blocks: blocks at each of their frame rates.
        decoder_look_ahead_units: units that the decoder hears before it gives out a unit's frames (40 ms each).
        head: ``istft`` (learned, Vocos-like) or ``griffin_lim`` (no weights); it can be chosen anew at each call, but
            without ``istft`` here the learned head has no weights.
        head_size, head_blocks, head_look_ahead_frames: channels, blocks, look-ahead (10 ms each) of the learned head.
        griffin_lim_iterations: for each unit's block of frames.
        griffin_lim_look_ahead_frames: frames that take part in a block's iterations before it is their turn.
        decorrelation: weight of the loss that keeps the quantizer's channels from telling the same twice.
        initializer_range: standard deviation of what convolutions and linear layers start from.

    Raises:
        CheckpointError: a value that is not of its kind or that does not fit the others; the message names it.
    """

    model_type = "clinic_codec"
    sample_rate: int = 24_000
    mel_bins: int = 80
    frames_per_unit: int = 4
    levels: list[int] | tuple[int, ...] = (3,) * 8
    hidden_size: int = 128
    encoder_blocks: int = 1
    decoder_blocks: int = 2
    decoder_look_ahead_units: int = 1
    head: str = "istft"
    head_size: int = 160
    head_blocks: int = 4
    head_look_ahead_frames: int = 2
    griffin_lim_iterations: int = 8
    griffin_lim_look_ahead_frames: int = 4
    decorrelation: float = 0.3
    initializer_range: float = 0.02

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what the networks rely on."""
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1_000_000:
                raise _wrong(name, value, f"a whole number from {least}")
        for name in ("decorrelation", "initializer_range"):
            if not isinstance(getattr(self, name), int | float) or not 0 <= getattr(self, name) < 1_000:
                raise _wrong(name, getattr(self, name), "a number from 0")
        if self.frames_per_unit not in (2, 4, 8):
            raise _wrong("frames_per_unit", self.frames_per_unit, "2, 4 or 8")
        if self.sample_rate % (2 * UNITS_PER_S * self.frames_per_unit):
            raise _wrong("sample_rate", self.sample_rate, f"a multiple of {2 * UNITS_PER_S * self.frames_per_unit}")
        if not isinstance(self.levels, list | tuple) or not self.levels or not all(map(_odd, self.levels)):
            raise _wrong("levels", self.levels, "a list of odd whole numbers from 3")
        self.levels = list(self.levels)
        if self.codebook > 2**31:
            raise _wrong("levels", self.levels, "at most 2**31 codes")
        if self.head not in get_args(Head):
            raise _wrong("head", self.head, " or ".join(get_args(Head)))

    @property
    def codebook(self) -> int:
        """How many units there are."""
        return math.prod(self.levels)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.unit_samples // self.frames_per_unit

    @property
    def unit_samples(self) -> int:
        """Samples a unit."""
        return self.sample_rate // UNITS_PER_S

    @property
    def window(self) -> int:
        """Samples in one analysis window: always four hops, where squared Hann windows add up to a constant."""
        return 4 * self.hop

    @property
    def edge(self) -> int:
        """Samples by which a window reaches beyond its own hop on either side."""
        return 3 * self.hop // 2


_LEAST = {
    "sample_rate": 8_000, "mel_bins": 8, "frames_per_unit": 2, "hidden_size": 8, "encoder_blocks": 0,
    "decoder_blocks": 0, "decoder_look_ahead_units": 0, "head_size": 8, "head_blocks": 0, "head_look_ahead_frames": 0,
    "griffin_lim_iterations": 1, "griffin_lim_look_ahead_frames": 0,
}


def _odd(levels: object) -> bool:
    return isinstance(levels, int) and levels >= 3 and levels % 2 == 1


def _wrong(name: str, value: object, wanted: str) -> CheckpointError:
    return CheckpointError("codec configuration", f"{name} is {value!r}; it must be {wanted}")
