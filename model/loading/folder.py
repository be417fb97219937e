"""Files of one checkpoint folder: what is named is looked up inside it and nowhere else; it knows no format."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from model.errors import CheckpointError

LARGEST_JSON = 64 << 20


class Folder:
    """A folder whose files are data: a name that leads out of it, by path or by link, is refused.

    Links into the ``blobs`` folder of the same repository are fine where the folder is a snapshot in Hugging Face's
    cache: that is how the cache is laid out.
    """

    def __init__(self, path: str | Path) -> None:
        """Open it. Raises CheckpointError when it is not a folder."""
        self.path = Path(path)
        if not self.path.is_dir():
            raise CheckpointError(str(path), "there is no such folder")
        real = self.path.resolve()
        self._inside = [real]
        if real.parent.name == "snapshots":
            self._inside.append(real.parent.parent / "blobs")

    def __str__(self) -> str:
        return str(self.path)

    def file(self, name: str) -> Path | None:
        """Return the file of that plain name, None when there is none. Raises CheckpointError if it leads outside."""
        found = self._at(name)
        if not os.path.lexists(found):
            return None
        self._check(found, name)
        if not found.is_file():
            raise CheckpointError(str(self), f"{name} is not a file")
        return found

    def need(self, name: str, why: str = "") -> Path:
        """Return the file. Raises CheckpointError when it is not there."""
        found = self.file(name)
        if found is None:
            raise CheckpointError(str(self), f"{name} is missing{f': {why}' if why else ''}")
        return found

    def sub(self, name: str) -> Folder | None:
        """Return the folder of that plain name inside this one, None when there is none."""
        found = self._at(name)
        if not os.path.lexists(found):
            return None
        self._check(found, name)
        return Folder(found)

    def names(self) -> list[str]:
        """Return the names of all that lies directly in it, sorted."""
        return sorted(entry.name for entry in self.path.iterdir())

    def json(self, name: str, *, needed: bool = True) -> dict[str, Any]:
        """Return a JSON object; {} for one that is absent and not needed. Raises CheckpointError."""
        found = self.need(name) if needed else self.file(name)
        if found is None:
            return {}
        if found.stat().st_size > LARGEST_JSON:
            raise CheckpointError(str(found), f"is larger than {LARGEST_JSON >> 20} MiB: no such file belongs here")
        try:
            read = json.loads(found.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(str(found), f"is not readable JSON: {error}") from error
        if not isinstance(read, dict):
            raise CheckpointError(str(found), "must hold one JSON object")
        return read

    def _at(self, name: str) -> Path:
        if not name or name in (".", "..") or "\0" in name or "/" in name or "\\" in name:
            raise CheckpointError(str(self), f"{name!r} is not a name of a file in this folder; nothing else is opened")
        return self.path / name

    def _check(self, found: Path, name: str) -> None:
        real = found.resolve()
        if not any(real.is_relative_to(place) for place in self._inside):
            raise CheckpointError(
                str(self),
                f"{name} is a link that leads out of the folder (to {real}); copy the file into it, or hard-link it",
            )
