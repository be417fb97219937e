"""Ready sizes of the SpeechLM; numbers only, from the published models' configurations.

Qwen2.5's sizes (0.5B to 14B) and the unit LM (a Qwen2.5-0.5B with the units added) are those that LLaMA-Omni2 was built
on (arXiv 2505.02625); ``tiny`` is this project's own, small enough to be trained on two CPU cores.
"""

from __future__ import annotations

from typing import Any

_QWEN: dict[str, Any] = {
    "max_position_embeddings": 32_768,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    "bos_token_id": 151_643,
    "eos_token_id": 151_645,
    "initializer_range": 0.02,
}
_UNIT_LM: dict[str, Any] = {
    **_QWEN,
    "hidden_size": 896,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "intermediate_size": 4864,
    "vocab_size": 158_227,
    "eos_token_id": 151_643,
    "tie_word_embeddings": True,
}


def _qwen(hidden: int, layers: int, heads: int, kv: int, ffn: int, vocabulary: int, *, tied: bool) -> dict[str, Any]:
    return {
        **_QWEN, "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": kv, "intermediate_size": ffn, "vocab_size": vocabulary, "tie_word_embeddings": tied,
        "speech_generator": _UNIT_LM,
    }


def _tiny() -> dict[str, Any]:
    text_ids = 2048
    llm = _qwen(192, 4, 6, 2, 512, text_ids, tied=True)
    own_ends = {"bos_token_id": 0, "eos_token_id": 2}
    unit_lm = {
        **_UNIT_LM, **own_ends, "hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 6,
        "num_key_value_heads": 2, "intermediate_size": 512, "vocab_size": text_ids + 6561, "eos_token_id": 0,
    }
    return {
        **llm, **own_ends, "speech_generator": unit_lm,
        "speech_encoder_hidden_size": 128, "speech_encoder_layers": 4, "speech_encoder_heads": 2, "num_mel_bins": 80,
        "speech_projector_hidden_size": 256, "speech_length": "real",
    }


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": _tiny(),
    "0.5B": _qwen(896, 24, 14, 2, 4864, 151_936, tied=True),
    "7B": _qwen(3584, 28, 28, 4, 18_944, 152_064, tied=False),
    "14B": _qwen(5120, 48, 40, 8, 13_824, 152_064, tied=False),
}
