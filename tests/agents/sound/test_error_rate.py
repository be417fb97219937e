"""Errors are counted in spoken forms, alike on both sides, and nothing is skipped."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sound.comparable import comparable
from agents.sound.error_rate import count_errors
from scenarios.schema import ErrorCounts, Language


@pytest.mark.parametrize(("language", "said", "heard"), [
    ("zh", "体温38.5℃，血压140/90 mmHg。", "体温三十八点五度 血压一百四十比九十毫米汞柱"),
    ("zh", "两片，每次0.5g，3-5天", "二片每次零点五克三到五天"),
    ("zh", "有５％的人", "有百分之五的人"),
    ("zh", "2024年3月做过CT", "二零二四年三月做过ct"),
    ("zh", "大概1,200ml、10天", "大概一千二百毫升十天"),
    ("zh", "10:30吃药，８：００起床", "十点三十吃药八点起床"),
    ("zh", "电话13812345678", "电话一三八一二三四五六七八"),
    ("en", "It's 38.5 °C and I can't sleep!", "it is thirty-eight point five degrees Celsius and i cannot sleep"),
    ("en", "140/90 mmHg, 1,500 mg",
     "one hundred and forty over ninety millimeters of mercury one thousand five hundred milligrams"),
    ("en", "on the 3rd of May, since 2019", "on the third of may since twenty nineteen"),
    ("en", "5% - OK, Dr. Smith?", "five percent okay doctor smith"),
    ("en", "They’d say I'm fine; won't they?", "they would say i am fine will not they"),
])
def test_the_same_words_written_otherwise_are_no_errors(language: Language, said: str, heard: str) -> None:
    errors = count_errors(said, heard, language)
    assert errors.characters.edits == 0 and errors.characters.reference > 0, comparable(said, language)
    assert (errors.words is None) == (language == "zh")


@pytest.mark.parametrize(("language", "said", "heard"), [
    ("zh", "疼了三四天", "疼了三十四天"), ("zh", "一点五", "十五"), ("zh", "0.5克", "5克"),
    ("zh", "没有发烧", "有发烧"), ("en", "0.5 mg", "5 mg"), ("en", "I do", "I don't"), ("en", "fifteen", "50"),
])
def test_what_means_something_else_is_an_error(language: Language, said: str, heard: str) -> None:
    assert count_errors(said, heard, language).characters.edits > 0


def test_counts_are_those_of_the_alignment() -> None:
    assert count_errors("头疼三天了", "投疼天了啊", "zh") == (
        ErrorCounts(substitutions=1, deletions=1, insertions=1, reference=5), None
    )
    errors = count_errors("my head hurts a lot today", "my bed hurts lot today now", "en")
    assert errors.words == ErrorCounts(substitutions=1, deletions=1, insertions=1, reference=6)
    assert errors.characters.reference == len("my head hurts a lot today")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_heard_is_all_deleted_and_nothing_said_all_inserted(language: Language) -> None:
    deleted = count_errors("两天 two days", "", language).characters
    assert deleted.deletions == deleted.reference == deleted.edits > 0
    inserted = count_errors("……！", "两天 two days", language)
    assert inserted.characters.reference == 0 and inserted.characters.insertions == deleted.reference
    if inserted.words:
        assert inserted.words == ErrorCounts(insertions=3)
    assert count_errors("", "", language).characters == ErrorCounts()


texts = st.text(st.characters(codec="utf-8") | st.sampled_from("0123456789.,/-%年点天mgl℃' "), max_size=40)


@settings(deadline=None, max_examples=150)
@given(texts, texts, st.sampled_from(["zh", "en"]))
def test_any_text_can_be_counted(said: str, heard: str, language: Language) -> None:
    for counts in filter(None, count_errors(said, heard, language)):
        right = counts.reference - counts.substitutions - counts.deletions
        assert right >= 0
        assert counts.edits <= max(counts.reference, right + counts.substitutions + counts.insertions)
    assert count_errors(said, said, language).characters.edits == 0


def test_very_long_numbers_are_read_digit_by_digit() -> None:
    assert count_errors("9" * 5000, "九" * 5000, "zh").characters == ErrorCounts(reference=5000)
    assert comparable("0" * 300, "en").split() == ["zero"] * 300


def test_counting_sixty_characters_takes_less_than_half_a_millisecond() -> None:
    said = "今天我头疼了3天还有点发烧38.5度晚上睡不着觉吃了两片布洛芬也没有好" * 2
    best = 1.0
    for _ in range(50):
        start = time.perf_counter()
        count_errors(said[:60], said[:60].replace("头", "投"), "zh")
        best = min(best, time.perf_counter() - start)
    assert best < 0.0005
