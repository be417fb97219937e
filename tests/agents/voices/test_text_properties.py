"""What holds for every text whatever: it is read, once and for all, into words and pauses."""

from __future__ import annotations

import re
import unicodedata
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.voices.text import for_the_ear, split
from scenarios.schema import Language

LANGUAGES = st.sampled_from(get_args(Language))
PIECES = st.sampled_from([
    *"0123456789/%~-–+±=≥↑→()（）。.，,!?…'\"“@$¥^²½①Ⅱ５٣αμ&<>|#`_*IVXabZ头痛qhxLTO次天片℃°第", " ", "  ", "\n",
    "\t", "1/2", "140/90", "2024-03-05", "8:30", "mg", "mL", "×10^9/L", "bid", "po", "iv", "im", "tid", "type ",
    "stage ", "型", "**", "- ", "1. ", "[a](b)", "<b>", "</b>", "<break time='1s'/>", "&amp;", "&lt;", "&#49;",
    "COVID-19", "HbA1c", "SpO2", "Dr.", "e.g.", "p.m.", "No.", "www.a.com", "http://x", "a@b.co", "\u0301",
    "\u200b", "\u0000", "😀", "\ud800", "ﬁ", "Å", "ก", "ำ", "ᄀ", "/d", "May ", "in ", "血压", "评分", "视力",
    "call ", "拨打", "bd", "Rx", "vs", "3.5", "1,234", "12:75",
])
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=16).map("".join))
MARKS = set("?!.…;:,、，。！？；：'- 〇")


@settings(max_examples=400, deadline=None)
@given(TEXTS, LANGUAGES)
def test_any_text_becomes_words_and_pauses(text: str, language: Language) -> None:
    heard = for_the_ear(text, language)
    assert [c for c in heard if c.isdigit()] == []
    assert [c for c in heard if c not in MARKS and unicodedata.category(c)[0] not in "LM"] == []
    assert heard == heard.strip() and "  " not in heard
    assert not re.search(r"[?!.;:,、，。！？；：]{2}", heard)


@settings(max_examples=400, deadline=None)
@example("I-型", "zh")
@example('R"x', "en")
@example("bd.po", "en")
@example("0Bid", "zh")
@given(TEXTS, LANGUAGES)
def test_reading_the_reading_changes_nothing(text: str, language: Language) -> None:
    heard = for_the_ear(text, language)
    assert for_the_ear(heard, language) == heard


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=[chr(c) for c in range(0x4E00, 0x9FA5, 7)] + list("，。！？、；："), max_size=60))
def test_plain_chinese_stays_but_for_marks(text: str) -> None:
    assert re.sub(r"\W", "", for_the_ear(text, "zh")) == re.sub(r"\W", "", text)


@settings(max_examples=300, deadline=None)
@given(TEXTS, LANGUAGES, st.integers(1, 40))
def test_pieces_are_the_text_and_short_enough(text: str, language: Language, longest: int) -> None:
    pieces = split(text, language, longest=longest)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece) <= longest for piece in pieces)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None)
@given(TEXTS, LANGUAGES)
def test_reading_the_reading_changes_nothing_at_length(text: str, language: Language) -> None:
    heard = for_the_ear(text, language)
    assert for_the_ear(heard, language) == heard
    assert not any(c.isdigit() for c in heard)
