"""Long texts are cut where a speaker breathes, and every piece is kept."""

from __future__ import annotations

import pytest

from agents.voices.text import split
from agents.voices.text.splitting import LONGEST
from scenarios.schema import Language


def test_short_texts_are_one_piece_and_nothing_is_none() -> None:
    assert split("您好。请坐。", "zh") == ["您好。请坐。"]
    assert split("Hello. Sit down.", "en") == ["Hello. Sit down."]
    assert split("", "zh") == split("  \n ", "en") == []


@pytest.mark.parametrize(("language", "sentence"), [
    ("zh", "我这两天一直头痛，晚上睡不好觉。"), ("en", "I have had a bad headache, day and night. "),
])
def test_two_hundred_sentences_are_all_there(language: Language, sentence: str) -> None:
    text = sentence * 200
    pieces = split(text, language)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert max(map(len, pieces)) <= LONGEST[language]
    assert all(piece.endswith(("。", ".")) for piece in pieces)
    assert min(map(len, pieces[:-1])) > LONGEST[language] / 2


def test_sentences_then_clauses_then_words() -> None:
    assert split("头痛。发热，咳嗽，流涕。好。", "zh", longest=6) == ["头痛。", "发热，咳嗽，", "流涕。", "好。"]
    pieces = split("One two three four. Five, six seven.", "en", longest=12)
    assert pieces == ["One two", "three four.", "Five,", "six seven."]
    assert split("abcdefgh", "en", longest=3) == ["abc", "def", "gh"]
    assert split("阿莫西林胶囊ibuprofen片", "zh", longest=9) == ["阿莫西林胶囊", "ibuprofen", "片"]


@pytest.mark.parametrize("text", [
    "Dr. Smith came in.", "It was 38.5 degrees.", "NSAIDs, e.g. ibuprofen, help.", "At 8 p.m. we met.",
    "See Fig. 2 now.",
])
def test_a_point_inside_a_sentence_does_not_end_it(text: str) -> None:
    pieces = split(f"{text} {'X' * len(text)}", "en", longest=len(text))
    assert pieces[0] == text


def test_where_the_points_do_end_a_sentence() -> None:
    assert split("We met at 8 p.m. Then we left.", "en", longest=18) == ["We met at 8 p.m.", "Then we left."]
    assert split('He said "stop." Then left.', "en", longest=16) == ['He said "stop."', "Then left."]
    assert split("他说：“好。”然后走了。", "zh", longest=7) == ["他说：“好。”", "然后走了。"]
    assert split("真的吗?是的!", "zh", longest=4) == ["真的吗?", "是的!"]


def test_an_accent_stays_on_its_letter_and_a_heap_of_them_ends() -> None:
    assert split("abe\u0301", "en", longest=3) == ["ab", "e\u0301"]
    assert len(split("\u0301" * 1000, "en", longest=10)) == 100


def test_longest_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        split("a", "en", longest=0)
