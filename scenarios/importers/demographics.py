"""Reads age and sex from a phrase, in either language, and decides who speaks for the patient; no case, no format."""

from __future__ import annotations

import re
from typing import NamedTuple

from scenarios.schema import Demographics, Language, Sex, Speaker

CAREGIVER_BELOW_YEARS = 12.0

_UNITS = {
    "year": 1.0,
    "yr": 1.0,
    "yo": 1.0,
    "month": 1 / 12,
    "week": 7 / 365.25,
    "day": 1 / 365.25,
    "hour": 1 / 8766,
    "岁": 1.0,
    "周岁": 1.0,
    "个月": 1 / 12,
    "月": 1 / 12,
    "周": 7 / 365.25,
    "个星期": 7 / 365.25,
    "天": 1 / 365.25,
    "日": 1 / 365.25,
}
_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen "
    "eighteen nineteen".split()
)
_TENS = {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_EN_AGE = (
    re.compile(
        (
            r"\b(\d{1,3}(?:\.\d+)?|(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|"
            r"ninety)[\s-])?[a-z]+)[\s-]+(year|yr|month|week|day|hour)s?[\s-]+old\b"
        ),
        re.I,
    ),
    re.compile(r"\b(\d{1,3})[\s-]*(yo)\b", re.I),
    re.compile(r"\b(?:aged?|age of)[:\s]+(\d{1,3}(?:\.\d+)?)(?:\s*(year|month|week|day)s?)?\b(?!\s*(?:ago|to))", re.I),
    re.compile(r"^\s*(\d{1,3}(?:\.\d+)?)\s*(year|month|week|day)s?\s*$", re.I),
)
_EN_TALK: re.Pattern[str] = re.compile(
    r"\b(?:i'?m|i am|he's|she's|he is|she is)\s+(?:about\s+)?(\d{1,3})(?!\s*(?:week|month|kg|stone|cm|"
    r"day|feet|foot|%|\w*pounds))\b",
    re.I,
)
_ZH_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2}
_ZH_AGE = re.compile(
    r"([0-9]{1,3}(?:\.[0-9]+)?|[零一二两三四五六七八九十百]{1,4})(?P<half>半)?\s*(周岁|岁|个月|个星期|周|天)(半)?"
)
_ZH_HINT = re.compile(
    r"(?:年龄|今年|男|女|岁数|性别|宝宝|孩子|儿子|女儿|婴儿|患儿|小孩|新生儿|我|刚满|才|现在|已经)"
    r"[^。！？\d零一二两三四五六七八九十]{0,6}$"
)
_ZH_PERSON = re.compile(r"(?:宝宝|孩子|儿子|女儿|婴儿|患儿|小孩)(?:现在|今年|已经|才|刚满|有|是|他|她|，)*$")
_FEMALE = re.compile(r"\b(?:female|woman|girl|lady|she|her|mrs|ms|daughter|pregnant|nulliparous|gravida)\b", re.I)
_MALE = re.compile(r"\b(?:male|man|boy|gentleman|he|his|him|mr|son)\b", re.I)


def age_en(text: str) -> float | None:
    """Return the age in years that English ``text`` states, e.g. ``3-week-old`` -> 0.0575; newborn is 0."""
    for pattern in _EN_AGE:
        for match in pattern.finditer(text):
            value = _number_en(match[1].lower())
            if value is not None:
                return _years(value, (match[2] or "year").lower())
    talk = _EN_TALK.search(text)
    if talk is not None and float(talk[1]) >= CAREGIVER_BELOW_YEARS:
        return _years(float(talk[1]), "year")
    return 0.0 if re.search(r"\b(?:newborn|neonate)\b", text, re.I) else None


def sex_en(text: str) -> Sex:
    """Return the sex that English ``text`` names first; ``infant`` alone is unknown."""
    found = [(m.start(), sex) for sex, p in (("female", _FEMALE), ("male", _MALE)) if (m := p.search(text))]
    return min(found)[1] if found else "unknown"  # type: ignore[return-value]


def age_zh(text: str, *, bare: bool = False) -> float | None:
    """Return the age in years in Chinese ``text``: ``34岁``, ``8个月``, ``两岁半``.

    Months, weeks and days also measure illness, so they count only beside a word for the person
    (``宝宝8个月``), unless ``bare`` says that the text is an age field.
    """
    for match in _ZH_AGE.finditer(text):
        unit = match[3]
        before, after = text[: match.start()], text[match.end() :]
        if after.startswith(("前", "以前", "左右的时候", "时", "的时候", "以后", "后", "开始")) and not bare:
            continue
        if unit not in ("岁", "周岁") and not (
            bare
            or _ZH_PERSON.search(before)
            or (_ZH_HINT.search(before) and not re.match(r"[^，。]{0,6}(?:了[，。]|咳|发|拉|疼|痛|没)", after))
            or re.match(r"\s*大?的?(?:宝宝|孩子|婴儿|男婴|女婴|小孩|大)", after)
        ):
            continue
        value = _number_zh(match[1])
        if value is None:
            continue
        if match["half"] or match[4]:
            value += 0.5
        return _years(value, unit)
    return 0.0 if bare and "新生儿" in text else None


def sex_zh(text: str) -> Sex:
    """Return the sex that Chinese ``text`` states of the patient."""
    female = re.search(
        r"女(?:性|士|孩|宝|婴|生|儿|，|,|、|\s|\d|$)|性别[:： ]*女|怀孕|孕妇|月经|例假|白带|产后|经期", text
    )
    male = re.search(
        r"男(?:性|士|孩|宝|婴|生|，|,|、|\s|\d|$)|性别[:： ]*男|儿子|阴茎|睾丸|包皮|前列腺|早泄|遗精", text
    )
    if female and male:
        return "female" if female.start() < male.start() else "male"
    return "female" if female else "male" if male else "unknown"


def _number_en(word: str) -> float | None:
    if word[0].isdigit():
        return float(word)
    tens, _, ones = word.replace("-", " ").partition(" ")
    if word in _NUMBERS:
        return float(_NUMBERS.index(word))
    if tens not in _TENS or ones and ones not in _NUMBERS[1:10]:
        return None
    return float(_TENS[tens] + (_NUMBERS.index(ones) if ones else 0))


def _number_zh(word: str) -> float | None:
    if word[0].isdigit():
        return float(word)
    if "百" in word:
        return None
    tens, ten, ones = word.partition("十")
    try:
        if not ten:
            return float(_ZH_DIGITS[word]) if len(word) == 1 else None
        return float((_ZH_DIGITS[tens] if tens else 1) * 10 + (_ZH_DIGITS[ones] if ones else 0))
    except KeyError:
        return None


def _years(value: float, unit: str) -> float | None:
    years = round(value * _UNITS[unit], 4)
    return years if 0 <= years <= 130 else None


class Carer(NamedTuple):
    """A caregiver that the record itself names."""

    relation: str
    calls: str


def speaker_for(who: Demographics, language: Language, carer: Carer | None = None) -> Speaker:
    """Return the speaker: the carer the record names, a parent for children under 12, else the patient."""
    if carer is not None:
        return Speaker(kind="caregiver", relation=carer.relation, calls_patient=carer.calls)
    if who.age_years is None or who.age_years >= CAREGIVER_BELOW_YEARS:
        return Speaker()
    if language == "zh":
        calls = "宝宝" if who.age_years < 3 else {"female": "女儿", "male": "儿子", "unknown": "孩子"}[who.sex]
        return Speaker(kind="caregiver", relation="妈妈", calls_patient=calls)
    child = "my baby" if who.age_years < 3 else "my child"
    calls = {"female": "my daughter", "male": "my son", "unknown": child}[who.sex]
    return Speaker(kind="caregiver", relation="mother", calls_patient=calls)
