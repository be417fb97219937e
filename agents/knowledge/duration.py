"""Hears for how long a complaint has lasted: days or months; it knows expressions of time, no medicine."""

from __future__ import annotations

import re
from typing import Literal

from scenarios.schema import Language

Course = Literal["short", "long"]

_NUMBER_EN = (
    r"(?:a|an|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen|eighteen|\d+|few|couple of"
    r"|several|many)"
)
_SEVERAL_EN = r"(?:(?!an? |one )" + _NUMBER_EN + r" months?|" + _NUMBER_EN + r" years?)"
_NUMBER_ZH = r"[0-9一二两三四五六七八九十几半]+"
_SHORT = {
    "en": re.compile(
        rf"\b{_NUMBER_EN} (?:minutes?|hours?|days?) (?:ago|now|back)\b|\b(?:an? |one )?week ago\b|\bhalf an hour\b"
        r"|\b(?:yesterday|last night|this (?:morning|afternoon|evening)|today|tonight|the day before yesterday"
        rf"|the night before last)\b|\bfor (?:about |around |nearly )?{_NUMBER_EN} (?:minutes?|hours?|days?)\b"
        r"|\bsince (?:yesterday|last night|this (?:morning|afternoon)|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
        r"|the weekend)\b",
        re.I,
    ),
    "zh": re.compile(
        rf"昨[天晚]|前[天晚]|今[天早]|刚才|凌晨|上周|这[两几]天|{_NUMBER_ZH}个?多?(分钟|小时|钟头|天)(了|前|吧|多)"
    ),
}
_LONG = {
    "en": re.compile(
        rf"\b{_SEVERAL_EN} (?:ago|now|back)\b|\b(?:for|about|over|nearly|almost|past|last) "
        rf"(?:about |over |nearly |almost )?{_SEVERAL_EN}\b|\bfor (?:months|years|ages)\b"
        r"|\b(?:all|since) my (?:life|childhood)\b|\bsince last (?:year|winter|spring|summer|autumn)\b",
        re.I,
    ),
    "zh": re.compile(
        rf"(?!(?<![十0-9])[一1半]个月){_NUMBER_ZH}个?多?(个?月|年)(了|前|来|多|吧)|去年|前年|从小|大半年|半年"
    ),
}


def course(text: str, language: Language) -> Course | None:
    """Return whether a statement puts the beginning days (short) or months (long) back; None if it does neither."""
    if _LONG[language].search(text):
        return "long"
    return "short" if _SHORT[language].search(text) else None
