"""Numbers as an English speaker says them, by num2words; knows no sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from scenarios.errors import MissingExtra

LONGEST_NUMBER = 12
"""Longer runs of digits are identifiers: they are read digit by digit."""

_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)
_ROMAN = {"I": 1, "V": 5, "X": 10}
_DIGIT = re.compile(r"\d")
_GAPS = re.compile(r"[-. ]+")
_PARTS = {"2": ("half", "halves"), "4": ("quarter", "quarters")}
_OUT_OF = ("5", "10", "15", "30", "100")


@lru_cache(maxsize=4096)
def number(written: str) -> str:
    """Return ``[+-]digits[.digits]`` in words: ``140`` -> one hundred forty, ``0.50`` -> zero point five zero."""
    whole, point, part = written.strip().partition(".")
    sign = {"-": "minus ", "+": "plus "}.get(whole[:1], "")
    whole = whole.lstrip("+-")
    words = digits(whole) if _is_identifier(whole) else _words(whole)
    return sign + (words or "zero") + (" point " + digits(part) if point and part else "")


def digits(written: str) -> str:
    """Return every digit by itself: ``911`` -> nine one one."""
    return " ".join(_NAMES[int(digit)] for digit in _DIGIT.findall(written))


def phone(written: str) -> str:
    """Return a telephone number digit by digit, with a pause between its groups."""
    return ", ".join(digits(group) for group in _GAPS.split(written) if group)


def ordinal(written: str) -> str:
    """Return ``5`` -> fifth."""
    return _words(str(int(written)), "ordinal")


@lru_cache(maxsize=512)
def year(written: str) -> str:
    """Return ``2024`` -> twenty twenty-four, ``1990`` -> nineteen ninety."""
    return _words(written, "year")


def fraction(written: str) -> str:
    """Return ``1/2`` -> one half, ``7/10`` -> seven out of ten, ``1 1/2`` -> one and one half."""
    front, _, rest = written.rpartition(" ")
    above, _, below = rest.partition("/")
    if below in _OUT_OF and not front:
        said = f"{number(above)} out of {number(below)}"
    elif len(above) <= len(below) <= 2 and 2 <= int(below) <= 20 and 0 < int(above) < int(below):
        one, more = _PARTS.get(below) or (ordinal(below), ordinal(below) + "s")
        said = f"{number(above)} {one if above == '1' else more}"
    else:
        said = f"{number(above)} over {number(below)}"
    return f"{number(front)} and {said}" if front else said


def clock(written: str) -> str:
    """Return ``8:05`` -> eight oh five, ``8:00`` -> eight o'clock, ``20:30`` -> eight thirty P M."""
    said = hands(written)
    hour, minute, *_ = written.split(":")
    if int(hour) > 12:
        return said + " P M"
    return said + (" o'clock" if minute == "00" and int(hour) else "")


def hands(written: str) -> str:
    """Return hour and minutes alone, on a twelve-hour clock: ``8:00`` -> eight, ``20:30`` -> eight thirty."""
    hour, minute, *second = written.split(":")
    said = _words(str(int(hour) - 12 if int(hour) > 12 else int(hour)))
    if minute != "00":
        said += (" oh " if minute[0] == "0" else " ") + _words(str(int(minute)))
    return said + (f" and {_words(str(int(second[0])))} seconds" if second else "")


def month(written: str) -> str:
    """Return ``3``, ``03``, ``Mar.`` -> March."""
    if written[0].isdigit():
        return _MONTHS[int(written) - 1]
    return next(name for name in _MONTHS if name.startswith(written[:3]))


def decade(written: str) -> str:
    """Return ``3`` -> thirties."""
    return _words(written + "0")[:-1] + "ies"


def roman(written: str) -> str:
    """Return a Roman numeral up to XXXIX in words: ``IV`` -> four."""
    value = 0
    for here, following in zip(written, written[1:] + " ", strict=True):
        value += -_ROMAN[here] if _ROMAN.get(following, 0) > _ROMAN[here] else _ROMAN[here]
    return _words(str(value))


def days(number_of: str) -> str:
    """Return the word that stands after a number of days."""
    return "day" if number_of == "1" else "days"


def weeks(number_of: str) -> str:
    """Return the word that stands after a number of weeks."""
    return "week" if number_of == "1" else "weeks"


def months(number_of: str) -> str:
    """Return the word that stands after a number of months."""
    return "month" if number_of == "1" else "months"


def currency(written: str) -> str:
    """Return ``$`` -> dollars."""
    return {"$": "dollars", "£": "pounds", "€": "euros", "¥": "yuan"}[written]


def _is_identifier(whole: str) -> bool:
    return len(whole) > LONGEST_NUMBER or (len(whole) > 1 and whole[0] == "0")


@lru_cache(maxsize=4096)
def _words(whole: str, to: str = "cardinal") -> str:
    if not whole:
        return ""
    try:
        from num2words import num2words
    except ImportError as missing:
        raise MissingExtra("Reading numbers aloud", "voice") from missing
    return str(num2words(int(whole), lang="en", to=to)).replace(" and ", " ").replace(",", "")


KINDS: Mapping[str, Callable[[str], str]] = {
    "n": number, "d": digits, "p": phone, "o": ordinal, "y": year, "f": fraction, "t": clock, "h": hands, "m": month,
    "e": decade, "r": roman, "v": currency, "x": str.upper, "a": days, "b": weeks, "z": months,
}
