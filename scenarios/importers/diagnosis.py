"""Names of a diagnosis: aliases by rule, and hiding them from what the patient says; it knows no medicine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

SPELLINGS = (
    ("oedema", "edema"),
    ("oesoph", "esoph"),
    ("anaem", "anem"),
    ("leukaem", "leukem"),
    ("ischaem", "ischem"),
    ("diarrhoea", "diarrhea"),
    ("gonorrhoea", "gonorrhea"),
    ("tumour", "tumor"),
    ("paed", "ped"),
    ("gynaec", "gynec"),
    ("orthopaed", "orthoped"),
    ("caec", "cec"),
    ("coeliac", "celiac"),
    ("foetal", "fetal"),
)
_STAGE = re.compile(r"^(?:active|acute|chronic|secondary|primary|suspected|probable)\s+", re.I)
_HEM = r"\bhem(?=at|o|ang)"
_STAGE_ZH = re.compile(r"^(?:急性|慢性|亚急性|可疑|疑似)")
_ABBREVIATED = frozenset(
    "syndrome disease disorder vertigo infection leukemia leukaemia failure sclerosis seizure colitis "
    "encephalopathy "
    "leukoencephalopathy interstitial nephritis lymphoma".split()
)
_BRACKETS = re.compile(r"\s*[(（]([^()（）]*)[)）]")


def names_of(diagnosis: str) -> tuple[str, tuple[str, ...]]:
    """Return ``(name, aliases)``: brackets, abbreviation, stage words, possessives and both spellings taken apart.

    Example: ``Benign Paroxysmal Positional Vertigo (BPPV)`` -> that name and ``BPPV``.
    """
    whole = re.sub(r"\s+", " ", diagnosis.replace("\u2019", "'")).strip(" .。;；")
    name = _BRACKETS.sub("", whole).strip(" ,，") or whole
    aliases = [part.strip() for part in _BRACKETS.findall(whole) if 1 < len(part.strip()) <= 60]
    aliases += _variants(name)
    seen = {name.lower()}
    kept: list[str] = []
    for alias in aliases:
        if alias and alias.lower() not in seen:
            seen.add(alias.lower())
            kept.append(alias)
    return name, tuple(kept)


def _variants(name: str) -> Iterator[str]:
    short = _STAGE_ZH.sub("", _STAGE.sub("", name))
    if short != name and len(short) > 1:
        yield short
    for form in (name, short):
        yield from _spellings(form)
    words = re.findall(r"[A-Za-z]+", name)
    if (
        3 <= len(words) <= 5
        and words[-1].lower() in _ABBREVIATED
        and name.isascii()
        and " ".join(words).lower() == name.lower()
    ):
        if not {w.lower() for w in words} & {"of", "the", "at", "to", "and", "or", "in", "with", "by"}:
            yield "".join(word[0] for word in words).upper()


def _spellings(form: str) -> Iterator[str]:
    if re.search(_HEM, form, re.I):
        yield re.sub(_HEM, lambda m: f"{m[0][0]}aem", form, flags=re.I)
    if re.search(r"\bhaem", form, re.I):
        yield re.sub(r"\b(h)aem", r"\1em", form, flags=re.I)
    for one, other in SPELLINGS:
        for before, after in ((one, other), (other, one)):
            if before in form.lower() and not (before != one and one in form.lower()):
                yield re.sub(before, after, form, flags=re.I)
    if "'s " in form:
        yield form.replace("'s ", " ")
    elif match := re.match(r"([A-Z]\w+) (disease|syndrome|palsy)$", form):
        yield f"{match[1]}'s {match[2]}"


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    parts = []
    for name in sorted(names, key=lambda n: (-len(n), n)):
        if not name.isascii():
            parts.append(f"(?i:{re.escape(name)})")
            continue
        body = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", name))
        parts.append(rf"(?<![A-Za-z])(?i:{body}(?:es|s)?)(?![A-Za-z])")
    return re.compile("|".join(parts) or r"(?!)")


def mentions(text: str, names: Iterable[str]) -> bool:
    """Whether ``text`` holds any of ``names`` (Latin names as whole words, either straight or curly quotes)."""
    return _pattern(tuple(names)).search(text.replace("\u2019", "'")) is not None


def masked(text: str, names: Iterable[str], language: str) -> str:
    """Return ``text`` with every name replaced by a plain 'this problem'."""
    plain = "这个病" if language == "zh" else "this problem"
    pattern = _pattern(tuple(names))
    text = text.replace("\u2019", "'")
    if language == "en":
        text = re.sub(rf"\b(?:an?|the|my|his|her) (?={pattern.pattern})", "", text)
    return pattern.sub(plain, text)
