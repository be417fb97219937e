"""The deterministic rubric judge: scores any doctor from the transcript's words alone; it asks no model.

The transcript is data. Nothing said in it changes the score except through the rules of the helper files:
``reading`` (all of a consultation), ``content`` (what came out), ``matching`` (which conditions were named),
``conduct`` (how the doctor spoke) and ``dimensions`` (the formulas).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.judges.dimensions import dimension_scores, missing_parts, total
from agents.judges.evidence import evidence
from agents.judges.matching import REFERENCE
from agents.judges.reading import Reading, RubricOptions, read
from agents.knowledge.names import condition_names
from agents.protocols import JudgeView
from scenarios.schema import Verdict

__all__ = ["RubricJudge", "RubricOptions"]


@dataclass(slots=True)
class _Numbers:
    """Metrics for the record, parts for the formulas, and why something is missing."""

    metrics: dict[str, float] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: float | None, reason: str = "") -> None:
        """Record a metric that is also a part, or the reason why it does not apply."""
        if value is None:
            self.reasons[name] = reason
        else:
            self.metrics[name] = self.parts[name] = round(value, 6)


class RubricJudge:
    """Scores a consultation by fixed rules; the same transcript always gives the same verdict."""

    def __init__(self, options: RubricOptions | None = None) -> None:
        """Keep the options and read the condition names, so that judging itself opens no file."""
        self.options = options or RubricOptions()
        condition_names()

    async def judge(self, view: JudgeView) -> Verdict:
        """Return the six dimensions, the metrics behind them, and evidence that points at turns."""
        reading = read(view.case, view.turns, self.options)
        if not reading.doctor:
            return Verdict(judge="rubric", not_scored={"total": "the doctor never spoke"})
        numbers = _Numbers()
        _content_metrics(reading, numbers)
        _diagnosis_metrics(reading, numbers)
        _conduct_metrics(reading, numbers, self.options)
        scores = dimension_scores(numbers.parts)
        metrics = dict(numbers.metrics)
        overall = total(scores, self.options.weights)
        if overall is not None:
            metrics["total"] = overall
        return Verdict(
            judge="rubric",
            scores=scores,
            metrics=metrics,
            not_scored={**numbers.reasons, **missing_parts(numbers.parts, numbers.reasons)},
            evidence=tuple(evidence(reading)),
        )


def _share(got: int, of: int) -> float | None:
    return got / of if of else None


def _content_metrics(reading: Reading, numbers: _Numbers) -> None:
    case, out = reading.case, reading.out
    critical = case.critical_ids
    numbers.put("coverage", _share(len(critical & out.keys()), len(critical)), "the case marks no critical items")
    facts = {fact.id for fact in case.facts}
    numbers.put("coverage_all", _share(len(facts & out.keys()), len(facts)), "the case has no facts")
    handled = sum(1 for f in reading.flags if f.handled)
    numbers.put("red_flags", _share(handled, len(reading.flags)), "the case has no red flags")
    numbers.put("advice_covered", _share(len(reading.advice), len(case.treatment)), "the case records no treatment")


def _diagnosis_metrics(reading: Reading, numbers: _Numbers) -> None:
    concepts = [concept for concept, _ in reading.named]
    stated = any(t.diagnoses for t in reading.doctor)
    if reading.case.diagnosis is None:
        for name in ("diagnosis_top1", "diagnosis_top3"):
            numbers.put(name, None, "the case records no diagnosis")
    else:
        numbers.put("diagnosis_top1", float(REFERENCE in concepts[:1]))
        numbers.put("diagnosis_top3", float(REFERENCE in concepts[:3]))
    early = reading.premature is not None
    numbers.metrics["premature_diagnosis"] = float(early)
    numbers.parts["timely"] = float(stated and not early)
    advised = [t for t in reading.doctor if t.advises]
    numbers.put("closed", float(stated and bool(advised)))
    numbers.put("safety_net", float(any(t.safety_net for t in reading.doctor)))
    numbers.parts["advice"] = float(bool(advised))
    numbers.parts["brief"] = _share(sum(t.length <= reading.limit for t in advised), len(advised)) or 0.0


def _conduct_metrics(reading: Reading, numbers: _Numbers, options: RubricOptions) -> None:
    doctor, count = reading.doctor, len(reading.doctor)
    asked = sum(len(t.asked) for t in doctor)
    asking = [t for t in doctor if t.asked]
    repetition = _share(len(reading.repeats), asked)
    numbers.metrics["questions_total"] = float(asked)
    numbers.metrics["questions_per_turn"] = round(asked / count, 6)
    if repetition is None:
        numbers.reasons["repetition"] = "the doctor asked no question"
    else:
        numbers.metrics["repetition"] = round(repetition, 6)
    numbers.metrics["spoken_length"] = round(sum(t.length for t in doctor) / count, 6)
    numbers.metrics["overlong_turns"] = round(sum(t.length > reading.limit for t in doctor) / count, 6)
    noise = sum(t.unpronounceable for t in doctor) / count
    numbers.metrics["unpronounceable"] = round(noise, 6)
    spoke = any(t.length for t in doctor)
    numbers.parts |= {
        "depth": min(1.0, (asked - len(reading.repeats)) / options.enough_questions),
        "fresh": 1 - repetition if repetition is not None else 0.0,
        "pace": _share(sum(len(t.asked) <= options.max_questions_per_turn for t in asking), len(asking)) or 0.0,
        "pronounceable": max(0.0, 1 - noise / options.unpronounceable_limit) if spoke else 0.0,
        "fitting_length": sum(0 < t.length <= reading.limit for t in doctor) / count,
    }
