"""Abbreviations and names that stand as words of their own (bid, COVID-19, e.g.); knows the table and no number."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agents.voices.text.table import WordRule

_NEAR = 40
"""How many characters before a doubtful abbreviation may hold the dose that makes it sure."""

_CLAUSE_END = re.compile(r"[。！？!?；;，、]|[.,] ")
_PARTED = re.compile(r"[\w.!?;:…。！？；：]")


class Words:
    """One expression over all abbreviations, replaced in one pass."""

    def __init__(self, table: Iterable[WordRule], *, dose: str) -> None:
        """Take the rows and the expression of what a dose looks like."""
        rows = list(table)
        self._say = {name: rule.say for rule in rows for name in rule.written}
        self._dosing = {name for rule in rows if rule.dosing for name in rule.written}
        self._doubtful = {name for rule in rows if rule.dosing == "beside a dose" for name in rule.written}
        names = "|".join(re.escape(name) for name in sorted(self._say, key=len, reverse=True))
        self._find = re.compile(rf"(?<![A-Za-z])(?<!\d(?=\d))(?:{names})(?![A-Za-z])(?!(?<=\d)\d)")
        self._dose = re.compile(dose)

    def read(self, text: str) -> str:
        """Return ``text`` with abbreviations in words; doubtful ones only beside a dose or another abbreviation."""
        found = list(self._find.finditer(text))
        if not found:
            return text
        parts, done = [], 0
        for at, match in enumerate(found):
            if match[0] in self._doubtful and not self._sure(text, found, at):
                continue
            parts += [text[done:match.start()], self._say[match[0]]]
            done = match.end()
        return "".join([*parts, text[done:]])

    def _sure(self, text: str, found: list[re.Match[str]], at: int) -> bool:
        match = found[at]
        beside = (found[i] for i in (at - 1, at + 1) if 0 <= i < len(found))
        if any(other[0] in self._dosing and _touching(text, match, other) for other in beside):
            return True
        before = text[max(match.start() - _NEAR, 0):match.start()]
        return self._dose.search(_CLAUSE_END.split(before)[-1]) is not None


def _touching(text: str, match: re.Match[str], other: re.Match[str]) -> bool:
    first, second = sorted((match, other), key=lambda m: m.start())
    gap = text[first.end():second.start()]
    return gap == "." or _PARTED.search(gap) is None
