"""The small speech codec of the tiny preset: sound to units (25 a second) and back; it knows no language model.

24 kHz sound -> log-mel -> causal encoder -> FSQ (6,561 units) -> causal decoder -> log-mel -> sound, by Griffin-Lim's
iterations or by a learned inverse-STFT head.
"""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.utils.generic import ModelOutput

from model.codec_parts.config import CodecConfig, Head
from model.codec_parts.fsq import FSQ
from model.codec_parts.griffin_lim import GriffinLim
from model.codec_parts.istft_head import IstftHead
from model.codec_parts.losses import SIZES, correlation, spectral_distance, usage
from model.codec_parts.networks import Decoder, Encoder
from model.codec_parts.spectrum import Spectrum
from model.codec_parts.stages import SoundStage, Stage
from model.errors import BadUnits, CheckpointError, SpeechLMError

__all__ = ["Codec", "CodecConfig", "CodecOutput"]

_Stage = TypeVar("_Stage", bound=Stage)


@dataclass
class CodecOutput(ModelOutput):
    """Losses and figures of one batch.

    ``loss``: what to minimize. ``mel_l1``: mean absolute error of log-mel, nats. ``correlation``: of the
    quantizer's channels (see ``losses``). ``sound_mel_l1`` and
    ``sound_distance``: of the learned head's sound (None without it). ``units`` [B, t]; ``units_used`` and
    ``perplexity`` count the batch's units.
    """

    loss: Tensor | None = None
    mel_l1: Tensor | None = None
    correlation: Tensor | None = None
    sound_mel_l1: Tensor | None = None
    sound_distance: Tensor | None = None
    units: Tensor | None = None
    units_used: int | None = None
    perplexity: float | None = None


class Codec(PreTrainedModel):
    """Encoder, quantizer, decoder and the ways back to sound.

    n samples are ceil(n / 960) units (the sound is padded with silence to whole units), each of 4 log-mel frames;
    t units sound for exactly 960 * t samples. Sound that goes in must not be louder than full scale (-1 .. 1), at
    ``config.sample_rate``. It computes in float32 (Griffin-Lim in float64): load it in no other type.
    """

    config_class = CodecConfig
    config: CodecConfig
    base_model_prefix = ""
    main_input_name = "samples"

    def __init__(self, config: CodecConfig) -> None:
        """Make the networks, untrained."""
        super().__init__(config)
        self.spectrum = Spectrum(config)
        self.encoder = Encoder(config)
        self.level = nn.BatchNorm1d(len(config.levels), affine=False)
        self.quantizer = FSQ(config.levels)
        self.decoder = Decoder(config)
        self.griffin_lim = GriffinLim(config, self.spectrum)
        self.istft = IstftHead(config, self.spectrum) if config.head == "istft" else None
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(self, samples: Tensor, lengths: Tensor | None = None, with_sound: bool = True) -> CodecOutput:
        """Return losses of sound [B, n]; ``lengths`` [B] says how many samples of each row count.

        ``with_sound`` False leaves the learned head out: steps then take a fourth of the time, and the head is worth
        training only once the log-mel is.

        The learned head is trained on the decoder's log-mel but does not change the decoder. Its distances leave out
        one unit at either end of the batch, where a cut-out piece of sound is faded; a batch that is too short is not
        judged by them (0.17 s at 24 kHz).
        """
        samples, units = self._padded(samples, lengths)
        mel = self.spectrum.log_mel(samples)
        heard = self._within(units, samples.shape[-1] // self.config.unit_samples)
        level = self._level(mel, heard)
        codes = self._quantized(level, heard)
        made, _ = self.decoder.run(codes)
        frames = heard.repeat_interleave(self.config.frames_per_unit, dim=1).unsqueeze(1)
        mel_l1 = ((made - mel).abs() * frames).sum() / (frames.sum() * self.config.mel_bins).clamp(min=1)
        indices = self.quantizer.indices(codes.detach().transpose(1, 2))
        used, perplexity = usage(indices[heard], self.config.codebook)
        alike = correlation(level)
        loss = mel_l1 + self.config.decorrelation * alike
        found = CodecOutput(
            loss=loss, mel_l1=mel_l1, correlation=alike, units=indices, units_used=used, perplexity=perplexity
        )
        if with_sound and self.istft is not None and samples.shape[-1] - 2 * self.config.unit_samples >= max(SIZES):
            self._judge_sound(found, self.istft((made * frames).detach()), samples)
        return found

    @torch.no_grad()
    def encode(self, samples: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return units [B, ceil(n / 960)] (int64) of sound [B, n]; what lies behind ``lengths`` [B] counts as silence.

        Row b's own units are its first ceil(lengths[b] / 960); those behind are meaningless.
        """
        samples, units = self._padded(samples, lengths)
        if not samples.shape[-1]:
            return units.new_zeros(len(samples), 0)
        heard = self._within(units, samples.shape[-1] // self.config.unit_samples)
        codes = self._quantized(self._level(self.spectrum.log_mel(samples), heard), heard)
        units_found: Tensor = self.quantizer.indices(codes.transpose(1, 2))
        return units_found

    def decode(self, units: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return log-mel [B, mel_bins, 4 * t] of units [B, t]: nats above a floor, 0 is silence.

        ``lengths`` [B]: how many units of each row count; the rest becomes silence.

        Raises:
            BadUnits: an id outside 0 .. codebook - 1.
        """
        return self._decoded(self.decoder, units, lengths)

    @torch.no_grad()
    def sound(self, units: Tensor, lengths: Tensor | None = None, head: Head | None = None) -> Tensor:
        """Return sound [B, 960 * t] in -1 .. 1 of units [B, t]; ``head`` instead of the configuration's.

        Raises:
            BadUnits: an id outside 0 .. codebook - 1.
            CheckpointError: the learned head is wanted and this codec has none.
        """
        decoder, stage = self.stages(head)
        made: Tensor = stage(self._decoded(decoder, units, lengths))
        sound = made.clamp(-1.0, 1.0).to(self.dtype)
        if lengths is None:
            return sound
        at = torch.arange(sound.shape[-1], device=sound.device)
        return sound * (at < lengths.to(sound.device).unsqueeze(1) * self.config.unit_samples)

    def stages(self, head: Head | None = None) -> tuple[Decoder, SoundStage]:
        """Return what makes log-mel of codes and sound of log-mel.

        For Griffin-Lim both are copies in double precision (see ``griffin_lim``). Raises CheckpointError without the
        learned head's weights.
        """
        if (head or self.config.head) == "griffin_lim":
            return _doubled(self.decoder), _doubled(self.griffin_lim)
        if self.istft is None:
            raise CheckpointError("codec", "it has no learned head: choose head='griffin_lim', or train one with it")
        return self.decoder, self.istft

    def checked(self, units: Tensor) -> Tensor:
        """Return ``units`` as int64 on this codec's device; raises BadUnits."""
        units = torch.as_tensor(units)
        if units.is_floating_point() or units.is_complex() or units.dtype == torch.bool:
            raise BadUnits(f"units are whole numbers, not {units.dtype}")
        wrong = units[(units < 0) | (units >= self.config.codebook)]
        if wrong.numel():
            raise BadUnits(f"unit {int(wrong[0])} is outside 0..{self.config.codebook - 1}")
        return units.to(self.device, torch.long)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Codec:  # type: ignore[override]
        """Load what ``save_pretrained`` wrote; arguments as in transformers.

        Raises:
            CheckpointError: files are missing or damaged, or do not hold exactly this codec's weights.
        """
        kwargs |= {"output_loading_info": True, "ignore_mismatched_sizes": True, "use_safetensors": True}
        load: Any = super().from_pretrained
        try:
            model, info = load(folder, *args, **kwargs)
        except CheckpointError as error:
            raise CheckpointError(str(folder), error.problem) from error
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError, json.JSONDecodeError) as error:
            raise CheckpointError(str(folder), f"no codec can be loaded from there: {error}") from error
        shapes = [f"{key}: {tuple(has)}, {tuple(wants)}" for key, has, wants in info["mismatched_keys"]]
        lists = {"missing": sorted(info["missing_keys"]), "unexpected": sorted(info["unexpected_keys"])}
        if shapes or any(lists.values()):
            raise CheckpointError(str(folder), "these are not this codec's weights", misshapen=shapes, **lists)
        return cast(Codec, model)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if isinstance(module, Spectrum | FSQ | GriffinLim):
            module.refill()

    def _padded(self, samples: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return sound [B, whole units], silent behind the lengths, and each row's count of units [B]."""
        size = self.config.unit_samples
        batch, count = samples.shape
        lengths = torch.full((batch,), count) if lengths is None else lengths
        lengths = lengths.to(samples.device, torch.long).clamp(0, count)
        samples = samples * (torch.arange(count, device=samples.device) < lengths.unsqueeze(1))
        return functional.pad(samples, (0, -count % size)), (lengths + size - 1) // size

    def _within(self, units: Tensor, count: int) -> Tensor:
        return torch.arange(count, device=units.device) < units.unsqueeze(1)

    def _level(self, mel: Tensor, heard: Tensor) -> Tensor:
        """Return normalized vectors [n, channels] of the n units that are heard [B, t]; no other is learnt from."""
        vectors = self.encoder(mel).transpose(1, 2)[heard]
        if self.training and len(vectors) < 2:
            raise SpeechLMError("a batch to train the codec on needs two units of sound (80 ms) at least")
        level: Tensor = self.level(vectors)
        return level

    def _quantized(self, level: Tensor, heard: Tensor) -> Tensor:
        """Return codes [B, channels, t] with zeros where nothing is heard."""
        codes = level.new_zeros(*heard.shape, level.shape[-1])
        return codes.masked_scatter(heard.unsqueeze(-1), self.quantizer(level)).transpose(1, 2)

    def _decoded(self, decoder: Decoder, units: Tensor, lengths: Tensor | None) -> Tensor:
        codes = self.quantizer.codes(self.checked(units)).transpose(1, 2).to(decoder.entry.weight.dtype)
        if lengths is None:
            return decoder.run(codes)[0]
        heard = self._within(lengths.to(self.device), units.shape[-1]).unsqueeze(1)
        made, _ = decoder.run(codes * heard)
        return made * heard.repeat_interleave(self.config.frames_per_unit, dim=-1)

    def _judge_sound(self, found: CodecOutput, made: Tensor, true: Tensor) -> None:
        size = self.config.unit_samples
        made, true = made[:, size:-size], true[:, size:-size]
        found.sound_mel_l1 = (self.spectrum.log_mel(made) - self.spectrum.log_mel(true)).abs().mean()
        found.sound_distance = spectral_distance(made, true)
        found.loss = cast(Tensor, found.loss) + found.sound_mel_l1 + found.sound_distance


def _doubled(stage: _Stage) -> _Stage:
    return copy.deepcopy(stage).double()
