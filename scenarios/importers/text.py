"""Small text tools for both languages: sentences, lengths, lists, slugs; it knows no medicine and no record."""

from __future__ import annotations

import re

from scenarios.schema import Language

FACT_LIMIT = {"zh": 60, "en": 40}
OPENING_LIMIT = {"zh": 45, "en": 30}

_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|vs|e\.g|i\.e|approx|C|St|No)\.$")
_END_EN = re.compile(r"(?<=[.!?])[\"'’”]?\s+(?=[A-Z\"'“‘0-9])|\s*\n+\s*")
_END_ZH = re.compile(
    r"(?<=[。！？!?；;])|\n+|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])|\.(?=\s|$)|(?<=[\u4e00-\u9fff])\."
)


def length(text: str, language: Language) -> int:
    """Return characters (zh) or words (en)."""
    return len(text) if language == "zh" else len(text.split())


def tidy(text: str) -> str:
    """Return ``text`` on one line with straight quotes and single spaces."""
    for curly, straight in (("\u2019", "'"), ("\u2018", "'"), ("\u201c", '"'), ("\u201d", '"'), ("\u2013", "-")):
        text = text.replace(curly, straight)
    return re.sub(r"\s+", " ", text).strip()


def sentences(text: str, language: Language) -> list[str]:
    """Split into sentences; abbreviations such as ``Dr.`` and decimal points do not end one."""
    if language == "zh":
        return [part for piece in _END_ZH.split(text) if (part := piece.strip(" 。；;\t\r"))]
    found: list[str] = []
    for piece in _END_EN.split(text.replace("\u2019", "'")):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += f" {piece.strip()}"
        elif piece.strip():
            found.append(piece.strip())
    return found


def pieces(text: str, language: Language) -> list[str]:
    """Split ``text`` at clause marks until each piece fits the fact limit; a stubborn one is cut at a word."""
    limit = FACT_LIMIT[language]
    if length(text, language) <= limit:
        return [text]
    marks = r"(?<=[，,、：:])" if language == "zh" else r"(?<=[;,])\s+|\s+(?=(?:and|but|which|because|with|so) )"
    found: list[str] = []
    for part in re.split(marks, text):
        joined = f"{found[-1]}{'' if language == 'zh' else ' '}{part}" if found else part
        if found and length(joined, language) <= limit:
            found[-1] = joined
        elif part.strip():
            found.append(part)
    return [cut(part.strip(" ，,、；;"), language, limit) for part in found if part.strip(" ，,、；;")]


def cut(text: str, language: Language, limit: int) -> str:
    """Return at most ``limit`` characters or words of ``text``."""
    if length(text, language) <= limit:
        return text
    return text[:limit].rstrip(" ，,、") if language == "zh" else " ".join(text.split()[:limit]).rstrip(" ,;:")


def slug(text: str, fallback: str) -> str:
    """Return ``text`` as lower-case words joined by ``-``, at most 40 characters, never empty."""
    made = "-".join(re.findall(r"[a-z0-9]+", text.lower()))[:40].strip("-")
    return made or fallback


def capital(text: str) -> str:
    """Return ``text`` with its first letter upper-case."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """Return ``text`` with its first letter lower-case, unless its first word is ``I`` or an abbreviation or name."""
    first = re.match(r"[\w']+", text)
    word = first[0] if first else ""
    if word.split("'")[0] == "I" or len(word) > 1 and word[1:] != word[1:].lower() or word in NAMES:
        return text
    return text[:1].lower() + text[1:]


NAMES = frozenset(
    "Crohn Crohn's Lyme Kaposi's Parkinson's Graves' Raynaud Wisconsin Miami Monday Tuesday Wednesday Thursday Friday "
    "Saturday Sunday Caucasian Hispanic African English Chinese".split()
)
