"""sound.jsonl: one line a spoken turn with what was measured of it; it knows the file, not how things are measured.

The file is appended to while a pass goes on, a consultation at a time, so a kill loses at most the consultation being
written. A turn that is measured again gets a new line and the last one counts; a finished pass leaves one line a turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scenarios.schema import KeyId
from simulator.journal import Journal
from simulator.store import write_parts

SOUND = "sound.jsonl"
MOST_TURNS = 100_000
Line = dict[str, Any]


class SoundLines:
    """The measured turns of a run by consultation; of the file only places are held in memory.

    A line that is no measured turn is passed over, as is one without an end: its turn counts as not measured.
    """

    def __init__(self, folder: Path) -> None:
        """Read the file once; a run that was never measured has none."""
        self._path = folder / SOUND
        self._places: dict[KeyId, list[tuple[int, int]]] = {}
        self._turns: dict[KeyId, int] = {}  # one bit a turn
        self._replaced = False
        start = 0
        if self._path.exists():
            with self._path.open("rb") as file:
                for raw in file:
                    if raw.endswith(b"\n") and (line := _parsed(raw)) is not None:
                        self._note(line, start, len(raw))
                    start += len(raw)

    def __iter__(self) -> Iterator[KeyId]:
        """Yield the consultations that have a measured turn."""
        return iter(self._places)

    def of(self, name: KeyId) -> dict[int, Line]:
        """Return a consultation's measured turns by ``Turn.index``."""
        places = self._places.get(name)
        if not places:
            return {}
        found: dict[int, Line] = {}
        with self._path.open("rb") as file:
            for start, length in places:
                file.seek(start)
                for raw in file.read(length).splitlines():
                    if (line := _parsed(raw)) is not None:
                        found[int(line["turn"])] = line
        return found

    def _note(self, line: Line, start: int, length: int) -> None:
        """Remember where a line is; lines that follow each other become one place."""
        name, turn = _name(line), 1 << int(line["turn"])
        self._replaced |= bool(self._turns.get(name, 0) & turn)
        self._turns[name] = self._turns.get(name, 0) | turn
        places = self._places.setdefault(name, [])
        if places and sum(places[-1]) == start:
            places[-1] = (places[-1][0], places[-1][1] + length)
        else:
            places.append((start, length))


class SoundBook(SoundLines):
    """The one writer of sound.jsonl; whoever opens it holds the folder's lock."""

    def __init__(self, folder: Path) -> None:
        """Open for appending, a torn last line cut off. Raises RunFolderError when it cannot be written."""
        self._journal = Journal(folder / SOUND)
        super().__init__(folder)
        self._end = self._path.stat().st_size

    def add(self, lines: list[Line]) -> None:
        """Append the lines of one consultation, all of them in one write."""
        if not lines:
            return
        texts = [json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for line in lines]
        self._journal.append("\n".join(texts))
        for line, text in zip(lines, texts, strict=True):
            length = len(text.encode("utf-8", "replace")) + 1
            self._note(line, self._end, length)
            self._end += length

    def settle(self) -> None:
        """Write the file anew without the lines that later ones replaced, if there are any; close it."""
        self.close()
        if self._replaced:
            write_parts(self._path, (
                json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
                for name in self for _, line in sorted(self.of(name).items())
            ))

    def close(self) -> None:
        """Flush and close."""
        self._journal.close()


def _parsed(raw: bytes) -> Line | None:
    try:
        line = json.loads(raw)
        _name(line)
        known = 0 <= int(line["turn"]) < MOST_TURNS
    except (ValueError, KeyError, TypeError):
        return None
    return line if known and isinstance(line, dict) else None


def _name(line: Line) -> KeyId:
    key = line["key"]
    return KeyId(str(key["case"]), str(key["doctor"]), int(key["trial"]))
