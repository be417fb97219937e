"""Units after a number, alone or one per another (mmol/L, mg/kg/d); knows the table and no text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from agents.voices.text.table import UnitRule


class Units:
    """The table of units as one expression and a reader of what it matched."""

    def __init__(self, table: Iterable[UnitRule], *, plural: bool) -> None:
        """Take the rows; ``plural`` languages write 'one|many' and say "per" between units."""
        self._names: dict[str, str] = {name: rule.say for rule in table for name in rule.written}
        self._plural = plural

    @cached_property
    def expression(self) -> str:
        """An expression (no groups) for a unit or a compound of units that is not the start of a longer word."""
        by_length = sorted(self._names, key=len, reverse=True)
        one = "(?:" + "|".join(re.escape(name) for name in by_length) + ")"
        return f"{one}(?: ?/ ?{one})*(?![A-Za-z])"

    def read(self, written: str, number: str) -> str:
        """Return the unit in words, singular after ``1``: ``mmol/L`` -> millimoles per litre, 毫摩尔每升."""
        if written in self._names:
            return self._one(written, number)
        first, *more = (part.strip() for part in written.split("/"))
        if self._plural:
            return " per ".join([self._one(first, number), *(self._one(part, "1") for part in more)])
        return "每".join(self._one(part, number) for part in (first, *more))

    def _one(self, name: str, number: str) -> str:
        one, _, many = self._names.get(name, name).partition("|")
        return many if many and number not in ("1", "-1") else one
