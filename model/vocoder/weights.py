"""Reads published vocoder weights and x-vectors from files, strictly; it knows no streams.

``.safetensors`` or ``.pt``; the latter only as tensors (``weights_only``), so that no code in a file ever runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from model.errors import CheckpointError
from model.vocoder.config import FlowConfig, HiftConfig
from model.vocoder.flow import Flow
from model.vocoder.hift import Hift

Network = TypeVar("Network", bound=nn.Module)
_SUFFIXES = (".safetensors", ".pt", ".pth")
_DAMAGED = (
    *(OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, EOFError),
    *(UnpicklingError, SafetensorError),
)
_BESIDE_WEIGHTS = ("epoch", "step")  # counters that CosyVoice's trainer writes among the weights


def load_flow(config: FlowConfig, file: Path) -> Flow:
    """Build the flow and load ``flow.pt`` or its safetensors copy; raises CheckpointError naming every wrong key."""
    return filled(Flow(config), file)


def load_hift(config: HiftConfig, file: Path) -> Hift:
    """Build HiFT and load ``hift.pt`` or its safetensors copy.

    Takes keys with or without ``generator.`` in front, weight norm as ``weight_g``/``weight_v`` or under the names of
    torch's newer ``parametrizations``; raises CheckpointError naming every wrong key.
    """
    return filled(Hift(config), file)


def find_weights(folder: Path, name: str) -> Path:
    """Return ``folder/name`` with the first suffix that exists; CheckpointError if none does."""
    for suffix in _SUFFIXES:
        if (file := folder / f"{name}{suffix}").is_file():
            return file
    names = ", ".join(f"{name}{suffix}" for suffix in _SUFFIXES)
    raise CheckpointError(str(folder), f"has none of {names}; give the folder of CosyVoice2's or cosy2_decoder's files")


def read_xvector(file: Path, size: int = 192, voice: str | None = None) -> Tensor:
    """Return a speaker's x-vector, ``[size]``, float32.

    Args:
        file: ``.npy``, ``.safetensors`` or ``.pt`` with one vector, or with several under names (``spk2info.pt`` too).
        size: numbers in an x-vector (CAM++ gives 192).
        voice: which of several; may be left out where there is one.

    Raises:
        CheckpointError: unreadable, no such voice, or no x-vector of that size.
    """
    found = _vectors(file)
    if voice is None and len(found) == 1:
        (voice,) = found
    if voice is None or voice not in found:
        raise CheckpointError(str(file), f"choose one of its voices: {', '.join(sorted(found)) or 'it has none'}")
    return checked_xvector(found[voice], size, f"{file} ({voice})")


def checked_xvector(vector: Tensor, size: int, where: str) -> Tensor:
    """Return it flat and in float32; CheckpointError if it is of another size, not finite or zero."""
    flat = vector.detach().to("cpu", torch.float32).flatten()
    if flat.numel() != size or not flat.isfinite().all() or not flat.any():
        raise CheckpointError(where, f"an x-vector is {size} finite numbers, not all 0; this is {tuple(vector.shape)}")
    return flat


def filled(network: Network, file: Path) -> Network:
    """Return the network with a file's weights, for use; CheckpointError names every key that does not fit."""
    state, wanted = _state(file), network.state_dict()
    misshapen = [
        f"{key}: {list(state[key].shape)}, wanted {list(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in state and state[key].shape != tensor.shape
    ]
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    if missing or unexpected or misshapen:
        problem = f"these are not the weights of this {type(network).__name__}; check the file and its config.json"
        raise CheckpointError(str(file), problem, missing=missing, unexpected=unexpected, misshapen=misshapen)
    broken = [key for key, tensor in state.items() if not tensor.isfinite().all()]
    if broken:
        raise CheckpointError(str(file), f"holds numbers that are not finite: {', '.join(broken)}")
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _state(file: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for key, value in _read(file).items():
        if key in _BESIDE_WEIGHTS and not isinstance(value, Tensor):
            continue
        if not isinstance(value, Tensor):
            raise CheckpointError(str(file), f"{key} is {type(value).__name__}, not a tensor")
        name = _name(key)
        if name in state:
            raise CheckpointError(str(file), f"{name} is there twice, under two of its names")
        state[name] = value
    return state


def _name(key: str) -> str:
    name = key.removeprefix("generator.")
    for new, old in (("original0", "weight_g"), ("original1", "weight_v")):
        name = name.replace(f".parametrizations.weight.{new}", f".{old}")
    return name


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = load_file(file) if file.suffix == ".safetensors" else _torch_file(file)
    except _DAMAGED as error:
        raise CheckpointError(str(file), f"cannot be read as tensors: {_first_line(error)}") from error
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise CheckpointError(str(file), f"holds a {type(found).__name__}, not tensors under names")
    return found


def _torch_file(file: Path) -> Any:
    return torch.load(file, map_location="cpu", weights_only=True)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _vectors(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".npy":
            return {"": torch.from_numpy(np.load(file, allow_pickle=False).astype(np.float32))}
        if file.suffix in (".pt", ".pth"):
            found = _torch_file(file)
            return {"": found} if isinstance(found, Tensor) else _voices(found)
        return dict(load_file(file))
    except _DAMAGED as error:
        raise CheckpointError(str(file), f"cannot be read as an x-vector: {_first_line(error)}") from error


def _voices(found: Any) -> dict[str, Tensor]:
    """Take ``{voice: vector}`` and CosyVoice's ``{voice: {"embedding": vector, ...}}``."""
    voices = {}
    for voice, value in found.items():
        vector = value.get("embedding") if isinstance(value, Mapping) else value
        if isinstance(vector, Tensor):
            voices[str(voice)] = vector
    return voices
