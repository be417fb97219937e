"""Writes a case out as the record that a model patient plays from; diagnosis and findings stay out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from agents.patients.llm_words import one_line, words
from agents.patients.persona_effects import forgets
from agents.patients.phrasing import redact, secret_names
from agents.patients.retrieval import index_of
from scenarios.schema import Absence, Case, Fact, Persona

Profile = Literal["case", "meddg", "aihospital"]
_BABY_YEARS = 2.0
_SOURCES: Mapping[str, Profile] = {"meddg": "meddg", "aihospital": "aihospital"}


@dataclass(frozen=True)
class Record:
    """A case as its patient knows it.

    ``labels``: what the model calls an item -> the item's id. They are the same, unless the id would name the
    diagnosis. What low recall has forgotten has no label and stands nowhere.
    """

    text: str
    labels: Mapping[str, str]

    def label(self, item: str) -> str:
        """Return what the model calls the item with this id."""
        return next((label for label, own in self.labels.items() if own == item), item)


def profile_of(case: Case) -> Profile:
    """Return the profile that suits where the case comes from."""
    source = "".join(case.provenance.source.lower().split())
    return _SOURCES.get(source, "case")


def forgotten(case: Case, persona: Persona, consultation_seed: int) -> frozenset[str]:
    """Return the ids that a patient of low recall has forgotten, the same ones all through a consultation."""
    if persona.recall != "low":
        return frozenset()
    return frozenset(i.id for i in index_of(case).items if forgets(persona, consultation_seed, i))


@lru_cache(maxsize=1024)
def record_of(case: Case, profile: Profile, gone: frozenset[str]) -> Record:
    """Return the record without the items in ``gone``.

    Every remaining fact and absence stands in it once, worded as in the case with the diagnosis blanked out, each
    fact with its disclosure level.
    """
    facts = [fact for fact in case.facts if fact.id not in gone]
    labels = _labels(case, [*facts, *case.absences])
    names = {item: label for label, item in labels.items()}
    table, own = words(case.language), words(case.language)["profiles"][profile]
    lines = [f"# {table['identity_title']}", who(case), "", f"# {own['title']}", own["intro"]]
    lines += [table["complaint"].format(text=_told(case.chief_complaint, case)), "", f"## {own['facts_title']}"]
    lines += _by_section(case, facts, names) if profile == "aihospital" else _facts(case, facts, names)
    lines += ["", f"## {table['absences_title']}"]
    lines += [table["absence"].format(label=names[a.id], text=_told(a.name, case)) for a in case.absences] or [
        table["nothing"]
    ]
    if missing := _unrecorded(case):
        lines += ["", table["unrecorded"].format(topics=table["comma"].join(missing))]
    return Record("\n".join(lines), labels)


def who(case: Case) -> str:
    """Return who speaks and about whom, in the case's language."""
    table, person, speaker = words(case.language), case.demographics, case.speaker
    parts = [_age(person.age_years, table), str(table["sex"][person.sex])]
    if person.occupation.strip():
        parts.append(table["occupation"].format(job=_told(person.occupation, case)))
    about = table["comma"].join(parts)
    if speaker.kind == "self":
        return str(table["who_self"].format(who=about))
    patient, relation = one_line(speaker.calls_patient), one_line(speaker.relation)
    return str(table["who_caregiver"].format(who=about, patient=patient, relation=relation))


def _age(years: float | None, table: Mapping[str, Any]) -> str:
    if years is None:
        return str(table["age_unknown"])
    if years < _BABY_YEARS:
        return str(table["age_months"].format(age=round(years * 12)))
    return str(table["age_years"].format(age=int(years)))


def _labels(case: Case, items: Iterable[Fact | Absence]) -> dict[str, str]:
    secrets = secret_names(case)
    found: dict[str, str] = {}
    for number, item in enumerate(items, 1):
        spoken = item.id.replace("-", " ").replace("_", " ").replace(".", " ")
        tells = any(pattern.search(text) for pattern in secrets for text in (item.id, spoken))
        found[f"item-{number}" if tells else item.id] = item.id
    return found


def _told(text: str, case: Case) -> str:
    return one_line(redact(text, case))


def _facts(case: Case, facts: Iterable[Fact], names: Mapping[str, str]) -> list[str]:
    table = words(case.language)
    return [
        table["item"].format(label=names[f.id], level=table["levels"][f.disclosure], text=_told(f.text, case))
        for f in facts
    ] or [table["nothing"]]


def _by_section(case: Case, facts: list[Fact], names: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for section in words(case.language)["sections"]:
        inside = [fact for fact in facts if fact.topic in section["topics"]]
        if inside:
            lines += [f"### {section['title']}", *_facts(case, inside, names)]
    return lines or _facts(case, [], names)


def _unrecorded(case: Case) -> list[str]:
    """Return the names of the history topics of which the case says neither yes nor no."""
    known = {fact.topic for fact in case.facts} | {absence.topic for absence in case.absences}
    if case.demographics.sex == "male":
        known.add("reproductive")
    return [str(name) for topic, name in words(case.language)["topics"].items() if topic not in known]
