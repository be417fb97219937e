"""An append-only file of JSON lines: one writer, whole lines only, a torn last line mended; knows no meaning."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from scenarios.errors import RunFolderError


class Journal:
    """Appends lines to ``path``. Opening cuts off a last line that a kill left unfinished."""

    def __init__(self, path: Path) -> None:
        """Open for appending; raises RunFolderError when the file cannot be written."""
        self.path = path
        try:
            mend(path)
            self._file: BinaryIO = path.open("ab", buffering=0)
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error.strerror}") from error

    def append(self, line: str) -> None:
        """Write one line and hand it to the operating system, so that a killed process loses nothing of it."""
        data = line.encode("utf-8", "replace") + b"\n"
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise RunFolderError(
                f"cannot write {self.path}: {error.strerror}. What was finished is kept; "
                f"make room, then run the same command with --resume."
            ) from error

    def close(self) -> None:
        """Flush to the disk itself and close."""
        if not self._file.closed:
            try:
                os.fsync(self._file.fileno())
            finally:
                self._file.close()


def mend(path: Path) -> None:
    """Cut ``path`` back to its last whole line; a missing file is fine."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        keep = end
        while keep > 0:
            step = min(65_536, keep)
            file.seek(keep - step)
            found = file.read(step).rfind(b"\n")
            if found >= 0:
                keep = keep - step + found + 1
                break
            keep -= step
        if keep != end:
            file.truncate(keep)


def read_lines(path: Path) -> Iterator[Any]:
    """Yield the JSON value of every whole line; raises RunFolderError naming a line that is not JSON."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RunFolderError(f"{path}:{number}: is not a JSON line: {error}") from error
