"""Looks for words in a run's transcripts by streaming the journal; it knows bytes and rows, no page and no filter."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import RunFolderError
from simulator.run_index import RunIndex

MOST_BYTES = 500_000_000
"""A search reads so much of a journal and then says how far it came."""

MOST_CHARACTERS, MOST_WORDS = 200, 8
TEXTS = re.compile(rb'"text":\s*"([^"\\]*(?:\\.[^"\\]*)*)"')
"""What was said, in a line as the journal has it; no other field of a consultation is called text."""


@dataclass(frozen=True)
class Found:
    """Which rows of an index match; ``searched`` counts those whose transcripts were read, of ``rows``' length."""

    rows: NDArray[np.bool_]
    searched: int

    @property
    def whole(self) -> bool:
        """Whether every transcript was looked at."""
        return self.searched == len(self.rows)


def words_of(query: str) -> tuple[str, ...]:
    """Return the words to look for, each once, in lower case; a query is cut to a bounded length."""
    return tuple(dict.fromkeys(query[:MOST_CHARACTERS].lower().split()))[:MOST_WORDS]


def search(journal: Path, index: RunIndex, words: Sequence[str], most_bytes: int = MOST_BYTES) -> Found:
    """Return the rows in which every word stands in the case's id, title or diagnosis, or in what was said.

    Upper and lower case are the same in ASCII letters.

    Raises:
        RunFolderError: the journal cannot be read.
    """
    found = np.zeros(len(index), np.bool_)
    wanted = _missing_in_titles(index, words)
    searched = 0
    try:
        with journal.open("rb", buffering=1 << 20) as file:
            for row in np.argsort(index.offset).tolist():
                if index.offset[row] + index.length[row] > most_bytes:
                    break
                searched += 1
                here = wanted[int(index.table.case[row])]
                if here:
                    file.seek(int(index.offset[row]))
                found[row] = not here or said(file.read(int(index.length[row])), here)
    except OSError as error:
        raise RunFolderError(f"cannot read {journal}: {error.strerror}") from error
    return Found(found, searched)


def said(line: bytes, words: Sequence[tuple[bytes, ...]]) -> bool:
    """Whether every one of ``words`` (as ``spellings`` gives them) stands in what somebody said in this line."""
    low = line.lower()
    if not all(any(spelling in low for spelling in word) for word in words):
        return False
    texts = TEXTS.findall(low)
    return all(any(spelling in text for spelling in word for text in texts) for word in words)


def spellings(word: str) -> tuple[bytes, ...]:
    """Return a word as it may stand in a line of JSON: as it is, or escaped."""
    both = (json.dumps(word, ensure_ascii=False), json.dumps(word))
    return tuple(dict.fromkeys(text[1:-1].encode("utf-8", "replace").lower() for text in both))


def _missing_in_titles(index: RunIndex, words: Sequence[str]) -> list[list[tuple[bytes, ...]]]:
    """Return for every case the words that must stand in the transcript because its title lacks them."""
    missing = []
    for name in index.table.names["case"]:
        note = index.notes.get(name)
        head = f"{name}\n{note.title}\n{note.diagnosis}".lower() if note else name.lower()
        missing.append([spellings(word) for word in words if word not in head])
    return missing
