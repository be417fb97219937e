"""Reads OpenAI's Whisper files for the speech encoder; it knows their layout, not the rest of the model.

A ``.pt`` of openai/whisper holds ``dims`` and ``model_state_dict``. It is read as tensors only (``weights_only``): a
file that carries code is refused, nothing in it ever runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from model.errors import CheckpointError
from model.loading.published import ENCODER

PREFIX = "encoder."


def read_whisper(file: str | Path) -> tuple[int, dict[str, torch.Tensor]]:
    """Return the encoder's number of heads, and its tensors under the SpeechLM's keys (mapped to the file).

    Raises:
        CheckpointError: no such file, damaged, not Whisper's layout, or it carries more than tensors.
    """
    held = _held(Path(file))
    dims = held.get("dims") if isinstance(held, Mapping) else None
    state = held.get("model_state_dict") if isinstance(held, Mapping) else None
    if not isinstance(dims, Mapping) or not isinstance(state, Mapping):
        raise CheckpointError(str(file), "is no openai/whisper file: dims and model_state_dict are expected")
    heads = dims.get("n_audio_head")
    if type(heads) is not int or heads < 1:
        raise CheckpointError(str(file), f"its dims have no n_audio_head: {dict(dims)}")
    mine = {str(key): value for key, value in state.items() if str(key).startswith(PREFIX)}
    odd = [key for key, value in mine.items() if not isinstance(value, torch.Tensor) or not value.is_floating_point()]
    if odd or not mine:
        raise CheckpointError(str(file), f"{', '.join(odd)} are no weights" if odd else "has no encoder weights")
    return heads, {ENCODER + key.removeprefix(PREFIX): value for key, value in mine.items()}


def _held(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(str(path), "there is no such Whisper file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except UnpicklingError as error:
        line = next(iter(str(error).splitlines()), "")
        problem = f"carries more than tensors, or is damaged; nothing in it was run ({line})"
        raise CheckpointError(str(path), problem) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(str(path), f"is damaged or no file of torch: {line}") from error
