"""Safetensors files, single or sharded: what is stored where, and reading it; it knows no model.

Headers are read and checked first (a shard that is missing, truncated or wrongly indexed is named). Tensors are then
read one by one, so that loading needs the model's own size and one tensor more. No pickle is ever read here.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from model.errors import CheckpointError
from model.loading.folder import Folder

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
LARGEST_HEADER = 100 << 20
DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
"""Types that safetensors can hold and that are read here (the specification names more: 8-bit floats and others)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where one tensor lies: ``begin`` counts bytes from the file's start."""

    file: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int

    @property
    def bytes(self) -> int:
        """Its size."""
        return math.prod(self.shape) * self.dtype.itemsize


Weights = Mapping[str, Stored]


def read_weights(folder: Folder, single: str = SINGLE, index: str = INDEX) -> dict[str, Stored]:
    """Return what a folder's safetensors files hold, by key.

    Raises:
        CheckpointError: no weights, a missing, truncated or damaged file, an index that does not agree with the files.
    """
    one, indexed = folder.file(single), folder.file(index)
    if one is not None and indexed is not None:
        raise CheckpointError(str(folder), f"holds both {single} and {index}: which one counts? Remove the other")
    if one is not None:
        return read_header(one)
    if indexed is None:
        pickled = [name for name in folder.names() if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
        hint = f"; {', '.join(pickled)} may carry code and is not read: convert it to safetensors" if pickled else ""
        raise CheckpointError(str(folder), f"has no weights ({single} or {index}){hint}")
    return _sharded(folder, index)


def _sharded(folder: Folder, index: str) -> dict[str, Stored]:
    where = folder.json(index).get("weight_map")
    if not isinstance(where, dict) or not where or not all(isinstance(name, str) for name in where.values()):
        raise CheckpointError(str(folder), f"{index} has no weight_map from keys to file names")
    shards = sorted(set(where.values()))
    absent = [name for name in shards if folder.file(name) is None]
    if absent:
        raise CheckpointError(str(folder), f"shards are missing that {index} names: {', '.join(absent)}")
    found: dict[str, Stored] = {}
    twice, astray = [], []
    for name in shards:
        held = read_header(folder.need(name))
        twice += [f"{key} (in {found[key].file.name} and {name})" for key in held if key in found]
        astray += [f"{key} (in {name}, index: {where.get(key, 'nowhere')})" for key in held if where.get(key) != name]
        found |= held
    lost = [f"{key} (index: {where[key]})" for key in where if key not in found]
    if twice or astray or lost:
        problem = f"{index} does not agree with the shards"
        problem += f"; {len(twice)} keys stored twice: {', '.join(twice)}" if twice else ""
        raise CheckpointError(str(folder), problem, missing=lost, unexpected=astray)
    return found


def read_header(file: Path) -> dict[str, Stored]:
    """Return what one safetensors file holds.

    Source: the safetensors format (8 bytes of length, a JSON header, the tensors without gaps). Raises CheckpointError
    for a header that is damaged or a file whose size does not agree with it.
    """
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
        if not 2 <= length <= min(LARGEST_HEADER, size - 8):
            raise CheckpointError(str(file), f"is truncated or no safetensors file ({size} bytes)")
        text = opened.read(length)
    try:
        entries = json.loads(text.decode("utf-8"), object_pairs_hook=_once)
        entries.pop("__metadata__", None)
        found = {key: _stored(file, key, entry, 8 + length) for key, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(str(file), f"its header is damaged: {error}") from error
    end = 8 + length
    for key, stored in sorted(found.items(), key=lambda item: (item[1].begin, item[1].bytes)):
        if stored.begin != end:
            raise CheckpointError(str(file), f"its header is damaged: {key} does not follow the tensor before it")
        end += stored.bytes
    if end != size:
        what = "is truncated" if end > size else "has more bytes than its header describes"
        raise CheckpointError(str(file), f"{what}: {size} bytes, its header describes {end}")
    return found


def read_tensors(
    weights: Weights, want: Callable[[str], bool] = lambda key: True
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the wanted tensors on the CPU in their stored type, file by file, in the order in which they lie there.

    Every tensor is a copy of its own: nothing stays mapped to a file that might change later. Raises CheckpointError
    when a file has become shorter in the meantime.
    """
    ordered = sorted((str(stored.file), stored.begin, key) for key, stored in weights.items() if want(key))
    opened: BinaryIO | None = None
    try:
        for name, _, key in ordered:
            if opened is None or opened.name != name:
                if opened is not None:
                    opened.close()
                opened = open(name, "rb")  # noqa: SIM115
            yield key, _read(opened, weights[key])
    finally:
        if opened is not None:
            opened.close()


def _read(opened: BinaryIO, stored: Stored) -> torch.Tensor:
    tensor = torch.empty(stored.shape, dtype=stored.dtype)
    if not stored.bytes:
        return tensor
    opened.seek(stored.begin)
    into = memoryview(tensor.reshape(-1).view(torch.uint8).numpy())  # type: ignore[arg-type]
    done = 0
    while done < stored.bytes:
        read = opened.readinto(into[done:])  # type: ignore[attr-defined]
        if not read:
            raise CheckpointError(str(stored.file), "became shorter while it was read")
        done += read
    return tensor


def _stored(file: Path, key: str, entry: Mapping[str, Any], base: int) -> Stored:
    shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"{key} is stored as {entry['dtype']}; {', '.join(DTYPES)} are read")
    if not all(type(number) is int and 0 <= number < 2**48 for number in (*shape, begin, end)):
        raise ValueError(f"{key} has no usable shape or place")
    made = Stored(file, DTYPES[entry["dtype"]], shape, base + begin)
    if made.bytes != end - begin:
        raise ValueError(f"{key} has {end - begin} bytes, its shape {list(shape)} needs {made.bytes}")
    return made


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands there twice")
    return made
