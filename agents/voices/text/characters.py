"""Brings characters to a small plain alphabet before any rule looks at them; knows Unicode, no language."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache

_UNESCAPE_ROUNDS = 3
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_RAISED = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]++")
_FRACTION = re.compile(r"(\d?)([¼-¾⅐-⅞])")
_ASCII_AT_HEART = frozenset("%+-/<=>@#$&*|~^_`")
_FULL_WIDTH = {
    0xFF01 + i: chr(0x21 + i) for i in range(94) if chr(0x21 + i).isalnum() or chr(0x21 + i) in _ASCII_AT_HEART
}
_ALIKE = {
    "\n": "\r\x0b\x0c\x85\u2028\u2029", " ": "\t", "-": "−‐‑‒﹣➖", "~": "∼〜", "/": "∕⁄÷", "μ": "\u00b5", "°": "º˚",
    "×": "✕✖⨯", "•": "●◦▪■◆○★☆►▶✓✔", "·": "⋅∙・", "≤": "≦⩽", "≥": "≧⩾", "<": "﹤", ">": "﹥", "%": "﹪", "+": "﹢➕",
    "→": "⟶⇒➔➜", "'": "’‘′ʼ", '"': "″“”„‟", "¥": "￥", "—": "―─", "°C": "℃", "°F": "℉", "": "™®©",
    "。": "｡", "，": "﹐", ".": "﹒", "…": "⋯‥",
}
_READ_BY_RULES = frozenset("\n×±≥≤≈≠°↑↓→£€¥$+<=>|~^`%&@#*/\\-")
_FOLDED = ((0x2100, 0x218F), (0x3300, 0x33FF), (0xFB00, 0xFB06), (0x1D400, 0x1D7FF))
_LISTED = ((0x2460, 0x249B), (0x2776, 0x2793))


class _Alphabet(dict[int, str]):
    """Code point -> plain text, worked out when first met (a table for ``str.translate``)."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain(code)
        return plain


def plain_characters(text: str) -> str:
    """Return ``text`` with HTML entities resolved and every character plain.

    Digits are ASCII, compatibility forms (full width, ㎎, ①, Ⅱ, ½, ²) are spelled out, line ends are newlines;
    controls, formatting marks, emoji and private or unassigned characters are gone. CJK punctuation stays.
    """
    for _ in range(_UNESCAPE_ROUNDS):
        if "&" not in text or (plain := html.unescape(text)) == text:
            break
        text = plain
    text = text.replace("+/-", "±").replace("+/−", "±")
    if text.isascii() and text.isprintable():
        return text
    text = _RAISED.sub(lambda m: "^" + m[0].translate(_SUPERSCRIPT), text)
    text = _FRACTION.sub(_spelled_fraction, text)
    return unicodedata.normalize("NFC", text.translate(_alphabet()))


@cache
def _alphabet() -> _Alphabet:
    alphabet = _Alphabet(_FULL_WIDTH)
    alphabet.update({ord(character): plain for plain, alike in _ALIKE.items() for character in alike})
    return alphabet


def _spelled_fraction(match: re.Match[str]) -> str:
    return (match[1] and match[1] + " ") + unicodedata.normalize("NFKC", match[2]).replace("\u2044", "/")


def _plain(code: int) -> str:
    character = chr(code)
    if character in _READ_BY_RULES:
        return character
    if any(low <= code <= high for low, high in _LISTED):
        return f"\n{_listed_number(character)}. "
    if any(low <= code <= high for low, high in _FOLDED):
        folded = unicodedata.normalize("NFKC", character).replace("\u2044", "/")
        return folded if folded != character else " "
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in ("Cc", "Cf"):
        return " " if category == "Cc" else ""
    if category == "No":
        return _other_number(character)
    return character if category[0] in "LMP" or category == "Nl" else " "


def _other_number(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).replace("\u2044", "/")
    return folded if folded.isascii() else " "


def _listed_number(character: str) -> str:
    return str(int(unicodedata.numeric(character)))
