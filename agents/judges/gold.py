"""The gold record of a case as fenced lines for a judge; it knows the case, and nothing of what was said."""

from __future__ import annotations

from collections.abc import Iterable

from agents.judges.fence import Fenced, defuse, fence_lines
from agents.judges.prompts import judge_prompt
from scenarios.schema import Case, Language

ITEM_CHARACTERS = 400
MOST_NUMBERED = 60
"""Critical items beyond this many are not checked one by one."""


def critical_items(case: Case, language: Language) -> list[str]:
    """Return the texts of critical facts and absences, in the case's order; the reference judge's f1, f2, ..."""
    absent = judge_prompt(language).gold["absent"]
    facts = [fact.text for fact in case.facts if fact.critical]
    return [*facts, *(f"{absent}: {item.name}" for item in case.absences if item.critical)][:MOST_NUMBERED]


def fence_record(case: Case, language: Language, *, numbered: bool = False) -> Fenced:
    """Return what the record says: diagnosis, critical facts, red flags, treatment, then the rest.

    ``numbered``: critical items as f1, f2, ... and red flags as r1, r2, ..., to be answered one by one.
    """
    words = judge_prompt(language)
    gold = words.gold
    lines = [
        _line(gold["patient"], [_who(case, gold)]),
        _line(gold["chief_complaint"], [case.chief_complaint]),
        _line(gold["diagnosis"], [case.diagnosis.name, *case.diagnosis.aliases] if case.diagnosis else [])
        or f"{gold['diagnosis']}: {gold['unrecorded']}",
        _line(gold["differentials"], [d.name for d in case.diagnosis.differentials] if case.diagnosis else []),
        f"{gold['urgency']}: {gold[case.urgency]}",
        *_listed(gold["facts"], critical_items(case, language), "f" if numbered else ""),
        *_listed(gold["flags"], [
            f"{flag.name} ({gold['present' if flag.present else 'absent']})" for flag in case.red_flags[:MOST_NUMBERED]
        ], "r" if numbered else ""),
        _line(gold["treatment"], [advice.text for advice in case.treatment]),
        _line(gold["other_facts"], [fact.text for fact in case.facts if not fact.critical]),
        _line(gold["absences"], [item.name for item in case.absences if not item.critical]),
        _line(gold["findings"], [f"{finding.name}: {finding.result}" for finding in case.findings]),
    ]
    return fence_lines([line for line in lines if line], words.record_name, language)


def _who(case: Case, gold: dict[str, str]) -> str:
    who = case.demographics
    age = gold["years"].format(n=f"{who.age_years:g}") if who.age_years is not None else ""
    sex = gold[who.sex] if who.sex != "unknown" else ""
    return ", ".join(part for part in (age, sex, who.occupation, case.speaker.relation) if part)


def _line(head: str, items: Iterable[str]) -> str:
    told = "; ".join(defuse(item)[:ITEM_CHARACTERS] for item in items if item)
    return f"{head}: {told}" if told else ""


def _listed(head: str, items: list[str], letter: str) -> list[str]:
    if not letter:
        return [_line(head, items)]
    if not items:
        return []
    numbered = [f"{letter}{number}. {defuse(item)[:ITEM_CHARACTERS]}" for number, item in enumerate(items, 1)]
    return [f"{head}:", *numbered]
