"""Published weights on this machine's disk: read without running anything, identified by a hash; it knows no model."""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from scenarios.errors import InputError

_CHUNK = 1 << 20
_hashing = threading.Lock()


def weights_hash(path: Path) -> str:
    """Return the file's SHA-256; it is read once in a process, and again only after it was changed.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        real = path.resolve(strict=True)
        known = os.stat(real)
        with _hashing:
            return _hash(real, known.st_size, known.st_mtime_ns, known.st_ino)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


@lru_cache(maxsize=256)
def _hash(path: Path, size: int, changed_ns: int, inode: int) -> str:
    """Return the hash of one state of a file; all of what tells states apart is part of the key."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


def folder_hash(files: list[Path]) -> str:
    """Return one hash over several files, names included. Raises InputError."""
    parts = sorted(f"{file.name}:{weights_hash(file)}" for file in files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what a published ``.pt`` file holds: tensors, numbers and texts, never objects that run code.

    Raises:
        InputError: no file, not a checkpoint, damaged, or one whose pickle asks for code.
    """
    torch = importlib.import_module("torch")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported global" in str(error) or "WeightsUnpickler" in str(error):
            raise InputError(
                f"{path} asks to run code when it is read, which is refused: published weights hold tensors only. "
                "Get the file again from where the model is published"
            ) from error
        raise _damaged(path, error) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _damaged(path, error) from error
    if not isinstance(held, dict):
        raise InputError(f"{path} holds no weights but a {type(held).__name__}: is it another kind of file?")
    return held


def _damaged(path: Path, error: Exception) -> InputError:
    why = " ".join(str(error).split())[:200]
    return InputError(f"{path} cannot be read as weights; it is damaged, cut short or another kind of file: {why}")
