"""Small codecs and real speech for the codec's tests."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from model.codec import Codec, CodecConfig
from tests.sounds import speech

RATE_HZ = 24_000


def small(**options: object) -> CodecConfig:
    sizes = {"hidden_size": 32, "head_size": 32, "head_blocks": 1, "decoder_blocks": 1} | options
    return CodecConfig(**sizes)


def loud_codec(seed: int = 0, **options: object) -> Codec:
    """A codec of random weights that is loud and varied, so that differences would be heard."""
    torch.manual_seed(seed)
    codec = Codec(small(**options)).eval()
    with torch.no_grad():
        codec.decoder.out.weight.mul_(30.0)
        codec.decoder.out.bias.fill_(1.8)
        if codec.istft is not None:
            codec.istft.out.weight.mul_(5.0)
    return codec


def spoken(text: str, voice: str = "en-us") -> Tensor:
    """Speech [n] at 24 kHz."""
    return torch.from_numpy(np.ascontiguousarray(speech(text, voice, RATE_HZ).samples))


def units(codec: Codec, count: int, seed: int = 0) -> Tensor:
    """Random units [1, count]."""
    return torch.randint(codec.config.codebook, (1, count), generator=torch.Generator().manual_seed(seed))
