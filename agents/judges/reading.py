"""One consultation read against its case, before any number is made of it; it knows the rules' limits, no weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from agents.judges.conduct import DoctorTurn, conclusion, read_turn, repeated
from agents.judges.content import FlagResult, covered_advice, disclosures, red_flags
from agents.judges.matching import lexicon, ranked
from scenarios.schema import Advice, Case, Dimension, Frozen, Turn


class RubricOptions(Frozen):
    """What may be set: the dimensions' weights in the total, and the limits of spoken dialogue.

    ``weights``: relative; a dimension that is not named weighs 1. ``max_characters_zh`` and ``max_words_en``: a
    longer turn is too long to follow by ear. ``unpronounceable_limit``: characters per turn at which nothing is
    left of that part. ``repeat_ratio``: 0..100, similarity from which a question repeats an earlier one.
    ``match_share``: 0..1, content words by which an item counts as told when the patient's turns list none.
    """

    weights: dict[Dimension, float] = Field(default_factory=dict)
    max_characters_zh: int = Field(default=120, gt=0)
    max_words_en: int = Field(default=80, gt=0)
    max_questions_per_turn: int = Field(default=2, gt=0)
    enough_questions: int = Field(default=6, gt=0)
    unpronounceable_limit: float = Field(default=20.0, gt=0)
    repeat_ratio: float = Field(default=90.0, gt=0, le=100)
    match_share: float = Field(default=0.6, gt=0, le=1)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything read from one consultation, before any number is made of it.

    ``out``: item id -> index of the turn in which it came out. ``named``: (concept, turn index), ranked;
    ``REFERENCE`` is the case's diagnosis. ``premature``: index of a turn that diagnoses too early, else None.
    """

    case: Case
    doctor: tuple[DoctorTurn, ...]
    out: dict[str, int]
    named: list[tuple[str, int]]
    flags: list[FlagResult]
    advice: list[Advice]
    repeats: list[tuple[int, str]]
    limit: int
    premature: int | None


def read(case: Case, turns: Sequence[Turn], options: RubricOptions) -> Reading:
    """Read a transcript against its case."""
    names = lexicon(case.diagnosis)
    doctor = tuple(read_turn(t, case.language, names) for t in turns if t.role == "doctor")
    out = disclosures(case, turns, options.match_share)
    acted = any(t.emergency or (t.urgent_care and case.urgency == "urgent") for t in doctor)
    named = conclusion(doctor)
    if not named:
        stated = [t for t in doctor if t.differential][-1:]
        named = [(concept, t.index) for t in stated for concept in ranked(t.differential, names)]
    return Reading(
        case=case,
        doctor=doctor,
        out=out,
        named=named,
        flags=red_flags(case, turns, out, acted, options.match_share),
        advice=covered_advice(case, [t.text for t in doctor]),
        repeats=repeated(doctor, case.language, options.repeat_ratio),
        limit=options.max_characters_zh if case.language == "zh" else options.max_words_en,
        premature=_premature(case, doctor, out),
    )


def _premature(case: Case, doctor: Sequence[DoctorTurn], out: dict[str, int]) -> int | None:
    """Return the first diagnosing turn if it came before half the critical items or two questions were out.

    Sending an emergency away at once, after a present red flag came out, is right and not premature.
    """
    first = next((t for t in doctor if t.diagnoses), None)
    if first is None:
        return None
    known = sum(1 for i in case.critical_ids if out.get(i, first.index) < first.index)
    asked = sum(len(t.asked) for t in doctor if t.index < first.index)
    alarmed = any(f.present and out.get(f.item, first.index) < first.index for f in case.red_flags)
    if case.urgency == "emergency" and first.emergency and alarmed:
        return None
    return first.index if 2 * known < len(case.critical_ids) or asked < 2 else None
