"""Gathers what one load is made of: which tensor comes from which file, and the sizes that follow; it fills nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from model.config import SpeechLMConfig
from model.errors import CheckpointError
from model.loading.folder import Folder
from model.loading.published import ENCODER, Format, Wishes, read_config
from model.loading.weights import Stored, Weights, read_tensors, read_weights
from model.loading.whisper import read_whisper


@dataclass(frozen=True, slots=True)
class Plan:
    """``weights``: what is stored where, by key; ``other``: tensors that come from elsewhere (a Whisper file)."""

    weights: Weights
    config: SpeechLMConfig
    layout: Format
    other: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield every tensor by its key, one at a time."""
        yield from read_tensors(self.weights, lambda key: key not in self.other)
        yield from self.other.items()


def make_plan(folder: Folder, wishes: Wishes, whisper: str | Path | None = None) -> Plan:
    """Read headers and configuration of a checkpoint. Raises CheckpointError.

    Args:
        folder: of the checkpoint.
        wishes: of the caller.
        whisper: a Whisper file that takes the place of the stored speech encoder.
    """
    weights: Weights = read_weights(folder)
    other: dict[str, torch.Tensor] = {}
    if whisper is not None:
        heads, other = read_whisper(whisper)
        if wishes.encoder_heads not in (None, heads):
            raise CheckpointError(str(whisper), f"it has {heads} heads, encoder_heads is {wishes.encoder_heads}")
        wishes = replace(wishes, encoder_heads=heads)
        kept = {key: stored for key, stored in weights.items() if not key.startswith(ENCODER)}
        weights = kept | {
            key: Stored(Path(whisper), tensor.dtype, tuple(tensor.shape), -1) for key, tensor in other.items()
        }
    config, layout = read_config(folder, weights, wishes)
    if wishes.text_only:
        weights = {key: stored for key, stored in weights.items() if not key.startswith("speech_generator.")}
    config.name_or_path = str(folder)
    return Plan(weights, config, layout, other)
