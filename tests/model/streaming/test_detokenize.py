"""Text comes in whole characters, piece by piece, and without stop texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.streaming.detokenize import HALF, Detokenizer
from tests.model import recorded

WORDS = ["咳嗽三天了", "a", " fever", "🙂👩‍⚕️", "é", "\n", "<|im_end|>", "ab", "aab", "\ufffd"]


def pieces(ids: list[int], stop: tuple[str, ...] = ()) -> tuple[list[str], list[int], Detokenizer]:
    made, texts, whole = Detokenizer(recorded.processor().decode, stop), list[str](), list[int]()
    for one in ids:
        if made.stopped:
            break
        texts.append(made.push(one))
    if not made.stopped:
        texts.append(made.flush())
    shown = [piece for piece in texts if piece is not None]
    for piece in shown:
        whole += piece.ids
    return [piece.text for piece in shown], whole, made


def ids_of(text: str) -> list[int]:
    return recorded.processor().tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=6).map("".join))
def test_pieces_are_the_text_in_whole_characters(text: str) -> None:
    shown, ids, _ = pieces(ids_of(text))
    assert "".join(shown) == text and ids == ids_of(text)
    assert all(piece and (HALF not in piece or HALF in text) for piece in shown)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 303), max_size=40))
def test_whatever_the_ids_the_pieces_are_what_the_tokenizer_says(ids: list[int]) -> None:
    assert "".join(pieces(ids)[0]) == recorded.processor().decode(ids)


@settings(max_examples=80, deadline=None)
@given(st.text("ab咳嗽", max_size=14), st.lists(st.text("ab咳嗽", min_size=1, max_size=4), min_size=1, max_size=2))
def test_stop_texts_end_the_text_where_they_first_appear(text: str, stops: list[str]) -> None:
    shown, _, made = pieces(ids_of(text), tuple(stops))
    said = "".join(shown)
    assert made.stopped == any(stop in text for stop in stops)
    assert not any(stop in said for stop in stops)
    assert said == text if not made.stopped else any(text.startswith(said + stop) for stop in stops)


def test_ids_wait_only_while_a_stop_text_may_have_begun() -> None:
    made = Detokenizer(recorded.processor().decode, ("abc",))
    held = []
    for one in ids_of("xabaabx"):
        made.push(one)
        held.append(made.holds)
    assert len(held) == 7 and held == [False, True, True, True, True, True, False]


@pytest.mark.parametrize("stop", [(), ("",)])
def test_without_stop_texts_no_id_waits(stop: tuple[str, ...]) -> None:
    made = Detokenizer(recorded.processor().decode, stop)
    for one in ids_of("咳🙂"):
        made.push(one)
        assert not made.holds
