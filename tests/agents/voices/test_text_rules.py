"""Every row of the rule tables says what it promises, and every row is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import get_args

import pytest

from agents.voices.text import fingerprint, for_the_ear
from agents.voices.text.chinese import number as chinese_number
from agents.voices.text.english import number as english_number
from agents.voices.text.reading import Reader
from agents.voices.text.table import Rule, Rules, fingerprint_of, rules
from scenarios.errors import MissingExtra
from scenarios.schema import Language

LANGUAGES = get_args(Language)
PARTS = ("units", "words", "patterns", "symbols")


def pairs(table: Rules, part: str) -> Iterator[tuple[str, str]]:
    rows: tuple[Rule, ...] = getattr(table, part)
    return ((written, said) for row in rows for written, said in row.ear.items())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", PARTS)
def test_every_example_is_read_as_its_row_says(language: Language, part: str) -> None:
    heard = {written: for_the_ear(written, language) for written, _ in pairs(rules(language), part)}
    assert heard == dict(pairs(rules(language), part))


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_are_many_and_read_once_and_for_all(language: Language) -> None:
    table = rules(language)
    said = [said for part in PARTS for _, said in pairs(table, part)]
    assert len(said) >= 120
    assert {text: again for text in said if (again := for_the_ear(text, language)) != text} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_number_stays(language: Language) -> None:
    kept = rules(language).kept
    assert len(kept) >= 10
    assert {text: heard for text in kept if (heard := for_the_ear(text, language)) != text} == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", [pytest.param("units", marks=pytest.mark.soak), *PARTS[1:]])
def test_no_row_is_dead(language: Language, part: str) -> None:
    """Without a row at least one of its own examples is read in another way."""
    table = rules(language)
    rows: tuple[Rule, ...] = getattr(table, part)
    dead = []
    for at, row in enumerate(rows):
        without = Reader(table.model_copy(update={part: rows[:at] + rows[at + 1:]}), language)
        if all(without.read(written) == said for written, said in row.ear.items()):
            dead.append(list(row.ear))
    assert dead == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_spelling_stands_in_two_rows(language: Language) -> None:
    for part in ("units", "words", "symbols"):
        written = [name for row in getattr(rules(language), part) for name in row.written]
        assert sorted(written) == sorted(set(written))


def test_the_fingerprint_follows_what_is_read_and_nothing_else() -> None:
    tables = [rules("zh"), rules("en")]
    assert fingerprint() == fingerprint_of(tables)

    def changed(**what: object) -> str:
        first = tables[0].units[0].model_copy(update=what)
        return fingerprint_of([tables[0].model_copy(update={"units": (first, *tables[0].units[1:])}), tables[1]])

    assert changed(say="毫") != fingerprint()
    assert changed(why="另一个理由", ear={"1mg": "一毫克"}) == fingerprint()
    assert fingerprint_of(tables[:1]) != fingerprint()


@pytest.mark.parametrize(("language", "package"), [("zh", "cn2an"), ("en", "num2words")])
def test_a_missing_library_is_named_with_its_extra(
    language: Language, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chinese_number.cache_clear()
    english_number.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match="'voice'"):
        for_the_ear("918273", language)
    assert for_the_ear("没有数字" if language == "zh" else "no number here", language)
