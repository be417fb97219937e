"""Turns words such as ``auto`` into a device, a number type and more; it knows no weights' values."""

from __future__ import annotations

import torch
from transformers import GenerationConfig

from model.config import SpeechLMConfig
from model.errors import CheckpointError, SpeechLMError
from model.loading.folder import Folder
from model.loading.weights import Weights

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def device_of(name: str) -> torch.device:
    """Return the device; ``auto`` is the first CUDA device where there is one. Raises SpeechLMError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(name)
    except RuntimeError as error:
        raise SpeechLMError(f"device is {name!r}; choose auto, cpu, cuda or cuda:0") from error
    if found.type == "cuda" and not (torch.cuda.is_available() and (found.index or 0) < torch.cuda.device_count()):
        raise SpeechLMError(f"device is {name!r}, and this machine has no such CUDA device that torch can use")
    return found


def dtype_of(name: str, weights: Weights) -> torch.dtype:
    """Return the number type; ``auto`` is that of the stored weights. Raises SpeechLMError."""
    if name == "auto":
        stored = weights.get("model.norm.weight")
        return stored.dtype if stored is not None and stored.dtype in DTYPES.values() else torch.float32
    if name not in DTYPES:
        raise SpeechLMError(f"dtype is {name!r}; choose auto, {', '.join(DTYPES)}")
    return DTYPES[name]


def generation_of(folder: Folder, config: SpeechLMConfig, pad_id: int | None) -> GenerationConfig:
    """Return what ends and bends generation as the checkpoint says; sampling is left to the caller.

    ``pad_id`` is the tokenizer's: only ``generate`` of transformers needs one.

    Raises CheckpointError for a repetition penalty that is none.
    """
    penalty = folder.json("generation_config.json", needed=False).get("repetition_penalty", 1.0)
    if isinstance(penalty, bool) or not isinstance(penalty, int | float) or not 0 < penalty < 100:
        raise CheckpointError(str(folder), f"generation_config.json: repetition_penalty is {penalty!r}")
    return GenerationConfig(
        bos_token_id=config.bos_token_id, pad_token_id=pad_id, eos_token_id=list(config.end_ids),
        repetition_penalty=float(penalty), do_sample=False,
    )  # fmt: skip
