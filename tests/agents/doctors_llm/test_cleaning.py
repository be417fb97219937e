"""What of a model's reply is said to the patient."""

from __future__ import annotations

import time
from typing import get_args

import pytest

from agents.doctors.cleaning import clean, without_special_tokens
from agents.doctors.habits import Labels, Stripper

EVERY: tuple[Stripper, ...] = get_args(Stripper)
EN, ZH = Labels().en, Labels().zh


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("<think>gout?</think> Since when?", "Since when?"),
        ("it may be gout</think>Since when?", "Since when?"),
        ("Well. <think>gout?</think>Since when?", "Well. Since when?"),
        ("<THINKING>a</THINKING>Rest.", "Rest."),
        ("<think>I must not stop", ""),
    ],
)
def test_reasoning_is_not_said_whether_or_not_it_is_whole(reply: str, said: str) -> None:
    assert clean(reply, ("think",), EN) == said


@pytest.mark.parametrize(
    ("name", "reply", "said"),
    [
        ("special_tokens", "Rest.<|im_end|></s>[/INST]", "Rest."),
        ("tags", "<answer lang='en'>Rest.</answer>", "Rest."),
        ("label", "Doctor: Rest.", "Rest."),
        ("label", "[doctor]： Rest.", "Rest."),
        ("next_speaker", "Rest.\nPatient: Thanks.\nDoctor: Bye.", "Rest."),
    ],
)
def test_each_stripper_takes_out_what_it_is_named_after(name: Stripper, reply: str, said: str) -> None:
    assert clean(reply, (name,), EN) == said
    assert clean(reply, (), EN) == reply, "and nothing does so unasked"


def test_chinese_labels_are_known() -> None:
    assert clean("医生：多喝水。\n患者：好的。", EVERY, ZH) == "多喝水。"


def test_figures_and_comparisons_are_no_tags() -> None:
    said = "Your sugar is <7 and your pressure >140: drink less."
    assert clean(said, EVERY, EN) == said


def test_control_tokens_that_hide_in_each_other_are_found() -> None:
    assert without_special_tokens("<|<|a|>im_end|>") == ""
    deep = "<|" * 40 + "a" + "|>" * 40
    assert "<|" not in without_special_tokens(deep)


@pytest.mark.parametrize("piece", ["<think>", "</think>", "<|", "<a ", "[", "医生："])
def test_a_hostile_reply_takes_no_time(piece: str) -> None:
    start = time.perf_counter()
    clean(piece * 20_000, EVERY, ZH)
    assert time.perf_counter() - start < 1
