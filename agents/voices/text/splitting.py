"""Cuts a long text into pieces that a voice can say in one breath, losing nothing; knows marks of pause, no meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from scenarios.schema import Language

LONGEST = {"zh": 80, "en": 220}
"""Characters in one piece: some 20 seconds of speech, what voices trained on sentences still say steadily."""

_CLOSERS = "\"'”’」』）)\\]】》…"
_SENTENCE = re.compile(rf"[。！？；…][。！？；…!?{_CLOSERS}]*|[.!?]+[{_CLOSERS}]*(?=\s|$)|[!?]+(?=[^\x00-\x7f])|\n+")
_CLAUSE = re.compile(rf"[，、：；][{_CLOSERS}]*|——+|[,;:—–]+[{_CLOSERS}]*(?=\s|$|[^\x00-\x7f])")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.'’-]*\s*|\S\s*|\s+")
_WORD = re.compile(r"\S+\s*|\s+")
_TITLES = frozenset("dr mr mrs ms prof st sr jr vs e.g i.e eg ie cf approx ca fig no nos dept resp al".split())
_MAY_END = frozenset("a.m p.m etc".split())
_LAST_WORD = re.compile(r"[A-Za-z.]+$")


def split(text: str, language: Language, *, longest: int | None = None) -> list[str]:
    """Return the pieces of ``text`` in order, none longer than ``longest`` characters; together they are the text.

    Cuts fall at ends of sentences, where one is too long at its clauses, then between words, and inside a word only if
    it alone is too long. Short neighbours share a piece. Pieces differ from the text in whitespace at the cuts only; a
    text without any character but whitespace has no piece.

    Args:
        text: best what ``for_the_ear`` returned; decimal points and abbreviations of a raw text are respected too.
        language: ``zh`` or ``en``.
        longest: defaults to ``LONGEST`` of the language.

    Raises:
        ValueError: ``longest`` is below 1.
    """
    limit = LONGEST[language] if longest is None else longest
    if limit < 1:
        raise ValueError(f"longest must be at least 1, not {limit}")
    levels: list[Callable[[str], Iterator[str]]] = [_sentences, _clauses, _words if language == "en" else _tokens]
    return [piece for piece in (part.strip() for part in _fitted(text.strip(), levels, limit)) if piece]


def _fitted(text: str, levels: list[Callable[[str], Iterator[str]]], limit: int) -> list[str]:
    if len(text) <= limit:
        return [text]
    if not levels:
        return list(_characters(text, limit))
    pieces: list[str] = []
    open_piece = ""
    for part in levels[0](text):
        if len((open_piece + part).rstrip()) <= limit:
            open_piece += part
            continue
        if open_piece:
            pieces.append(open_piece)
        open_piece = part
        if len(part.rstrip()) > limit:
            pieces += _fitted(part, levels[1:], limit)
            open_piece = ""
    return [*pieces, open_piece] if open_piece else pieces


def _sentences(text: str) -> Iterator[str]:
    return _cut(text, (m for m in _SENTENCE.finditer(text) if _ends(text, m)))


def _clauses(text: str) -> Iterator[str]:
    return _cut(text, _CLAUSE.finditer(text))


def _words(text: str) -> Iterator[str]:
    return (m[0] for m in _WORD.finditer(text))


def _tokens(text: str) -> Iterator[str]:
    return (m[0] for m in _TOKEN.finditer(text))


def _cut(text: str, ends: Iterator[re.Match[str]]) -> Iterator[str]:
    done = 0
    for end in ends:
        yield text[done:end.end()]
        done = end.end()
    if done < len(text):
        yield text[done:]


def _ends(text: str, match: re.Match[str]) -> bool:
    if match[0][0] != ".":
        return True
    word = _LAST_WORD.search(text, max(match.start() - 12, 0), match.start())
    if word is None:
        return True
    name = word[0].lower()
    following = text[match.end():match.end() + 2].strip()
    if name in _MAY_END:
        return not following[:1].islower()
    return name not in _TITLES and len(name) > 1 and not following[:1].islower()


def _characters(text: str, limit: int) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = min(start + limit, len(text))
        whole = end
        while whole < len(text) and whole > start and unicodedata.combining(text[whole]):
            whole -= 1
        end = whole if whole > start else end
        yield text[start:end]
        start = end
