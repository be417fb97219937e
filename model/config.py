"""Every size of the SpeechLM, and its presets; it knows numbers and names, no tensor and no file.

The language model's own sizes are those of Qwen2; what is added is the speech encoder (Whisper's), the adaptor, the
unit LM and how text and units are interleaved. Published configurations (LLaMA-Omni2, SpeechMedAssist) are read through
the same class: keys that they lack (Whisper's sizes) are taken from the weights when a checkpoint is loaded.
"""

from __future__ import annotations

from typing import Any, Literal

from transformers import AutoConfig, PretrainedConfig
from transformers.models.qwen2.configuration_qwen2 import Qwen2Config

SPEECH_INDEX = -200
"""Stands in input ids where the embeddings of one spoken utterance belong; no tokenizer has it."""

HEAD_WIDTH = 64
"""Width of one attention head in every published Whisper encoder; their configurations do not state head counts."""

SAMPLE_RATE = 16_000
WINDOW_SECONDS = 30
"""Whisper's encoder sees at most 30 s: 3,000 log-mel frames, 1,500 positions."""

SpeechLength = Literal["padded", "real"]
LongSpeech = Literal["refuse", "split"]
Preset = Literal["tiny", "0.5B", "7B", "14B"]


class SpeechLMConfig(Qwen2Config):
    """Sizes of the whole model.

    Args:
        speech_encoder_hidden_size: width of the Whisper encoder.
        speech_encoder_layers, speech_encoder_heads, speech_encoder_positions: its depth, heads and positions (50/s).
        num_mel_bins: log-mel bins that the encoder takes.
        speech_encoder_ds_rate: neighbouring encoder frames joined by the adaptor (5: ten embeddings a second).
        speech_projector_hidden_size: width inside the adaptor.
        speech_generator: the unit LM as a Qwen2 configuration (a dictionary of its keys, or Qwen2Config); None: the
            model writes text only.
        unit_vocab_size: how many speech units there are (6,561: CosyVoice2's and our codec's FSQ).
        unit_start_id: id of unit 0 in the unit LM's vocabulary, ``<sep>`` comes right before it; None: the units
            are the last ids, as in every published model.
        text_chunk, unit_chunk: R text ids, then W units (3 and 10 as published: ``stream_params``).
        max_drain_units: units at most after the text has ended (1,024 as published).
        speech_length: ``padded``: every utterance is padded to 30 s and becomes 300 embeddings, as published;
            ``real``: an utterance becomes ten embeddings a second, for models trained that way.
        long_speech: what happens to sound beyond 30 s: ``refuse`` (an error) or ``split`` (one window after another).
        tokenizer_model_max_length: longest prompt with answer, in positions.
    """

    model_type = "clinic_speechlm"
    speech_encoder_type: str = "whisper"
    speech_encoder_hidden_size: int = 1280
    speech_encoder_layers: int = 32
    speech_encoder_heads: int = 20
    speech_encoder_positions: int = 1500
    num_mel_bins: int = 128
    speech_encoder_ds_rate: int = 5
    speech_projector_type: str = "linear"
    speech_projector_hidden_size: int = 2048
    speech_generator: dict[str, Any] | None = None
    unit_vocab_size: int = 6561
    unit_start_id: int | None = None
    text_chunk: int = 3
    unit_chunk: int = 10
    max_drain_units: int = 1024
    speech_length: str = "padded"
    long_speech: str = "refuse"
    tokenizer_model_max_length: int = 4096

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what later steps rely on."""
        if isinstance(self.speech_generator, PretrainedConfig):
            self.speech_generator = self.speech_generator.to_dict()
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        if self.speech_generator is not None and self.unit_start_id is None:
            self.unit_start_id = int(self.speech_generator["vocab_size"]) - self.unit_vocab_size
        if self.speech_encoder_hidden_size % self.speech_encoder_heads:
            raise ValueError(
                f"speech_encoder_heads {self.speech_encoder_heads} does not divide the encoder's width "
                f"{self.speech_encoder_hidden_size}"
            )

    @property
    def unit_lm(self) -> Qwen2Config:
        """The unit LM's sizes; raises ValueError for a model that writes text only."""
        if self.speech_generator is None:
            raise ValueError("this model has no speech generator")
        known = {k: v for k, v in self.speech_generator.items() if k not in ("model_type", "transformers_version")}
        return Qwen2Config(**known)

    @property
    def first_unit_id(self) -> int:
        """Id of unit 0 in the unit LM's vocabulary."""
        if self.unit_start_id is None:
            raise ValueError("this model has no speech generator")
        return self.unit_start_id

    @property
    def sep_id(self) -> int:
        """Id of ``<sep>`` in the unit LM's vocabulary: ends the text rows."""
        return self.first_unit_id - 1

    @property
    def unit_end_id(self) -> int:
        """Id at which the unit LM stops a chunk."""
        end = self.unit_lm.eos_token_id
        if end is None:
            raise ValueError("the speech generator's configuration has no eos_token_id")
        return end[0] if isinstance(end, list) else end

    @property
    def end_ids(self) -> tuple[int, ...]:
        """Ids at which the text ends."""
        end = self.eos_token_id
        return tuple(end) if isinstance(end, list) else () if end is None else (end,)

    @property
    def padded_rows(self) -> int:
        """Embeddings of an utterance that was padded to 30 s: 300 in the published models."""
        return self.speech_encoder_positions // self.speech_encoder_ds_rate

    @classmethod
    def preset(cls, name: Preset, **changes: Any) -> SpeechLMConfig:
        """Return a configuration by size; ``changes`` override single keys. Raises KeyError for an unknown name."""
        from model.presets import PRESETS

        return cls(**{**PRESETS[name], **changes})


class LlamaOmni2Config(SpeechLMConfig):
    """The published LLaMA-Omni2 folders name this type."""

    model_type = "omni2_speech2s_qwen2"


class LlamaOmni2TextConfig(SpeechLMConfig):
    """LLaMA-Omni2 without its speech generator."""

    model_type = "omni2_speech_qwen2"


class SpeechMedAssistConfig(SpeechLMConfig):
    """The published SpeechMedAssist folders name this type."""

    model_type = "SpeechMedAssist"


CONFIGS = (SpeechLMConfig, LlamaOmni2Config, LlamaOmni2TextConfig, SpeechMedAssistConfig)


def register() -> None:
    """Make ``AutoConfig`` know the four type names; doing it twice is fine."""
    for config in CONFIGS:
        AutoConfig.register(config.model_type, config, exist_ok=True)
