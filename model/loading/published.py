"""Reads a checkpoint's config.json, ours or a published one, into a SpeechLMConfig; it knows no tensor's values.

Published configurations are data from elsewhere: only known keys are taken, text is parsed and never evaluated, paths
in it are never opened. What they lack (Whisper's sizes) comes from the shapes of the weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from huggingface_hub.errors import StrictDataclassError
from transformers import Qwen2Config

from model.config import (
    HEAD_WIDTH,
    LlamaOmni2Config,
    LlamaOmni2TextConfig,
    SpeechLMConfig,
    SpeechMedAssistConfig,
)
from model.errors import CheckpointError
from model.loading.folder import Folder
from model.loading.weights import Weights

Format = Literal["llama-omni2", "speechmedassist", "clinic"]
KINDS: dict[str, tuple[Format, type[SpeechLMConfig]]] = {
    LlamaOmni2Config.model_type: ("llama-omni2", LlamaOmni2Config),
    LlamaOmni2TextConfig.model_type: ("llama-omni2", LlamaOmni2TextConfig),
    SpeechMedAssistConfig.model_type: ("speechmedassist", SpeechMedAssistConfig),
    SpeechLMConfig.model_type: ("clinic", SpeechLMConfig),
}
TEXT_CLASSES = ("Omni2SpeechQwen2ForCausalLM", "SpeechQwen2ForCausalLM")
"""Published classes without a speech generator; stages 1 and 2 of SpeechMedAssist are saved by the second, and keep the
speech generator's entry of the model that they started from in their configuration."""

QWEN_KEYS = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "hidden_act", "max_position_embeddings", "initializer_range", "rms_norm_eps", "use_cache", "tie_word_embeddings",
    "rope_parameters", "rope_theta", "rope_scaling", "use_sliding_window", "sliding_window", "max_window_layers",
    "layer_types", "attention_dropout", "pad_token_id", "bos_token_id", "eos_token_id",
)  # fmt: skip
OWN_KEYS = (
    "speech_encoder_type", "speech_encoder_hidden_size", "speech_encoder_layers", "speech_encoder_heads",
    "speech_encoder_positions", "num_mel_bins", "speech_encoder_ds_rate", "speech_projector_type",
    "speech_projector_hidden_size", "unit_vocab_size", "unit_start_id", "text_chunk", "unit_chunk", "max_drain_units",
    "speech_length", "long_speech", "tokenizer_model_max_length",
)  # fmt: skip
LARGEST = 1 << 24
ENCODER = "model.speech_encoder."


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller says about a model: None where the checkpoint decides."""

    encoder_heads: int | None = None
    speech_length: str | None = None
    long_speech: str | None = None
    text_only: bool | None = None


def read_config(folder: Folder, weights: Weights, wishes: Wishes = Wishes()) -> tuple[SpeechLMConfig, Format]:  # noqa: B008
    """Return the configuration and the layout of a checkpoint.

    Raises:
        CheckpointError: an unknown kind, a value that cannot be, or one that does not agree with the weights.
    """
    where, raw = str(folder.path / "config.json"), folder.json("config.json")
    kind = raw.get("model_type")
    if not isinstance(kind, str) or kind not in KINDS:
        raise CheckpointError(where, f"model_type is {kind!r}; known are {', '.join(KINDS)}")
    name, made = KINDS[kind]
    if raw.get("quantization_config"):
        raise CheckpointError(where, "the weights are quantized already; load the full ones with quantization=...")
    try:
        values = {key: raw[key] for key in (*QWEN_KEYS, *OWN_KEYS) if raw.get(key) is not None}
        _check_numbers(values)
        values |= _encoder(values, weights, wishes)
        values |= _speech(raw, values, weights, wishes)
        values |= {key: wish for key in ("speech_length", "long_speech") if (wish := getattr(wishes, key)) is not None}
        values |= _ends(folder, values)
        config = made(**values)
        _check_kinds(config)
    except (ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        raise CheckpointError(where, " ".join(str(error).split()) or type(error).__name__) from error
    config.architectures = None
    return config, name


def parse_stream(value: object) -> tuple[int, int]:
    """Return R text ids and W units of ``stream_params``: the text "(3,10)", or two numbers. Raises ValueError."""
    found = re.fullmatch(r"\s*[(\[]\s*(\d{1,6})\s*,\s*(\d{1,6})\s*[)\]]\s*", value) if isinstance(value, str) else None
    pair = [int(part) for part in found.groups()] if found else value
    if not isinstance(pair, list | tuple) or len(pair) != 2 or any(type(n) is not int or n < 1 for n in pair):
        raise ValueError(f"stream_params is {value!r}; it must be two whole numbers from 1, as in (3,10)")
    return pair[0], pair[1]


def _check_numbers(values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(getattr(Qwen2Config, key, getattr(SpeechLMConfig, key, None)), int) and key != "hidden_act":
            if isinstance(value, bool) != isinstance(getattr(SpeechLMConfig, key), bool):
                raise ValueError(f"{key} is {value!r}")
            if not isinstance(value, int) or (not isinstance(value, bool) and not 0 < value <= LARGEST):
                raise ValueError(f"{key} is {value!r}; it must be a whole number from 1 to {LARGEST}")
    theta = values.get("rope_theta", 1.0)
    if isinstance(theta, bool) or not isinstance(theta, int | float) or not theta > 0:
        raise ValueError(f"rope_theta is {theta!r}; it must be a number above 0")
    if values.get("num_hidden_layers", 1) > 1000 or values.get("speech_encoder_layers", 1) > 1000:
        raise ValueError("more than 1,000 layers: no such model is known")


def _check_kinds(config: SpeechLMConfig) -> None:
    if "whisper" not in config.speech_encoder_type.lower():
        raise ValueError(f"speech_encoder_type is {config.speech_encoder_type!r}; known is 'whisper'")
    if config.speech_projector_type != "linear":
        raise ValueError(f"speech_projector_type is {config.speech_projector_type!r}; known is 'linear'")
    if config.speech_length not in ("padded", "real"):
        raise ValueError(f"speech_length is {config.speech_length!r}; choose 'padded' or 'real'")
    if config.long_speech not in ("refuse", "split"):
        raise ValueError(f"long_speech is {config.long_speech!r}; choose 'refuse' or 'split'")


def _encoder(values: Mapping[str, Any], weights: Weights, wishes: Wishes) -> dict[str, Any]:
    """Take Whisper's and the adaptor's sizes from the weights; a configuration that says otherwise is wrong."""
    made: dict[str, Any] = {}
    conv, positions = weights.get(ENCODER + "conv1.weight"), weights.get(ENCODER + "positional_embedding")
    if conv is not None and len(conv.shape) == 3:
        made |= {"speech_encoder_hidden_size": conv.shape[0], "num_mel_bins": conv.shape[1]}
    if positions is not None and len(positions.shape) == 2:
        made["speech_encoder_positions"] = positions.shape[0]
    blocks = [int(m[1]) for key in weights if (m := re.match(r"model\.speech_encoder\.blocks\.(\d{1,4})\.", key))]
    if blocks:
        made["speech_encoder_layers"] = max(blocks) + 1
    inner = weights.get("model.speech_projector.linear1.bias")
    if inner is not None and len(inner.shape) == 1:
        made["speech_projector_hidden_size"] = inner.shape[0]
    differ = [key for key in made if values.get(key, made[key]) != made[key]]
    wrong = [f"{key} is {values[key]}, the weights have {made[key]}" for key in differ]
    if wrong:
        raise ValueError("; ".join(wrong))
    width = made.get("speech_encoder_hidden_size", values.get("speech_encoder_hidden_size", 1280))
    return made | {"speech_encoder_heads": _heads(width, values.get("speech_encoder_heads"), wishes.encoder_heads)}


def _heads(width: int, stated: int | None, wished: int | None) -> int:
    if stated is not None and wished is not None and stated != wished:
        raise ValueError(f"encoder_heads is {wished}, the configuration has {stated}")
    heads = stated or wished
    if heads is None and width % HEAD_WIDTH == 0:
        heads = width // HEAD_WIDTH
    if heads is None or heads < 1 or width % heads:
        raise ValueError(
            f"the speech encoder is {width} wide and its number of heads is not known ({HEAD_WIDTH} a head in every "
            f"published Whisper): give encoder_heads, a divisor of {width}" + (f", not {heads}" if heads else "")
        )
    return heads


def _speech(raw: Mapping[str, Any], values: Mapping[str, Any], weights: Weights, wishes: Wishes) -> dict[str, Any]:
    """Return the speech generator's entries; none for a model that writes text only."""
    sizes = raw.get("speech_generator")
    stored = any(key.startswith("speech_generator.") for key in weights)
    if wishes.text_only or not sizes or (not stored and _text_class(raw)):
        return {"speech_generator": None}
    if not isinstance(sizes, dict):
        raise ValueError("speech_generator must be the sizes of a Qwen2 model")
    if not stored:
        raise ValueError(
            "the configuration has a speech_generator and the weights have none: the speech part was lost, merge it "
            "in; or load with text_only=True, to hear, read and write but not to speak"
        )
    sizes = {key: sizes[key] for key in QWEN_KEYS if sizes.get(key) is not None}
    _check_numbers(sizes)
    Qwen2Config(**sizes)
    units = values.get("unit_vocab_size", SpeechLMConfig.unit_vocab_size)
    start = values.get("unit_start_id", sizes.get("vocab_size", 0) - units)
    if start < 1 or start + units > sizes.get("vocab_size", 0):
        raise ValueError(
            f"unit_vocab_size is {units} and the speech generator's vocab_size {sizes.get('vocab_size')}: "
            f"<sep> would be {start - 1}, the units {start} to {start + units - 1}"
        )
    made: dict[str, Any] = {"speech_generator": sizes, "unit_start_id": start}
    if raw["model_type"] != SpeechLMConfig.model_type:
        made["text_chunk"], made["unit_chunk"] = parse_stream(raw.get("stream_params"))
    return made


def _text_class(raw: Mapping[str, Any]) -> bool:
    classes = raw.get("architectures")
    named = isinstance(classes, list) and any(name in TEXT_CLASSES for name in classes)
    return named or raw["model_type"] == LlamaOmni2TextConfig.model_type


def _ends(folder: Folder, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return all ids that end the text: generation_config.json, where it is there, knows more than config.json."""
    stated = folder.json("generation_config.json", needed=False).get("eos_token_id", values.get("eos_token_id"))
    ids = stated if isinstance(stated, list) else [] if stated is None else [stated]
    if not ids or any(type(one) is not int or one < 0 for one in ids):
        raise ValueError(f"eos_token_id is {stated!r}; the ids that end an answer are needed")
    first = values.get("eos_token_id")
    both = [*([first] if isinstance(first, int) else first or []), *ids]
    ends = list(dict.fromkeys(both))
    return {"eos_token_id": ends[0] if len(ends) == 1 else ends}
