"""The last step: only letters, spaces and marks of pause are left, each once; knows no word."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from scenarios.schema import Language

_ALIKE = str.maketrans({
    "，": ",", "。": ".", "！": "!", "？": "?", "；": ";", "：": ":", "—": ",", "–": ",", "|": ",", "•": ",",
    **dict.fromkeys("()（）[]{}【】〔〕〖〗［］｛｝", ","),
    **dict.fromkeys('"“”„‟«»「」『』《》〈〉·¿¡', " "),
})
_STRONGEST_FIRST = "?!.…;:,、"
_RUN = re.compile(r" ?[?!.…;:,、][ ?!.…;:,、]*+")
_INNER_DOT = re.compile(r"(?<=[A-Za-z])\.(?=[a-z])|(?<![^\W\d_].)(?<=[A-Za-z])\.(?=[A-Z](?![^\W\d_]))")
_STRAY = re.compile(r"(?<![^\W\d_])['-]+|['-]+(?![^\W\d_])")
_SPACES = re.compile(r"  +|[^\S ]+")
_CJK = "\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CJK_GAP = re.compile(f"(?<=[{_CJK}]) (?=[{_CJK}])")
_OWN = {"zh": str.maketrans("?!.;:,", "？！。；：，"), "en": str.maketrans("、", ",")}
_MARKS = frozenset(_STRONGEST_FIRST + "'- ")


class _Kept(dict[int, str]):
    """Code point -> itself, or a space for all but letters and marks of pause (a table for ``str.translate``)."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kept = character in _MARKS or character == "〇" or unicodedata.category(character)[0] in "LM"
        self[code] = plain = character if kept else " "
        return plain


def tidied(text: str, language: Language) -> str:
    """Return ``text`` as letters, single spaces and one mark for each pause, in the language's own marks.

    Brackets become pauses, quotation marks go, apostrophes and (in English) hyphens stay inside words.
    Empty if nothing is left to say.
    """
    if "." in text:
        text = text.replace("...", "…")
        text = _INNER_DOT.sub(" ", text)
    text = text.translate(_ALIKE).translate(_kept())
    if "-" in text or "'" in text:
        text = _STRAY.sub(_stray, text if language == "en" else text.replace("-", " "))
    text = _RUN.sub(_strongest, _SPACES.sub(" ", text))
    text = text.lstrip(" " + _STRONGEST_FIRST).rstrip(" ,:;、")
    if language == "zh":
        text = _CJK_GAP.sub("", text)
        for mark in _STRONGEST_FIRST:
            text = text.replace(mark + " ", mark)
    text = text.translate(_OWN[language])
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@cache
def _kept() -> _Kept:
    return _Kept()


def _strongest(match: re.Match[str]) -> str:
    run = match[0]
    return next(mark for mark in _STRONGEST_FIRST if mark in run) + " "


def _stray(match: re.Match[str]) -> str:
    around = match.string[max(match.start() - 1, 0):match.start()] + match.string[match.end():match.end() + 1]
    return "," if "-" in match[0] and around == "  " else " "
