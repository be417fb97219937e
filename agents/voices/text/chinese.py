"""Numbers as a Chinese speaker says them, by cn2an; knows no sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from scenarios.errors import MissingExtra

LONGEST_NUMBER = 13
"""Longer runs of digits are identifiers: they are read digit by digit."""

_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")
_ROMAN = {"I": 1, "V": 5, "X": 10}
_BY_PHONE = str.maketrans("0123456789", "零幺二三四五六七八九")


@lru_cache(maxsize=4096)
def number(written: str) -> str:
    """Return ``[+-]digits[.digits]`` in words: ``38.50`` -> 三十八点五零, ``2000`` -> 两千, ``007`` -> 零零七."""
    whole, point, part = written.strip().partition(".")
    sign = {"-": "负", "+": "正"}.get(whole[:1], "")
    whole = whole.lstrip("+-")
    words = digits(whole) if _is_identifier(whole) else _cardinal(whole)
    return sign + words + ("点" + digits(part) if point and part else "")


def counted(written: str) -> str:
    """Return a number before what it counts: ``2`` is 两."""
    return "两" if written == "2" else number(written)


def digits(written: str) -> str:
    """Return every digit by itself: ``2024`` -> 二零二四; other characters stay."""
    return written.translate(_DIGITS)


def phone(written: str) -> str:
    """Return digits as on the telephone: ``120`` -> 幺二零."""
    return written.translate(_BY_PHONE).replace("-", "，").replace(" ", "")


def fraction(written: str) -> str:
    """Return ``1/2`` -> 二分之一, ``1 1/2`` -> 一又二分之一."""
    front, _, rest = written.rpartition(" ")
    above, _, below = rest.partition("/")
    return (number(front) + "又" if front else "") + f"{number(below)}分之{number(above)}"


def clock(written: str) -> str:
    """Return ``8:05`` -> 八点零五, ``20:00`` -> 二十点."""
    hour, minute, *second = written.replace("：", ":").split(":")
    said = counted(str(int(hour))) + "点"
    if int(minute) or second:
        said += ("零" if minute[0] == "0" else "") + _cardinal(str(int(minute)))
    return said + (f"分{number(str(int(second[0])))}秒" if second else "")


def _is_identifier(whole: str) -> bool:
    return len(whole) > LONGEST_NUMBER or (len(whole) > 1 and whole[0] == "0")


def _cardinal(whole: str) -> str:
    if not whole:
        return ""
    try:
        from cn2an import an2cn
    except ImportError as missing:
        raise MissingExtra("Reading numbers aloud", "voice") from missing
    words = str(an2cn(whole, "low"))
    return "两" + words[1:] if words[:2] in ("二千", "二万", "二亿") else words


def natural(written: str) -> str:
    """Return a number without the zeros in front: a month, a day, an hour."""
    return _cardinal(str(int(written)))


def clock_unit(written: str) -> str:
    """Return the minute of a rate, however it is written: ``min`` -> 分钟."""
    return "分钟" if written else ""


def roman(written: str) -> str:
    """Return a Roman numeral up to XXXIX in words: ``IV`` -> 四."""
    value = 0
    for here, following in zip(written, written[1:] + " ", strict=True):
        value += -_ROMAN[here] if _ROMAN.get(following, 0) > _ROMAN[here] else _ROMAN[here]
    return _cardinal(str(value))


KINDS: Mapping[str, Callable[[str], str]] = {
    "n": number, "c": counted, "d": digits, "p": phone, "f": fraction, "t": clock, "i": natural, "r": roman,
    "w": clock_unit,
}
