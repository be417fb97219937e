"""Sizes of CosyVoice2's flow and HiFT and how they are read from a file; it knows no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.errors import CheckpointError

Dilations = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """The causal flow; defaults are CosyVoice2-0.5B's (arXiv 2412.10117 and its published ``cosyvoice.yaml``).

    ``units``: codebook size. ``width``, ``heads``, ``hidden``, ``blocks``, ``up_blocks``: conformer encoder, before and
    after the doubling of the rate. ``lookahead``: units that the first convolution sees ahead. ``channels``,
    ``decoder_heads``, ``head_size``, ``level_blocks``, ``mid_levels``: the decoder (1 + mid + 1 levels). ``steps``,
    ``guidance``: Euler steps and strength of classifier-free guidance. ``chunk_units``: attention sees whole chunks.
    """

    units: int = 6561
    mel: int = 80
    xvector: int = 192
    width: int = 512
    heads: int = 8
    hidden: int = 2048
    blocks: int = 6
    up_blocks: int = 4
    lookahead: int = 3
    channels: int = 256
    decoder_heads: int = 8
    head_size: int = 64
    level_blocks: int = 4
    mid_levels: int = 12
    steps: int = 10
    guidance: float = 0.7
    chunk_units: int = 50


@dataclass(frozen=True, slots=True)
class HiftConfig:
    """The HiFT generator (arXiv 2309.09493) as CosyVoice2-0.5B has it: 80-bin mel at 50 Hz to 24 kHz sound.

    ``sine``, ``noise``: amplitudes of harmonics and of the noise beside them; ``voiced_hz``: below this F0 only noise.
    """

    mel: int = 80
    rate_hz: int = 24_000
    channels: int = 512
    f0_channels: int = 512
    harmonics: int = 8
    sine: float = 0.1
    noise: float = 0.003
    voiced_hz: float = 10.0
    rates: tuple[int, ...] = (8, 5, 3)
    kernels: tuple[int, ...] = (16, 11, 7)
    fft: int = 16
    hop: int = 4
    block_kernels: tuple[int, ...] = (3, 7, 11)
    block_dilations: Dilations = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    source_kernels: tuple[int, ...] = (7, 7, 11)
    source_dilations: Dilations = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    slope: float = 0.1
    limit: float = 0.99

    @property
    def frame_samples(self) -> int:
        """Samples a mel frame gives (480)."""
        samples = self.hop
        for rate in self.rates:
            samples *= rate
        return samples


@dataclass(frozen=True, slots=True)
class VocoderConfig:
    """Flow and HiFT together; ``overlap_frames``: mel frames that two neighbouring pieces of sound share."""

    flow: FlowConfig = field(default_factory=FlowConfig)
    hift: HiftConfig = field(default_factory=HiftConfig)
    overlap_frames: int = 8

    @classmethod
    def read(cls, file: Path) -> VocoderConfig:
        """Read a JSON file in the layout of ``from_dict``; CheckpointError says what is wrong with it."""
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(str(file), f"is no readable JSON ({error})") from error
        return cls.from_dict(data, where=str(file))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "vocoder config") -> VocoderConfig:
        """Take the sizes under the names that CosyVoice2's own configuration uses (``flow``, ``hift``, ``streaming``).

        Raises CheckpointError where an entry is missing, of another type, or asks for a network that this is not.
        """
        try:
            return _whole(data)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise CheckpointError(where, f"describes no CosyVoice2 vocoder: {type(error).__name__} {error}") from error


def _whole(data: Mapping[str, Any]) -> VocoderConfig:
    flow, hift, streaming = data["flow"], data["hift"], data.get("streaming", {})
    config = VocoderConfig(_flow(flow, streaming), _hift(hift), int(streaming.get("mel_cache_len", 8)))
    if config.flow.mel != config.hift.mel:
        raise ValueError("flow and hift have different mel bins")
    return config


def _flow(flow: Mapping[str, Any], streaming: Mapping[str, Any]) -> FlowConfig:
    encoder, decoder = flow["encoder"], flow["decoder"]
    net, solver = decoder["estimator"], decoder["cfm_params"]
    (channels,) = net["channels"]
    if encoder["output_size"] != flow["input_size"] or flow.get("token_mel_ratio", 2) != 2:
        raise ValueError("the encoder must keep its width and double the rate")
    if encoder.get("use_cnn_module") or encoder.get("macaron_style") or not net.get("causal", True):
        raise ValueError("only the causal flow without convolution modules is known")
    return FlowConfig(
        units=int(flow["vocab_size"]), mel=int(flow["output_size"]), xvector=int(flow["spk_embed_dim"]),
        width=int(flow["input_size"]), heads=int(encoder["attention_heads"]), hidden=int(encoder["linear_units"]),
        blocks=int(encoder["num_blocks"]), up_blocks=int(encoder.get("num_up_blocks", 4)),
        lookahead=int(flow.get("pre_lookahead_len", 3)), channels=int(channels), decoder_heads=int(net["num_heads"]),
        head_size=int(net["attention_head_dim"]), level_blocks=int(net["n_blocks"]),
        mid_levels=int(net["num_mid_blocks"]), steps=int(decoder.get("n_timesteps", 10)),
        guidance=float(solver["inference_cfg_rate"]), chunk_units=int(streaming.get("static_chunk_tokens", 50)),
    )  # fmt: skip


def _hift(hift: Mapping[str, Any]) -> HiftConfig:
    def dilations(name: str) -> Dilations:
        return tuple(tuple(int(step) for step in steps) for steps in hift[name])

    def whole(name: str) -> tuple[int, ...]:
        return tuple(int(value) for value in hift[name])

    return HiftConfig(
        mel=int(hift["in_channels"]), rate_hz=int(hift["sampling_rate"]), channels=int(hift["base_channels"]),
        f0_channels=int(hift["f0_predictor"]["cond_channels"]), harmonics=int(hift["nb_harmonics"]),
        sine=float(hift["nsf_alpha"]), noise=float(hift["nsf_sigma"]), voiced_hz=float(hift["nsf_voiced_threshold"]),
        rates=whole("upsample_rates"), kernels=whole("upsample_kernel_sizes"), fft=int(hift["istft_params"]["n_fft"]),
        hop=int(hift["istft_params"]["hop_len"]), block_kernels=whole("resblock_kernel_sizes"),
        block_dilations=dilations("resblock_dilation_sizes"), source_kernels=whole("source_resblock_kernel_sizes"),
        source_dilations=dilations("source_resblock_dilation_sizes"), slope=float(hift["lrelu_slope"]),
        limit=float(hift["audio_limit"]),
    )  # fmt: skip
