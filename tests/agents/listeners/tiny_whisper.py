"""Whisper checkpoints of random weights in the published format ({dims, model_state_dict}), made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MULTILINGUAL, ENGLISH_ONLY = 51_865, 51_864
LARGE_V3 = 51_866


def tiny_whisper(file: Path, *, vocabulary: int = MULTILINGUAL, mels: int = 80, seed: int = 1) -> Path:
    """Write a checkpoint of about 0.9 million weights; what it says depends on the sound, but is no language."""
    import torch
    from whisper.model import ModelDimensions, Whisper

    dims = ModelDimensions(
        n_mels=mels, n_audio_ctx=1500, n_audio_state=16, n_audio_head=2, n_audio_layer=1,
        n_vocab=vocabulary, n_text_ctx=64, n_text_state=16, n_text_head=2, n_text_layer=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Whisper(dims)
        for name, weights in model.named_parameters():
            looks = "cross_attn.query" in name or "cross_attn.key" in name
            torch.nn.init.normal_(weights, std=2.0 if looks else 1.0 if "encoder" in name else 0.25)
    held: dict[str, Any] = {"dims": dict(dims.__dict__), "model_state_dict": model.state_dict()}
    torch.save(held, file)
    return file
