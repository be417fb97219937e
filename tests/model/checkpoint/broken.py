"""Copies of the recorded checkpoint that tests may break, and how to rewrite its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

PARITY = Path(__file__).parents[1] / "parity" / "checkpoint"
HEADS = 2


def copied(folder: Path) -> Path:
    """Copy the recorded checkpoint (LLaMA-Omni2's layout, tiny) to a new folder."""
    shutil.copytree(PARITY, folder)
    folder.chmod(0o755)
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    return folder


def change_json(file: Path, **changes: Any) -> None:
    """Set keys of a JSON file; None removes one."""
    content = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Rewrite the weights after ``change``."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def shard(folder: Path, count: int = 3) -> Mapping[str, str]:
    """Split the weights into shards with an index; return where each key lies."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    where = {}
    for number in range(count):
        name = f"model-{number + 1:05d}-of-{count:05d}.safetensors"
        held = {key: tensors[key] for key in sorted(tensors)[number::count]}
        save_file(held, folder / name, metadata={"format": "pt"})
        where |= dict.fromkeys(held, name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return where
