"""Applies the rule tables to a text, step by step; knows no rule itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from agents.voices.text import chinese, english
from agents.voices.text.characters import plain_characters
from agents.voices.text.markdown import without_markup
from agents.voices.text.punctuation import tidied
from agents.voices.text.table import Rules, rules
from agents.voices.text.templates import compiled
from agents.voices.text.units import Units
from agents.voices.text.words import Words
from scenarios.schema import Language

_LETTER = re.compile(r"[A-Za-z]")
_DIGIT = re.compile(r"[0-9]")
_COMMAS = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})++(?!\d)")
_MORE_ROUNDS = 3
"""What is taken out can bring an abbreviation together with its neighbour ("I-型"): then it is read again."""


def for_the_ear(text: str, language: Language) -> str:
    """Return ``text`` as a person reads it aloud: words and pauses, no digit, no markup, no symbol.

    What is read how stands in the rule tables beside this module (docs/voice-text.md explains them). Any string is
    accepted; "" comes back when there is nothing to say. Reading the result again changes nothing; time is linear in
    the length.

    Raises:
        MissingExtra: the text has numbers and the extra ``voice`` is not installed.
    """
    return _reader(language).read(text)


class Reader:
    """The tables of one language, compiled."""

    def __init__(self, table: Rules, language: Language) -> None:
        """Compile every rule. Raises KeyError if a template or a macro names what does not exist."""
        kinds: Mapping[str, Callable[[str], str]] = chinese.KINDS if language == "zh" else english.KINDS
        units = Units(table.units, plural=language == "en")
        self._language = language
        self._words = Words(table.words, dose=table.macros["dose"])
        self._patterns = [
            compiled(rule, table.expanded(rule.find, unit=units.expression), kinds, units) for rule in table.patterns
        ]
        self._symbols = {sign: rule.say for rule in table.symbols for sign in rule.written}
        self._symbol = re.compile("([" + "".join(map(re.escape, self._symbols)) + r"])\1*+")

    def read(self, text: str) -> str:
        """Return ``text`` for the ear; see :func:`for_the_ear`."""
        heard = self._read_once(text)
        for _ in range(_MORE_ROUNDS):
            if not _LETTER.search(heard) or (again := self._read_once(heard)) == heard:
                break
            heard = again
        return heard

    def _read_once(self, text: str) -> str:
        text = without_markup(plain_characters(text), self._language)
        if _LETTER.search(text):
            text = self._words.read(text)
        if "," in text:
            text = _COMMAS.sub(lambda match: match[0].replace(",", ""), text)
        digits = _DIGIT.search(text) is not None
        for pattern in self._patterns:
            if (digits or not pattern.digits) and (not pattern.has or any(sign in text for sign in pattern.has)):
                text = pattern.find.sub(pattern.say, text)
        text = self._symbol.sub(lambda match: f" {self._symbols[match[1]]} ", text)
        return tidied(text, self._language)


@cache
def _reader(language: Language) -> Reader:
    return Reader(rules(language), language)
