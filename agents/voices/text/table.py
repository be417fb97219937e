"""Loads and checks the rule tables (units, words, patterns) of both languages; knows no text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import Field, TypeAdapter

from scenarios.identity import content_hash
from scenarios.schema import Frozen, Language

RULES_VERSION = 1
"""Raise it whenever the code (not a table) reads the same text in another way."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PACKAGES = ("cn2an", "num2words")
_MACRO = re.compile(r"<([a-z]+)>")


class Rule(Frozen, str_strip_whitespace=False):
    """What every row has: what it does, and examples that are its tests."""

    why: str = Field(default="", description="one sentence for people, where the row does not explain itself")
    ear: dict[str, str] = Field(min_length=1, description="written -> read aloud; every pair is a test")


class UnitRule(Rule):
    """A unit after a number: ``5mg`` -> 五毫克, five milligrams."""

    written: tuple[str, ...] = Field(min_length=1, description="spellings, case as given")
    say: str = Field(min_length=1, description="in English one form, or 'singular|plural'")


class WordRule(Rule):
    """An abbreviation or name that stands as a word of its own."""

    written: tuple[str, ...] = Field(min_length=1, description="spellings, case as given")
    say: str = Field(min_length=1)
    dosing: Literal["", "sure", "beside a dose"] = Field(
        default="", description="a dosing abbreviation; if it is also a word, read only beside a dose or another one"
    )


class SymbolRule(Rule):
    """A sign that no pattern has read: one word for it, also where it stands several times in a row."""

    written: tuple[str, ...] = Field(min_length=1, description="single characters")
    say: str = Field(min_length=1)


class PatternRule(Rule):
    """A regular expression with macros (``<num>``, ``<to>``, ``<unit>``) and a template (``{1:n}``) of what to say."""

    name: str = Field(min_length=1)
    find: str = Field(min_length=1)
    say: str = Field(description="{1} the group as written, {1:n} read by the reader of kind n")
    has: tuple[str, ...] = Field(default=(), description="the rule is tried only where one of these stands in the text")
    digits: bool = Field(default=True, description="the rule is tried only in a text with a digit")


class Rules(Frozen, str_strip_whitespace=False):
    """The tables and the macros of one language, in the order of the files."""

    units: tuple[UnitRule, ...]
    words: tuple[WordRule, ...]
    patterns: tuple[PatternRule, ...]
    symbols: tuple[SymbolRule, ...]
    kept: tuple[str, ...] = Field(description="examples that are read as they are written")
    macros: dict[str, str]

    def expanded(self, find: str, **more: str) -> str:
        """Return a regular expression with every macro in its place. Raises KeyError at an unknown one."""
        macros = {**self.macros, **more}
        return _MACRO.sub(lambda m: macros[m[1]], find)


@cache
def rules(language: Language) -> Rules:
    """Return the checked tables of a language, read once. Raises ValidationError if a shipped table is broken."""
    parts = {part: _read(f"{part}_{language}.yaml") for part in ("units", "words", "patterns")}
    macros: Mapping[str, str] = parts["patterns"]["macros"]
    return Rules(
        units=TypeAdapter(tuple[UnitRule, ...]).validate_python(parts["units"]),
        words=TypeAdapter(tuple[WordRule, ...]).validate_python(parts["words"]),
        patterns=TypeAdapter(tuple[PatternRule, ...]).validate_python(parts["patterns"]["rules"]),
        symbols=TypeAdapter(tuple[SymbolRule, ...]).validate_python(parts["patterns"]["symbols"]),
        kept=tuple(parts["patterns"]["kept"]),
        macros=dict(macros),
    )


@cache
def fingerprint() -> str:
    """Return a hash of all that can change a reading: both languages' tables, this code's version, the libraries'."""
    return fingerprint_of([rules("zh"), rules("en")])


def fingerprint_of(tables: Sequence[Rules]) -> str:
    """Return the hash of these tables with the versions; examples and explanations do not count."""
    versions = {package: _version(package) for package in _PACKAGES}
    return content_hash({
        "rules": [_without_prose(table) for table in tables], "version": RULES_VERSION, "packages": versions,
        "unicode": unicodedata.unidata_version,
    })


def _without_prose(table: Rules) -> Any:
    drop: Any = {"__all__": {"why", "ear"}}
    rows = {"units": drop, "words": drop, "patterns": drop, "symbols": drop}
    return table.model_dump(mode="json", exclude={**rows, "kept": True})


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _read(name: str) -> Any:
    return yaml.load(files("agents.voices.text").joinpath(name).read_text("utf-8"), _LOADER)  # noqa: S506
