"""Writes a folder whole or not at all, and weights as safetensors in shards; it knows no model."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save_file

from model.errors import CheckpointError
from model.loading.weights import INDEX, SINGLE

SHARD_BYTES = 5_000_000_000
"""Size of one weight file at most, as the published ones have it (decimal gigabytes)."""


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``target``; it takes ``target``'s place when the block ends without an error.

    Raises:
        CheckpointError: something lies at ``target`` already (an empty folder is fine), or it cannot be written.
    """
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise CheckpointError(str(target), "is there already; nothing is written over: give a new folder or remove it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise CheckpointError(str(target), f"cannot be written: {error}") from error
    try:
        yield made
        made.chmod(0o755)
        os.replace(made, target)
    except OSError as error:
        raise CheckpointError(str(target), f"could not be written: {error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_json(file: Path, content: Mapping[str, object]) -> None:
    """Write an object with sorted keys, as transformers does."""
    file.write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def write_weights(
    folder: Path, tensors: Mapping[str, torch.Tensor], dtype: torch.dtype, shard_bytes: int = SHARD_BYTES
) -> None:
    """Write tensors in one type, one file or several with an index; a shard's copy is what it needs in memory.

    Args:
        folder: where to.
        tensors: by key; tensors that share memory are stored each by itself.
        dtype: of what is stored.
        shard_bytes: bytes of tensors in one file at most; a single larger tensor gets a file of its own.
    """
    shards: list[list[str]] = [[]]
    filled = 0
    for key, tensor in tensors.items():
        size = tensor.numel() * dtype.itemsize
        if shards[-1] and filled + size > shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(key)
        filled += size
    names = [f"model-{n:05d}-of-{len(shards):05d}.safetensors" for n in range(1, len(shards) + 1)]
    if len(shards) == 1:
        names = [SINGLE]
    for name, keys in zip(names, shards, strict=True):
        save_file(_own({key: tensors[key] for key in keys}, dtype), folder / name, metadata={"format": "pt"})
    if len(shards) > 1:
        where = {key: name for name, keys in zip(names, shards, strict=True) for key in keys}
        total = sum(tensor.numel() for tensor in tensors.values()) * dtype.itemsize
        write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": where})


def _own(tensors: Mapping[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Return each tensor on the CPU, in its type, contiguous and with memory of its own (safetensors asks for that)."""
    made: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for key, tensor in tensors.items():
        own = tensor.detach().to("cpu", dtype).contiguous()
        made[key] = own.clone() if own.data_ptr() in seen else own
        seen.add(own.data_ptr())
    return made
