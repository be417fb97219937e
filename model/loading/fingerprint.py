"""Tells checkpoints apart without reading all of them; it knows files, no model.

Covered: the whole of every JSON file (configuration, tokenizer, index), and of every weight file its name, size, whole
header (keys, types, shapes) and 64 KiB at sixteen evenly spread places, the last bytes included. A change of single
weights elsewhere is not seen: it is a label for results, not a seal against forgery.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from model.errors import CheckpointError
from model.loading.folder import Folder

PLACES, PIECE = 16, 64 << 10
COVERED = (".json", ".safetensors", ".txt", ".jinja", ".model")


def fingerprint(folders: Iterable[Folder], extra: str = "") -> str:
    """Return 64 hexadecimal digits for folders (checkpoint, vocoder, adapter); ``extra`` tells loads apart."""
    made = hashlib.sha256(extra.encode())
    for folder in folders:
        for name in folder.names():
            if name.endswith(COVERED) and (found := folder.file(name)) is not None:
                made.update(f"\n{name}\n".encode())
                made.update(_weights(found) if name.endswith(".safetensors") else _whole(found))
    return made.hexdigest()


def _whole(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()


def _weights(file: Path) -> bytes:
    size = file.stat().st_size
    made = hashlib.sha256(str(size).encode())
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > size:
            raise CheckpointError(str(file), "is truncated or no safetensors file")
        made.update(opened.read(length))
        first, last = 8 + length, max(8 + length, size - PIECE)
        for place in range(PLACES):
            opened.seek(first + (last - first) * place // (PLACES - 1))
            made.update(opened.read(PIECE))
    return made.digest()
