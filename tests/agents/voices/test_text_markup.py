"""Markdown, HTML and SSML leave nothing but sentences; brackets and repeated marks become pauses."""

from __future__ import annotations

import pytest

from agents.voices.text import for_the_ear
from scenarios.schema import Language

ZH = {
    "# 诊断\n**流感**": "诊断。流感",
    "- 多休息\n- 多喝水": "多休息。多喝水",
    "1. 多休息\n2. 多喝水": "一、多休息。二、多喝水",
    "| 项目 | 结果 |\n|---|:---:|\n| 血压 | 140/90 |": "项目，结果。血压，一百四十比九十",
    "请看[指南](https://example.org/a?b=1)。": "请看指南。",
    "见https://example.org/x，谢谢": "见链接，谢谢",
    "写信到a.b@example.org": "写信到邮箱地址",
    "```\n每日三次\n```": "每日三次",
    "> 医生说\n> 没事": "医生说。没事",
    "头痛<br/>发热": "头痛。发热",
    '<speak>您好<break time="1s"/>请坐</speak>': "您好。请坐",
    "不是<script>alert(1)</script>的": "不是alert，一、的",
    "体温&lt;38&amp;无咳嗽": "体温小于三十八和无咳嗽",
    "真的吗？？？！！": "真的吗？",
    "好……好的。。。": "好…好的。",
    "头痛（右侧）两天": "头痛，右侧，两天",
    "他说“没事”。": "他说没事。",
    "好的👍🏻，谢谢😊": "好的，谢谢",
    "①发热②咳嗽": "一、发热。二、咳嗽",
    "ＣＴ检查，５ｍｇ": "CT检查，五毫克",
    "**阿司匹林** `100mg` _qd_": "阿司匹林一百毫克每日一次",
    "~~停药~~ 继续": "停药继续",
    "......": "", "": "", "\u200b\x00": "",
    "现在没有别的不舒服": "现在没有别的不舒服",
}
EN = {
    "# Plan\n**Rest**": "Plan. Rest",
    "- rest well\n- drink water": "rest well. drink water",
    "1. Rest\n2. Drink": "one, Rest. two, Drink",
    "| Test | Value |\n|---|---|\n| BP | 140/90 |": "Test, Value. blood pressure, one hundred forty over ninety",
    "See [the guide](https://example.org/a_(b)).": "See the guide.",
    "See https://example.org/x?y=1, please.": "See a link please.",
    "Mail a.b@example.org now.": "Mail an e-mail address now.",
    "This is wrapped\nover two lines.": "This is wrapped over two lines.",
    "* one\n* two": "one. two",
    "a<br>b": "a. b",
    "<prosody rate='fast'>Hi</prosody> there": "Hi there",
    "<!-- hidden -->shown": "shown",
    "Tom &amp; Ann &lt;3 days": "Tom and Ann less than three days",
    "What?!?! Really...": "What? Really…",
    "pain (left side) today": "pain, left side, today",
    'He said "fine".': "He said fine.",
    "well -- yes – no — ok": "well, yes, no, ok",
    "It’s the patient’s": "It's the patient's",
    "p < 0.05 and a<b": "p less than zero point zero five and a less than b",
    "snake_case and `code`": "snake case and code",
    "U.S.A. and 5 p.m. today": "U S A. and five P M today",
    "ends.Then more": "ends. Then more",
    "?": "", "\r\n\t": "",
}


@pytest.mark.parametrize(("written", "said"), ZH.items())
def test_markup_in_chinese(written: str, said: str) -> None:
    assert for_the_ear(written, "zh") == said


@pytest.mark.parametrize(("written", "said"), EN.items())
def test_markup_in_english(written: str, said: str) -> None:
    assert for_the_ear(written, "en") == said


@pytest.mark.parametrize("language", ["zh", "en"])
def test_latin_words_keep_their_letters(language: Language) -> None:
    words = "ginger Omega IgG mg CT MRI bidet potion pcr"
    assert for_the_ear(words, language) == words
