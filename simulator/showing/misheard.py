"""What was said against what was heard, difference by difference, for the eye; it scores nothing.

``agents.sound.error_rate`` counts; here the differences are only marked, as ``static/speech.js`` marks them in a
report. Case, width and punctuation are no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from scenarios.schema import Language

MOST_CELLS = 160_000
"""Largest table of an alignment: about 400 characters or words on either side, once equal ends are off."""


class Piece(NamedTuple):
    """A stretch of text: the same on both sides, or else what was said and what was heard in its place.

    ``after`` is what follows as it was heard: punctuation behind a change, a space.
    """

    same: bool
    said: str
    heard: str
    after: str = ""


class Token(NamedTuple):
    """A character or word with what stands behind it; ``key`` is what it is compared by."""

    text: str
    key: str


def closest(said: str, read: str, heard: str, language: Language) -> tuple[Piece, ...]:
    """Return the differences from what was said or, where that is nearer, from how it was read aloud ('': the same)."""
    written = differences(said, heard, language)
    aloud = differences(read, heard, language) if read else written
    return aloud if _amount(aloud) < _amount(written) else written


def differences(said: str, heard: str, language: Language) -> tuple[Piece, ...]:
    """Return the pieces of both texts in their order: by character in zh, by word in en.

    An alignment with the fewest substitutions, deletions and insertions (Levenshtein). Texts that are too long to be
    aligned give one piece that is different.
    """
    ours, theirs = tokens(said, language), tokens(heard, language)
    head = _common(ours, theirs)
    tail = _common(ours[head:][::-1], theirs[head:][::-1])
    middle, other = ours[head : len(ours) - tail], theirs[head : len(theirs) - tail]
    pairs: list[tuple[Token | None, Token | None]] = list(zip(ours[:head], theirs[:head], strict=True))
    pairs += _aligned(middle, other)
    pairs += list(zip(ours[len(ours) - tail :], theirs[len(theirs) - tail :], strict=True))
    return tuple(_pieces(pairs))


def tokens(text: str, language: Language) -> list[Token]:
    """Return a text in pieces that are compared; every character is in one of them."""
    found: list[Token] = []
    waiting = ""
    for piece in list(text) if language == "zh" else re.findall(r"\s*\S+\s*", text):
        key = "".join(letter for letter in unicodedata.normalize("NFKC", piece).lower() if letter.isalnum())
        if key:
            found.append(Token(waiting + piece, key))
            waiting = ""
        elif found:
            found[-1] = Token(found[-1].text + piece, found[-1].key)
        else:
            waiting += piece
    return found or ([Token(waiting, "")] if waiting else [])


def _core(text: str) -> str:
    """Return a text without the punctuation and space at its end."""
    end = len(text)
    while end and not text[end - 1].isalnum():
        end -= 1
    return text[:end]


def _common(ours: Sequence[Token], theirs: Sequence[Token]) -> int:
    count = 0
    for one, other in zip(ours, theirs, strict=False):
        if one.key != other.key:
            break
        count += 1
    return count


def _aligned(ours: Sequence[Token], theirs: Sequence[Token]) -> list[tuple[Token | None, Token | None]]:
    if len(ours) * len(theirs) > MOST_CELLS:
        return [(one, None) for one in ours] + [(None, other) for other in theirs]
    table = _costs(ours, theirs)
    i, j = len(ours), len(theirs)
    back: list[tuple[Token | None, Token | None]] = []
    while i or j:
        here = table[i][j]
        if i and j and here == table[i - 1][j - 1] + (ours[i - 1].key != theirs[j - 1].key):
            i, j = i - 1, j - 1
            back.append((ours[i], theirs[j]))
        elif i and here == table[i - 1][j] + 1:
            i -= 1
            back.append((ours[i], None))
        else:
            j -= 1
            back.append((None, theirs[j]))
    return back[::-1]


def _costs(ours: Sequence[Token], theirs: Sequence[Token]) -> list[list[int]]:
    keys = [other.key for other in theirs]
    above = list(range(len(theirs) + 1))
    table = [above]
    for row, one in enumerate(ours, 1):
        key, left = one.key, row
        line = [row]
        for place, other in enumerate(keys):
            left = min(above[place] + (key != other), above[place + 1] + 1, left + 1)
            line.append(left)
        table.append(line)
        above = line
    return table


def _pieces(pairs: Sequence[tuple[Token | None, Token | None]]) -> list[Piece]:
    found: list[Piece] = []
    said = heard = ""
    run: bool | None = None
    for one, other in [*pairs, (None, None)]:
        same = None if one is None and other is None else bool(one and other and one.key == other.key)
        if run is not None and same != run:
            found.append(_piece(run, said, heard))
            said = heard = ""
        run = same
        said += one.text if one else ""
        heard += other.text if other else ""
    return found


def _amount(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.said) + len(piece.heard) for piece in pieces if not piece.same)


def _piece(same: bool, said: str, heard: str) -> Piece:
    if not same and said and heard:
        core = _core(heard)
        return Piece(False, _core(said), core, heard[len(core) :] or (" " if said[-1].isspace() else ""))
    spaced = said != said.rstrip() or heard != heard.rstrip()
    return Piece(same, said.rstrip(), heard.rstrip(), " " if spaced else "")
