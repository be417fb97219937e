"""Says how a model is written down in each layout: configuration, keys, tokenizers; it knows no folder's fate.

The published layouts are those of ictnlp/LLaMA-Omni2 and SirryChen/SpeechMedAssist, which vLLM-Omni reads too.
"""

from __future__ import annotations

from typing import Any, Literal

import torch

from model.config import HEAD_WIDTH, SpeechLMConfig
from model.errors import CheckpointError
from model.loading.placing import empty_model, tied
from model.loading.published import OWN_KEYS, QWEN_KEYS
from model.speech_lm import SpeechLM

Layout = Literal["clinic", "llama-omni2", "speechmedassist"]
LARGE_V3 = {"num_mel_bins": 128, "speech_encoder_hidden_size": 1280, "speech_encoder_layers": 32}
KINDS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "llama-omni2": (
        ("omni2_speech2s_qwen2", "Omni2Speech2SQwen2ForCausalLM"),
        ("omni2_speech_qwen2", "Omni2SpeechQwen2ForCausalLM"),
    ),
    "speechmedassist": (
        ("SpeechMedAssist", "Speech2SQwen2ForCausalLM"),
        ("SpeechMedAssist", "SpeechQwen2ForCausalLM"),
    ),
}
"""Model type and class of each published layout, with a speech generator and without."""

SHARED = (
    "attention_dropout", "bos_token_id", "hidden_act", "hidden_size", "initializer_range", "intermediate_size",
    "max_position_embeddings", "max_window_layers", "num_attention_heads", "num_hidden_layers", "num_key_value_heads",
    "rms_norm_eps", "sliding_window", "tie_word_embeddings", "use_cache", "use_sliding_window", "vocab_size",
)  # fmt: skip
ADDED = ("speech_length", "long_speech", "max_drain_units", "unit_start_id")
"""Keys of ours that the published configurations lack; other readers pass over them."""


def stored_tensors(model: SpeechLM, layout: Layout) -> dict[str, torch.Tensor]:
    """Return the tensors by key; tied heads too in the published layouts, as there.

    Raises:
        CheckpointError: the model has an unmerged adapter or quantized layers: those have no published form.
    """
    state: dict[str, torch.Tensor] = model.state_dict()
    wanted = empty_model(type(model.config)(**model.config.to_dict())).state_dict()
    if state.keys() != wanted.keys() or any(not tensor.is_floating_point() for tensor in state.values()):
        extra = sorted(set(state) ^ set(wanted))[:8]
        raise CheckpointError(
            "model", "has an adapter that is not merged, or quantized layers: load it with merge=True and without "
            f"quantization before it is written ({', '.join(extra)} ...)",
        )  # fmt: skip
    dropped = tied(model.config) if layout == "clinic" else {}
    return {key: tensor for key, tensor in state.items() if key not in dropped}


def published_config(config: SpeechLMConfig, layout: Layout, dtype: torch.dtype) -> dict[str, Any]:
    """Return config.json of a published layout."""
    speaks = config.speech_generator is not None
    kind, name = KINDS[layout][0 if speaks else 1]
    number = str(dtype).removeprefix("torch.")
    made = _qwen(config) | {
        "model_type": kind, "architectures": [name], "torch_dtype": number,
        "eos_token_id": config.end_ids[0] if config.end_ids else None,
        "speech_encoder": _whisper(config), "speech_encoder_type": config.speech_encoder_type,
        "speech_encoder_ds_rate": config.speech_encoder_ds_rate,
        "speech_encoder_hidden_size": config.speech_encoder_hidden_size,
        "speech_projector_type": config.speech_projector_type,
        "tokenizer_model_max_length": config.tokenizer_model_max_length, "tokenizer_padding_side": "right",
    }  # fmt: skip
    if speaks:
        made |= {
            "speech_generator": _qwen(config.unit_lm) | {
                "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "torch_dtype": number,
                "eos_token_id": config.unit_lm.eos_token_id,
            },
            "stream_params": f"({config.text_chunk},{config.unit_chunk})", "tts_tokenizer": "tts_tokenizer",
            "unit_vocab_size": config.unit_vocab_size,
        }  # fmt: skip
    standard = SpeechLMConfig(speech_generator=config.speech_generator, unit_vocab_size=config.unit_vocab_size)
    made |= {key: getattr(config, key) for key in ADDED if getattr(config, key) != getattr(standard, key)}
    if config.speech_encoder_heads * HEAD_WIDTH != config.speech_encoder_hidden_size:
        made["speech_encoder_heads"] = config.speech_encoder_heads
    return made


def config_of(config: SpeechLMConfig, layout: Layout, dtype: torch.dtype) -> dict[str, Any]:
    """Return config.json in any layout."""
    if layout != "clinic":
        return published_config(config, layout, dtype)
    own = SpeechLMConfig(**{key: value for key, value in config.to_dict().items() if key in (*QWEN_KEYS, *OWN_KEYS)})
    own.speech_generator, own.architectures = config.speech_generator, ["SpeechLM"]
    return {**own.to_diff_dict(), "dtype": str(dtype).removeprefix("torch."), "model_type": SpeechLMConfig.model_type}


def generation_json(model: SpeechLM) -> dict[str, Any]:
    """Return generation_config.json."""
    stated = model.generation_config.to_diff_dict() if model.generation_config is not None else {}
    ends = list(model.config.end_ids)
    known = {key: value for key, value in stated.items() if value is not None and key != "_from_model_config"}
    return {**known, "eos_token_id": ends, "do_sample": False}


def _qwen(config: Any) -> dict[str, Any]:
    made = {key: getattr(config, key) for key in SHARED}
    rope = dict(config.rope_parameters or {})
    made["rope_theta"] = rope.pop("rope_theta", 10_000.0)
    if rope.get("rope_type", "default") != "default":
        made["rope_scaling"] = rope
    return made


def _whisper(config: SpeechLMConfig) -> str:
    """Published readers build the encoder's shape from this name; its weights are in the checkpoint."""
    large = all(getattr(config, key) == size for key, size in LARGE_V3.items())
    return "models/speech_encoder/" + ("large-v3.pt" if large else "another-size.pt")
