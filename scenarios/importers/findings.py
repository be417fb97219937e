"""Flattens nested examination and test results into Finding items; it knows words for kinds, no reference ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from scenarios.importers.record import strings
from scenarios.importers.text import capital, slug, tidy
from scenarios.schema import Finding

Kind = Literal["exam", "lab", "imaging", "other"]
MAX_RESULT = 1500

_IMAGING = re.compile(
    (
        r"x-?ray|\bct\b|\bmri\b|ultraso|echo|imaging|radiograph|angiogra|scan|doppler|endoscop|mammogra|超声|CT|MRI|"
        r"X线|胸片|造影|彩超|B超|镜"
    ),
    re.I,
)
_LAB = re.compile(
    r"blood|serum|urin|cultur|biops|count|panel|csf|lab|histolog|histopath|electrolyt|antibod|serolog|stain|smear|"
    r"hemoglobin|glucose|test|level|patholog|stool|血|尿|便|培养|生化|病理|抗体|肝功|肾功|电解质",
    re.I,
)
_OTHER = re.compile(r"\becg\b|\bekg\b|\beeg\b|\bemg\b|electro|screen|audio|spirom|心电|脑电|肌电|肺功能", re.I)
_EMPTY = re.compile(
    (
        r"^(?:n/?a|none|information not.*|not (?:provided|applicable|available|performed|done|specified)\b.*|unknown|-|"
        r"无|未查|未做|)$"
    ),
    re.I,
)
_SAME = frozenset({"findings", "finding", "results", "result", "impression"})


def findings_of(data: object, default: Kind, taken: set[str]) -> Iterator[Finding]:
    """Yield one Finding for each named branch of ``data`` two levels down; ids enter ``taken``.

    Example: ``{"Imaging": {"Chest_CT": {"Findings": "Normal"}}}`` -> imaging ``Chest CT``: ``Normal``.
    """
    for path, value in _branches(data, ()):
        result = flat(value)
        name = readable(path[-1] if path else "Findings")
        if len(path) > 1 and name.lower() in (
            "inspection",
            "palpation",
            "auscultation",
            "percussion",
            "general",
            "other",
            *_SAME,
        ):
            name = f"{readable(path[-2])}: {name.lower()}"
        if _EMPTY.match(result) or not name:
            continue
        kind = _kind(" ".join(path), default)
        yield Finding(
            id=free_id(f"{default}-{slug(name, 'finding')}", taken),
            kind=kind,
            name=name[:200],
            result=result[:MAX_RESULT],
        )


def free_id(name: str, taken: set[str]) -> str:
    """Return ``name``, or ``name-2`` and so on when taken, and take it."""
    made, number = name, 1
    while made in taken:
        number += 1
        made = f"{name}-{number}"
    taken.add(made)
    return made


def readable(key: str) -> str:
    """Return ``Chest_CT`` as ``Chest CT``."""
    return tidy(key.replace("_", " ")).strip(" .:：")


def flat(value: object) -> str:
    """Return nested data as readable text: ``WBC: normal; Platelets: low``."""
    if isinstance(value, dict):
        parts = [(readable(str(key)), flat(part)) for key, part in value.items()]
        return "; ".join(text if key.lower() in _SAME else f"{key}: {text}" for key, text in parts if text)
    if isinstance(value, list):
        return "; ".join(text for part in value if (text := flat(part)))
    return tidy(" ".join(strings(value))) if value is not None else ""


def _branches(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and len(path) < 2 and not _is_leaf(value, path):
        for key, part in value.items():
            yield from _branches(part, (*path, str(key)))
    elif value not in (None, "", [], {}):
        yield path, value


def _is_leaf(value: dict[str, object], path: tuple[str, ...]) -> bool:
    if not path:
        return False
    if {str(key).lower() for key in value} <= _SAME or "vital" in path[-1].lower():
        return True
    return not any(isinstance(part, (dict, list)) or len(str(part)) > 40 for part in value.values())


def _kind(name: str, default: Kind) -> Kind:
    words = name.replace("_", " ")
    if default == "exam":
        return "exam"
    if _OTHER.search(words):
        return "other"
    if _IMAGING.search(words):
        return "imaging"
    return "lab" if _LAB.search(words) else "other"


def titled(text: str, name: str, taken: set[str], kind: Kind = "exam") -> Finding:
    """Return a Finding whose result is a plain sentence of the record."""
    return Finding(
        id=free_id(f"{kind}-{slug(name, 'finding')}", taken),
        kind=kind,
        name=name,
        result=capital(tidy(text))[:MAX_RESULT],
    )
