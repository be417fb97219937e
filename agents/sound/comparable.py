"""A text as it sounds, for comparing what was said with what was heard; it is never shown and never spoken.

Both sides go through the same rules: compatibility forms (NFKC) and case are folded, numbers become words, units
that stand behind a number get one name, contractions are opened, everything that is not a letter or digit goes.
Spoken forms are what recognisers of either language are scored on, as an ear may write ``140`` or ``一百四十``.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from scenarios.errors import MissingExtra
from scenarios.schema import Language

_DIGITS_ZH = "零一二三四五六七八九"
_DIGITS_EN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TO_ZH = str.maketrans("0123456789", _DIGITS_ZH)
_FOLD_ZH = str.maketrans({"两": "二", "〇": "零", "幺": "一"})
_LONGEST_VALUE = 6
"""Digits of a number that is read as a value; longer ones (telephone numbers) are read digit by digit."""

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_NOT_A_LETTER = re.compile(r"[\W_]+")
_UNITS_ZH = {
    "mmhg": "毫米汞柱", "mmol/l": "毫摩尔每升", "mg/dl": "毫克每分升", "mg": "毫克", "μg": "微克", "ug": "微克",
    "kg": "公斤", "g": "克", "ml": "毫升", "dl": "分升", "l": "升", "mm": "毫米", "cm": "厘米",
    "km": "公里", "°c": "度",
}
_UNITS_EN = {
    "mmhg": "millimeters of mercury", "mmol/l": "millimoles per liter", "mg/dl": "milligrams per deciliter",
    "mg": "milligrams", "μg": "micrograms", "mcg": "micrograms", "kg": "kilograms", "g": "grams", "ml": "milliliters",
    "dl": "deciliters", "l": "liters", "mm": "millimeters", "cm": "centimeters", "km": "kilometers",
    "°c": "degrees celsius", "°f": "degrees fahrenheit",
}


def _behind_a_number(units: dict[str, str]) -> re.Pattern[str]:
    longest_first = sorted(units, key=len, reverse=True)
    return re.compile(rf"(?<=[0-9])\s*({'|'.join(map(re.escape, longest_first))})(?![a-z])")


_UNIT_ZH, _UNIT_EN = _behind_a_number(_UNITS_ZH), _behind_a_number(_UNITS_EN)
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")
_YEAR_ZH = re.compile(r"[0-9]{4}(?=年(?!前|后|内|来|以|之|多|的))")
_BETWEEN = re.compile(r"(?<=[0-9])\s*[-~–—]\s*(?=[0-9])")
_CLOCK = re.compile(r"(?<=[0-9]):([0-5][0-9])(?![0-9])")
_OVER = re.compile(r"(?<=[0-9])\s*/\s*(?=[0-9])")
_YEAR_EN = re.compile(r"\b(?:in|since|of|from|until|before|after) ((?:19|20)[0-9]{2})\b")
_ORDINAL = re.compile(r"\b([0-9]{1,6})(?:st|nd|rd|th)\b")
_AND = re.compile(rf"\b(hundred|thousand) and (?={'|'.join(_DIGITS_EN[1:])}|ten|eleven|twel|thir|fif|for|twen)")
_CONTRACTIONS = (
    (re.compile(r"\b(?:cannot|can't)\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bshan't\b"), "shall not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"\b(i)'m\b"), r"\1 am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"\b(it|he|she|that|what|where|who|how|there|here|when|why)'s\b"), r"\1 is"),
    (re.compile(r"\bok\b"), "okay"),
    (re.compile(r"\bdr\b\.?"), "doctor"),
)


def comparable(text: str, language: Language) -> str:
    """Return ``text`` as it is compared: zh without spaces, en as words with one space between; '' for no letters.

    Raises:
        MissingExtra: a number has to be written as words and cn2an (zh) or num2words (en) is not installed.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _chinese(folded) if language == "zh" else _english(folded)


def _chinese(text: str) -> str:
    if _NUMBER.search(text):
        text = _PERCENT.sub(r"百分之\1", _THOUSANDS.sub("", text))
        text = _UNIT_ZH.sub(lambda found: _UNITS_ZH[found[1]], text)
        text = _YEAR_ZH.sub(lambda found: found[0].translate(_TO_ZH), text)
        text = _CLOCK.sub(lambda found: "点" + found[1].replace("00", ""), text)
        text = _OVER.sub("比", _BETWEEN.sub("到", text))
        text = _NUMBER.sub(lambda found: _value(found[0], _whole_zh, "点", ""), text)
    text = text.translate(_FOLD_ZH).replace("摄氏度", "度").replace("千克", "公斤")
    return _NOT_A_LETTER.sub("", text)


def _english(text: str) -> str:
    text = text.replace("’", "'")
    if _NUMBER.search(text):
        text = _PERCENT.sub(r"\1 percent", _THOUSANDS.sub("", text))
        text = _UNIT_EN.sub(lambda found: " " + _UNITS_EN[found[1]], text)
        text = _ORDINAL.sub(lambda found: f" {_words(int(found[1]), 'ordinal')} ", text)
        text = _YEAR_EN.sub(lambda found: found[0][: -len(found[1])] + _words(int(found[1]), "year"), text)
        text = _OVER.sub(" over ", _BETWEEN.sub(" to ", text))
        text = _NUMBER.sub(lambda found: f" {_value(found[0], _whole_en, ' point ', ' ')} ", text)
    for pattern, opened in _CONTRACTIONS if "'" in text or "ok" in text or "dr" in text or "cannot" in text else ():
        text = pattern.sub(opened, text)
    words = _NOT_A_LETTER.sub(" ", text.replace("'", "")).strip()
    return _AND.sub(r"\1 ", words) if " and " in words else words


@lru_cache(maxsize=4096)
def _value(number: str, whole: Callable[[str], str], point: str, between: str) -> str:
    """Return a number's reading: the whole part as a value, decimals digit by digit."""
    before, _, decimals = number.partition(".")
    reading = whole(before)
    if not decimals:
        return reading
    digits = (_DIGITS_EN if between else _DIGITS_ZH)
    return reading + point + between.join(digits[int(digit)] for digit in decimals)


def _whole_zh(digits: str) -> str:
    if len(digits) > _LONGEST_VALUE or (len(digits) > 1 and digits[0] == "0"):
        return digits.translate(_TO_ZH)
    return str(_package("cn2an").an2cn(digits))


def _whole_en(digits: str) -> str:
    if len(digits) > _LONGEST_VALUE or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(_DIGITS_EN[int(digit)] for digit in digits)
    return _words(int(digits), "cardinal")


@lru_cache(maxsize=4096)
def _words(number: int, kind: str) -> str:
    return str(_package("num2words").num2words(number, to=kind))


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtra("comparing what was said with what was heard", "voice") from error
