"""Writes a file whole or not at all; it knows no format, and lets the operating system's errors through."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def replace_whole(path: Path, parts: Iterable[str]) -> None:
    """Write ``parts`` to ``path`` as UTF-8 so that a kill leaves the old or the new content, never half of it.

    Characters that cannot be encoded (lone surrogates) become ``?``. Raises OSError.
    """
    beside = path.with_name(f".{path.name}.tmp")
    with beside.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
