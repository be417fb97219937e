"""A rule's template ("{1:n}到{2:n}") made a function over a match; knows the readers of numbers by kind only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agents.voices.text.table import PatternRule
from agents.voices.text.units import Units

Say = Callable[[re.Match[str]], str]
_HOLE = re.compile(r"\{(\d)(?::([a-z])(\d)?)?\}")


@dataclass(frozen=True)
class Pattern:
    """One compiled rule: where it looks, whether it needs a digit or one of the signs ``has``, and what it says."""

    name: str
    find: re.Pattern[str]
    say: Say
    digits: bool
    has: tuple[str, ...]


def compiled(rule: PatternRule, find: str, kinds: Mapping[str, Callable[[str], str]], units: Units) -> Pattern:
    """Return the rule ready for use.

    Args:
        rule: the row of the table.
        find: its expression with every macro in place.
        kinds: readers of numbers; ``u`` (a unit, after the number of the group named behind it) and ``s``
            (a unit, singular) come from ``units``.
        units: the table of units.

    Raises:
        KeyError: the template names a kind that the language does not have.
    """
    parts: list[str | Say] = []
    done = 0
    for hole in _HOLE.finditer(rule.say):
        parts += [rule.say[done:hole.start()], _filled(hole, kinds, units)]
        done = hole.end()
    parts.append(rule.say[done:])

    def say(match: re.Match[str]) -> str:
        return "".join(part if isinstance(part, str) else part(match) for part in parts)

    return Pattern(rule.name, re.compile(find), say, rule.digits, rule.has)


def _filled(hole: re.Match[str], kinds: Mapping[str, Callable[[str], str]], units: Units) -> Say:
    group, kind, number = int(hole[1]), hole[2], int(hole[3] or 0)
    if kind is None:
        return lambda match: match[group] or ""
    if kind == "u":
        return lambda match: units.read(match[group], match[number] if number else "")
    if kind == "s":
        return lambda match: units.read(match[group], "1") if match[group] else ""
    reader = kinds[kind]
    return lambda match: reader(match[group]) if match[group] else ""
