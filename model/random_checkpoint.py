"""Writes a small, real checkpoint with random weights, for tests and benchmarks.

Everything in the folder is made here in seconds: no weight and no vocabulary comes from elsewhere. What such a model
says means nothing.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Literal

import torch
from transformers import GenerationConfig

from model.checkpoint import Layout, export
from model.codec import Codec, CodecConfig
from model.config import Preset, SpeechLMConfig
from model.loading.card import RANDOM
from model.loading.tokenizer import chatml_tokenizer
from model.processor import SpeechLMProcessor
from model.speech_lm import SpeechLM, register


def write_random(
    folder: str | Path, preset: Preset | SpeechLMConfig = "tiny", seed: int = 0, *, layout: Layout = "clinic",
    vocoder: Literal["codec"] | None = "codec", dtype: str = "float32",
) -> Path:  # fmt: skip
    """Write a checkpoint with random weights and return its folder.

    Args:
        folder: new, or empty.
        preset: the sizes by name (``tiny`` is some 30 MB), or sizes of your own, such as a preset with fewer layers.
        seed: equal seeds give equal weights.
        layout: our own, or one of the published ones.
        vocoder: ``codec``: ``vocoder/`` holds our codec with random weights; None: no vocoder, text and units only.
        dtype: in which the model is stored.

    Raises:
        CheckpointError: something is in the folder already.
    """
    register()
    path, config = Path(folder), SpeechLMConfig.preset(preset) if isinstance(preset, str) else deepcopy(preset)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SpeechLM(config)
    _enliven(model)
    first_end = config.unit_end_id
    processor = SpeechLMProcessor(chatml_tokenizer(config.sep_id, first_end), config)
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, pad_token_id=first_end, do_sample=False,
        eos_token_id=[*config.end_ids, first_end],
    )  # fmt: skip
    config.eos_token_id = [*config.end_ids, first_end]
    export(model, path, layout, dtype=dtype, processor=processor, origin=RANDOM)
    if vocoder == "codec":
        _write_codec(path / "vocoder", seed)
    return path


def _enliven(model: SpeechLM) -> None:
    """Make the layers count against the embeddings: else a random model repeats its last token for ever."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".layers." in name and weight.dim() == 2:
                weight.mul_(5)


def _write_codec(folder: Path, seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        codec = Codec(CodecConfig())
    codec.save_pretrained(folder)
    file = folder / "config.json"
    file.write_text(json.dumps({"kind": "codec", **json.loads(file.read_text())}, indent=2) + "\n")
