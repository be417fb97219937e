"""Writes small run folders with synthetic consultations, for the tests of figures, report and pages."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from scenarios.identity import content_hash, derive_seed
from scenarios.loader import load_batch, load_cases
from scenarios.schema import (
    DIMENSIONS,
    AudioRef,
    Case,
    Consultation,
    Evidence,
    Failure,
    Key,
    Latency,
    Turn,
    Usage,
    Verdict,
)
from simulator.store import RunWriter

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
ASKS = {
    "en": ["When did it begin, and has it changed?", "Any fever, weight loss or bleeding?",
           "Do you take medicines or have allergies?", "Let me listen to your chest and take a tracing."],
    "zh": ["什么时候开始的？有没有加重？", "有没有发热、消瘦或者出血？", "平时吃什么药？对什么过敏？",
           "我先给您查一下体。"],
}
ADVICE = {"en": "This looks like {name}. Rest, and come back at once if it gets worse.",
          "zh": "考虑{name}。注意休息，如果加重马上来医院。"}
SKILL = {"history-taker": 0.85, "checklist": 0.6, "one-shot": 0.25}


def shipped_cases(folder: Path, count: int) -> tuple[Case, ...]:
    """Return real cases of the library, half of each language."""
    found: list[Case] = []
    for language, size in (("en", count - count // 2), ("zh", count // 2)):
        batch = folder / f"{language}.yaml"
        batch.write_text(
            f"name: x\ncases: [{{library: {language}, limit: {max(1, size)}}}]\ndoctors: {{d: {{backend: one-shot}}}}\n"
        )
        found += load_cases(*load_batch(batch))[:size]
    return tuple(found)


def write_run(
    folder: Path, cases: tuple[Case, ...], *, doctors: tuple[str, ...] = tuple(SKILL), trials: int = 2, seed: int = 7,
    hostile: bool = False, name: str = "compare-doctors",
) -> list[Consultation]:
    """Write a finished run and return its consultations in the order in which they stand in the file."""
    identity = {"batch": {"name": name}, "cases": {case.id: content_hash(case) for case in cases}}
    batch: dict[str, Any] = {
        "name": name, "doctors": {doctor: {"backend": doctor} for doctor in doctors}, "trials": trials, "seed": seed,
        "max_turns": 6, "patient": {"backend": "agenda", "persona": {"recall": "low", "personality": "plain"}},
        "judges": [{"backend": "rubric"}],
    }
    info = {"format": 1, "name": name, "planned": len(cases) * len(doctors) * trials, "seed": seed, "batch": batch,
            "notice": "Simulation for research. Nothing here is medical advice."}
    writer = RunWriter(folder, identity, info, resume=False)
    writer.write_cases(cases)
    records = [
        consultation(case, doctor, trial, seed, hostile=hostile)
        for case in cases for trial in range(trials) for doctor in doctors
    ]
    random.Random(seed).shuffle(records)
    for record in records:
        writer.consultation(record)
    writer.close()
    return records


def consultation(case: Case, doctor: str, trial: int, seed: int, *, hostile: bool = False) -> Consultation:
    """Return one synthetic but realistic consultation; better doctors ask more and score higher."""
    own_seed = derive_seed(seed, case.id, doctor, trial)
    key = Key(case=case.id, doctor=doctor, trial=trial, seed=own_seed, config_hash="c0")
    rng = random.Random(key.seed)
    skill = min(1.0, max(0.05, SKILL.get(doctor, 0.5) + rng.uniform(-0.15, 0.15)))
    turns, evidence = dialogue(case, rng, skill, hostile)
    out = {one for turn in turns if turn.role == "patient" for one in turn.disclosed}
    critical = case.critical_ids
    coverage = round(len(out & critical) / len(critical), 6) if critical else None
    top1 = float(rng.random() < skill)
    scores = {name: round(min(10.0, max(0.0, 10 * skill + rng.gauss(0, 1))), 4) for name in DIMENSIONS}
    metrics = {"total": round(10 * sum(scores.values()) / 6, 4), "premature_diagnosis": float(skill < 0.4)}
    not_scored = {"red_flags": "the case has no red flags"}
    if coverage is not None:
        metrics["coverage"] = coverage
    if case.diagnosis:
        metrics["diagnosis_top1"] = top1
    else:
        not_scored["diagnosis_top1"] = "the case records no diagnosis"
    missed = [Evidence(tag="missed critical fact", reason=one, good=False) for one in sorted(critical - out)][:3]
    verdict = Verdict(judge="rubric", scores=scores, metrics=metrics, not_scored=not_scored,
                      evidence=(*evidence, *missed))
    broken = rng.random() < 0.06
    failures = (Failure(owner="patient", kind="contradiction", message="says what the record does not hold", turn=0),)
    return Consultation(
        key=key, language=case.language, turns=tuple(turns),
        stop_reason="advice_given" if skill < 0.7 else "facts_out", verdicts=(verdict,),
        metrics={**scores, **metrics, "exchanges": float(turns[-1].exchange)},
        failures=failures if broken else (), scored=not broken,
    )


def dialogue(case: Case, rng: random.Random, skill: float, hostile: bool) -> tuple[list[Turn], list[Evidence]]:
    """Return turns of two to six exchanges and the evidence that cites them."""
    turns: list[Turn] = []
    evidence: list[Evidence] = []
    facts = list(case.facts)
    exchanges = max(1, min(6, round(6 * skill + rng.uniform(-0.5, 0.5))))
    for exchange in range(1, exchanges + 1):
        said = facts[: 2 if skill > 0.5 else 1]
        facts = facts[len(said):]
        text = case.chief_complaint if exchange == 1 else " ".join(fact.text for fact in said) or case.chief_complaint
        patient = Turn(
            index=len(turns), exchange=exchange, role="patient", text=text, backend="agenda",
            disclosed=() if exchange == 1 else tuple(fact.id for fact in said),
            audio=AudioRef(path=f"audio/{case.id}-{exchange}.wav", sample_rate_hz=24_000, seconds=3.2)
            if exchange == 1 else None,
            heard=text[:-1] if exchange == 2 else None,
        )
        turns.append(patient)
        evidence += [Evidence(tag="critical fact", reason=f.text, turn=patient.index) for f in said
                     if f.critical and exchange > 1]
        turns += _doctor(case, exchange, exchanges, len(turns), rng, hostile)
        if exchange == exchanges:
            evidence.append(Evidence(tag="safety net", reason="says when to come back", turn=patient.index + 1))
            if skill < 0.4:
                evidence.append(Evidence(tag="premature", reason="a diagnosis before the history was taken",
                                         turn=patient.index + 1, good=False))
    return turns, evidence


def _doctor(case: Case, exchange: int, last: int, index: int, rng: random.Random, hostile: bool) -> list[Turn]:
    asks, name = ASKS[case.language], case.diagnosis.name if case.diagnosis else "?"
    ends = exchange == last
    text = ADVICE[case.language].format(name=name) if ends else asks[(exchange - 1) % len(asks)]
    wants = (case.findings[0].name,) if case.findings and exchange == 3 and not ends else ()
    turn = Turn(
        index=index, exchange=exchange, role="doctor", text=f"{text} {HOSTILE}" if hostile else text, requests=wants,
        differential=(name,) if ends else (), usage=Usage(prompt=420 + 60 * exchange, completion=38, cached=380),
        latency=Latency(first_s=round(rng.uniform(0.1, 0.3), 2), total_s=round(rng.uniform(0.4, 0.9), 2)),
    )
    if not wants:
        return [turn]
    found = case.findings[0]
    return [turn, Turn(index=index + 1, exchange=exchange, role="examiner", text=f"{found.name}: {found.result}",
                       disclosed=(found.id,), backend="record")]
