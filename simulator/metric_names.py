"""What the metrics are called on a page, in which order they stand and which way is better; it computes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from scenarios.schema import DIMENSIONS

Better = Literal["high", "low", "neither"]

MAIN = ("total", *DIMENSIONS, "coverage", "diagnosis_top1", "red_flags")
"""The metrics that tables show first; everything else is folded away below."""

_LABELS: dict[str, str] = {
    "total": "Total (0–100)",
    **{str(name): f"{words['en']} (0–10)" for name, words in DIMENSIONS.items()},
    "coverage": "Critical items out (share)",
    "coverage_all": "All items out (share)",
    "diagnosis_top1": "Diagnosis first (share)",
    "diagnosis_top3": "Diagnosis among three (share)",
    "red_flags": "Red flags handled (share)",
    "premature_diagnosis": "Premature diagnosis (share)",
    "safety_net": "Safety net (share)",
    "exchanges": "Exchanges",
    "questions_total": "Questions asked",
    "questions_per_turn": "Questions per turn",
    "repetition": "Repeated questions (share)",
    "spoken_length": "Length of a turn",
    "overlong_turns": "Overlong turns (share)",
    "unpronounceable": "Unpronounceable characters (share)",
    "coverage_llm": "Critical items out, by a model (share)",
    "diagnosis_llm": "Diagnosis, by a model (share)",
    "red_flags_llm": "Red flags handled, by a model (share)",
    "unsafe_llm": "Unsafe advice, by a model",
    "miscited": "Items citing no real turn (share)",
    "miscited_llm": "Claims citing no real turn (share)",
}
_LOW = frozenset({
    "premature_diagnosis", "repetition", "overlong_turns", "unpronounceable", "harmfulness", "unsafe_llm", "miscited",
    "miscited_llm",
})
_NEITHER = frozenset({"exchanges", "questions_total", "questions_per_turn", "spoken_length", "closed"})


@dataclass(frozen=True)
class Span:
    """The range a metric is drawn on."""

    low: float
    high: float


def label(metric: str) -> str:
    """Return the words for ``metric``; a second judge's ``judge.metric`` names the judge at the end."""
    judge, dot, name = metric.rpartition(".")
    words = _LABELS.get(name, name.replace("_", " ").capitalize())
    return f"{words}, {judge}" if dot else words


def better(metric: str) -> Better:
    """Say which way is better; 'neither' for what only describes."""
    name = metric.rpartition(".")[2]
    return "low" if name in _LOW else "neither" if name in _NEITHER else "high"


def span(metric: str, largest: float = 1.0) -> Span:
    """Return the natural range of ``metric``; for open ones 0 to ``largest``."""
    name = metric.rpartition(".")[2]
    if name == "total":
        return Span(0.0, 100.0)
    return Span(0.0, 10.0) if name in DIMENSIONS else Span(0.0, max(largest, 1.0))


def decimals(metric: str) -> int:
    """Return how many decimals a table shows."""
    name = metric.rpartition(".")[2]
    if name == "total":
        return 1
    return 1 if name in {"spoken_length", "questions_total", "exchanges", "questions_per_turn"} else 2


def ordered(metrics: Iterable[str]) -> list[str]:
    """Return the names, main ones first in their fixed order, the rest alphabetically."""
    there = set(metrics)
    first = [name for name in MAIN if name in there]
    return first + sorted(there.difference(first))


def best(metric: str, means: dict[str, float | None]) -> frozenset[str]:
    """Return the doctors with the best mean of ``metric``; nobody when one doctor, all equal or no direction."""
    there = {doctor: mean for doctor, mean in means.items() if mean is not None}
    if len(there) < 2 or len(set(there.values())) == 1 or better(metric) == "neither":
        return frozenset()
    top = (max if better(metric) == "high" else min)(there.values())
    return frozenset(doctor for doctor, mean in there.items() if mean == top)
