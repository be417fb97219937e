"""The recorded tensors of the published code at tiny random weights (tests/model/parity), as the tests need them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from model.config import LlamaOmni2Config
from model.processor import SpeechLMProcessor
from model.speech_lm import LlamaOmni2
from model.streaming.types import Message, Part, Speech

PARITY = Path(__file__).parent / "parity"
CHECKPOINT = PARITY / "checkpoint"


@cache
def facts() -> dict[str, Any]:
    return json.loads((PARITY / "recordings.json").read_text("utf-8"))


@cache
def tensors() -> dict[str, torch.Tensor]:
    return load_file(PARITY / "recordings.safetensors")


@cache
def waves() -> list[np.ndarray]:
    """Three sounds; the third is derived from the second and lasts 30.5 s, of which the published code hears 30."""
    first, second = (tensors()[f"wave.{index}"].numpy() for index in (0, 1))
    length, k = len(second), np.arange(488_000)
    third = np.floor(second[k % length] * (6 - k // length) / 6)
    return [(wave / 32768).astype(np.float32) for wave in (first, second, third[:480_000])]


@cache
def network() -> LlamaOmni2:
    """The recorded checkpoint's model, loaded by hand: its Whisper has 2 heads, which no configuration says."""
    published = json.loads((CHECKPOINT / "config.json").read_text("utf-8"))
    kept = {k: v for k, v in published.items() if k not in ("stream_params", "tts_tokenizer", "speech_encoder")}
    model = LlamaOmni2(LlamaOmni2Config(**kept, speech_encoder_heads=2, speech_encoder_layers=2)).eval()
    model.load_state_dict(load_file(CHECKPOINT / "model.safetensors"), strict=True)
    return model


@cache
def processor() -> SpeechLMProcessor:
    return SpeechLMProcessor.from_pretrained(CHECKPOINT, network().config)


def dialogue(name: str) -> list[Message]:
    """The messages of a recorded dialogue (d1, d3, d6, t1) with its sounds."""
    recorded = facts()["dialogs"][name]
    sounds = iter(recorded["speech"])
    messages = []
    for message in recorded["messages"]:
        parts: list[Part] = []
        for index, text in enumerate(message["content"].split("<speech>")):
            parts += [Speech(waves()[next(sounds)])] if index else []
            parts += [text] if text else []
        messages.append(Message(message["role"], tuple(parts)))
    return messages
