"""Reads amounts with units out of English and Chinese text; it knows no case and no meaning."""

from __future__ import annotations

import re

from scenarios.schema import Language

_EN_NUMBERS = {
    word: float(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "a hundred": 100.0}
_ZH_DIGITS = {digit: float(value) for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2.0}
_EN_UNITS = {
    "minute": ("days", 1 / 1440),
    "hour": ("days", 1 / 24),
    "day": ("days", 1.0),
    "night": ("days", 1.0),
    "week": ("days", 7.0),
    "month": ("days", 30.4),
    "year": ("days", 365.0),
    "mg": ("mg", 1.0),
    "milligram": ("mg", 1.0),
    "kg": ("kg", 1.0),
    "kilo": ("kg", 1.0),
    "kilogram": ("kg", 1.0),
    "pound": ("kg", 0.4536),
    "lb": ("kg", 0.4536),
    "degree": ("degrees", 1.0),
    "cigarette": ("cigarettes", 1.0),
    "pack": ("packs", 1.0),
    "time": ("times", 1.0),
    "tablet": ("tablets", 1.0),
    "pill": ("tablets", 1.0),
}
_ZH_UNITS = {
    "分钟": ("days", 1 / 1440),
    "小时": ("days", 1 / 24),
    "钟头": ("days", 1 / 24),
    "天": ("days", 1.0),
    "日": ("days", 1.0),
    "周": ("days", 7.0),
    "星期": ("days", 7.0),
    "礼拜": ("days", 7.0),
    "月": ("days", 30.4),
    "年": ("days", 365.0),
    "毫克": ("mg", 1.0),
    "公斤": ("kg", 1.0),
    "斤": ("kg", 0.5),
    "度": ("degrees", 1.0),
    "支": ("cigarettes", 1.0),
    "根": ("cigarettes", 1.0),
    "包": ("packs", 1.0),
    "次": ("times", 1.0),
    "片": ("tablets", 1.0),
    "粒": ("tablets", 1.0),
}
_EN = re.compile(
    rf"\b(\d+(?:\.\d+)?|{'|'.join(sorted(_EN_NUMBERS, key=len, reverse=True))})(?:[ -](?:more|full|whole))?[ -]?"
    rf"({'|'.join(_EN_UNITS)})s?\b",
    re.I,
)
_ZH = re.compile(rf"(\d+(?:\.\d+)?|[零一二两三四五六七八九十百]+)(?:多|来)?个?(?:多)?({'|'.join(_ZH_UNITS)})(半)?")
_ZH_IDIOMS = re.compile(
    r"一天到晚|有一次|再.?一次|一下子|一年四季|一天天|每一天|有一天|这一次|第[零一二两三四五六七八九十\d]+(次|天)|一次次|一直|[每这那]一?[天周月年次]"
)


def amounts(text: str, language: Language) -> set[tuple[str, float]]:
    """Return ``(unit, value)`` pairs; times are in days, weights in kilograms.

    Example: ``"for two weeks"`` gives ``{("days", 14.0)}``.
    """
    if language == "en":
        return {_scaled(_EN_UNITS[u.lower()], _english(n)) for n, u in _EN.findall(text)}
    plain = _ZH_IDIOMS.sub("", text)
    return {_scaled(_ZH_UNITS[u], _chinese(n) + (0.5 if half else 0.0)) for n, u, half in _ZH.findall(plain)}


def relative_days(text: str, language: Language) -> set[tuple[str, float]]:
    """Return how many days ago the text's relative dates are: yesterday is one day, 前天 two."""
    near = {
        "en": {"yesterday": 1.0, "last night": 1.0, "last week": 7.0},
        "zh": {"昨": 1.0, "前天": 2.0, "前晚": 2.0, "上周": 7.0},
    }
    return {("days", days) for word, days in near[language].items() if word in text.lower()}


def _scaled(unit: tuple[str, float], number: float) -> tuple[str, float]:
    return unit[0], round(unit[1] * number, 4)


def _english(number: str) -> float:
    return _EN_NUMBERS[number.lower()] if number.lower() in _EN_NUMBERS else float(number)


def _chinese(number: str) -> float:
    if re.match(r"[\d.]+$", number):
        return float(number)
    total = current = 0.0
    for sign in number:
        if sign in "十百":
            total += (current or 1.0) * (10.0 if sign == "十" else 100.0)
            current = 0.0
        else:
            current = _ZH_DIGITS[sign]
    return total + current
