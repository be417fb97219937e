"""The shipped case library is complete, spoken, free of give-aways and medically scorable; it runs no agent."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from scenarios.schema import Case

LIBRARY = Path(__file__).resolve().parents[2] / "scenarios" / "library"
LANGUAGES = ("zh", "en")
SPOKEN_LIMITS = {"zh": {"opening": 45, "fact": 35}, "en": {"opening": 30, "fact": 24}}


@cache
def files() -> tuple[Path, ...]:
    return tuple(sorted(LIBRARY.glob("**/*.y*ml")))


@cache
def raw_cases() -> tuple[tuple[Path, dict[str, Any]], ...]:
    return tuple((path, raw) for path in files() for raw in yaml.safe_load(path.read_text(encoding="utf-8")))


@cache
def cases(language: str) -> tuple[Case, ...]:
    every = (Case.model_validate(raw) for _, raw in raw_cases())
    return tuple(case for case in every if case.language == language)


def each_case() -> list[Any]:
    return [pytest.param(path, raw, id=str(raw.get("id", path.name))) for path, raw in raw_cases()]


def spoken_length(text: str, language: str) -> int:
    return len(text) if language == "zh" else len(text.split())


def named_in(name: str, text: str) -> bool:
    """Latin names count as whole words, so that 'flu' is not found in 'fluid'."""
    pattern = rf"(?<![a-z]){re.escape(name.lower())}(?![a-z])" if name.isascii() else re.escape(name.lower())
    return re.search(pattern, text.lower()) is not None


def leaks(case: Case) -> list[str]:
    names = [] if case.diagnosis is None else [case.diagnosis.name, *case.diagnosis.aliases]
    sayable = {
        "title": case.title,
        "chief_complaint": case.chief_complaint,
        **{f.id: f.text for f in case.facts},
        **{a.id: a.name for a in case.absences},
    }
    return [f"{where}: {name}" for where, text in sayable.items() for name in names if named_in(name, text)]


per_case = pytest.mark.parametrize(("path", "raw"), each_case())


def test_every_file_is_a_list_of_cases_in_a_language_folder() -> None:
    assert files(), f"no case files under {LIBRARY}"
    for path in files():
        assert path.parent.name in LANGUAGES and path.parent.parent == LIBRARY, path
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert isinstance(content, list) and content, path


def test_ids_are_unique_over_the_whole_library() -> None:
    count = Counter(raw["id"] for _, raw in raw_cases())
    assert [case_id for case_id, times in count.items() if times > 1] == []


def test_openings_are_not_shared_between_cases() -> None:
    count = Counter(raw["chief_complaint"].strip() for _, raw in raw_cases())
    assert [text for text, times in count.items() if times > 1] == []


@per_case
def test_case_lies_where_its_language_and_department_say(path: Path, raw: dict[str, Any]) -> None:
    case = Case.model_validate(raw)
    assert path.parent.name == case.language
    assert path.stem == case.department
    assert case.id.startswith(f"{case.language}-")
    assert case.title


@per_case
def test_nothing_the_patient_can_say_names_the_diagnosis(path: Path, raw: dict[str, Any]) -> None:
    assert leaks(Case.model_validate(raw)) == []


def test_the_leak_check_finds_a_name_an_alias_and_only_whole_latin_words() -> None:
    def case(fact: str) -> Case:
        return Case.model_validate({
            "id": "x", "language": "en", "chief_complaint": "I feel ill.", "facts": [
                {"id": "f", "topic": "concern", "text": fact}],
            "diagnosis": {"name": "influenza", "aliases": ["flu", "流感"]}, "provenance": {"source": "test"},
        })

    assert leaks(case("My sister says it is the Flu.")) == ["f: flu"]
    assert leaks(case("我怕是流感")) == ["f: 流感"]
    assert leaks(case("I can keep fluids down.")) == []


@per_case
def test_openings_and_facts_are_short_enough_to_say(path: Path, raw: dict[str, Any]) -> None:
    case = Case.model_validate(raw)
    limits = SPOKEN_LIMITS[case.language]
    assert spoken_length(case.chief_complaint, case.language) <= limits["opening"]
    too_long = [f.id for f in case.facts if spoken_length(f.text, case.language) > limits["fact"]]
    assert too_long == []


@per_case
def test_history_has_enough_to_ask_for_and_knows_what_matters(path: Path, raw: dict[str, Any]) -> None:
    case = Case.model_validate(raw)
    assert 9 <= len(case.facts) <= 14
    assert 3 <= len(case.critical_ids) <= 7
    assert len({fact.disclosure for fact in case.facts}) >= 2
    assert case.absences, "important negatives are part of a history"
    assert len({fact.text for fact in case.facts}) == len(case.facts)
    assert any(fact.topic == "onset" for fact in case.facts)


@per_case
def test_what_is_absent_is_not_also_told_as_a_fact_of_the_same_topic(path: Path, raw: dict[str, Any]) -> None:
    case = Case.model_validate(raw)
    same_topic = [(a, f) for a in case.absences for f in case.facts if a.topic == f.topic]
    told = [(absence.name, fact.text) for absence, fact in same_topic if named_in(absence.name, fact.text)]
    assert told == []


@per_case
def test_findings_and_diagnosis_can_be_asked_for_and_scored(path: Path, raw: dict[str, Any]) -> None:
    case = Case.model_validate(raw)
    assert case.findings and all(finding.aliases for finding in case.findings)
    assert case.diagnosis is not None and case.diagnosis.aliases and len(case.diagnosis.differentials) >= 2
    own = {name.lower() for name in (case.diagnosis.name, *case.diagnosis.aliases)}
    others = {n.lower() for d in case.diagnosis.differentials for n in (d.name, *d.aliases)}
    assert not own & others, "a differential must not share a name with the diagnosis"


@per_case
def test_red_flags_point_at_the_right_kind_of_item(path: Path, raw: dict[str, Any]) -> None:
    case = Case.model_validate(raw)
    facts = {fact.id for fact in case.facts} | {finding.id for finding in case.findings}
    absences = {absence.id for absence in case.absences}
    assert [f.id for f in case.red_flags if f.item not in (facts if f.present else absences)] == []
    if case.urgency == "emergency":
        assert any(flag.present for flag in case.red_flags), "an emergency needs a warning sign that is there"


@per_case
def test_treatment_can_be_recognised_by_its_keywords(path: Path, raw: dict[str, Any]) -> None:
    case = Case.model_validate(raw)
    assert len(case.treatment) >= 3
    assert [point.text for point in case.treatment if len(point.keywords) < 2] == []


@per_case
def test_provenance_names_this_project(path: Path, raw: dict[str, Any]) -> None:
    case = Case.model_validate(raw)
    assert case.provenance.source == "clinic-simulator"
    assert case.provenance.licence == "Apache-2.0"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_twenty_cases(language: str) -> None:
    assert len(cases(language)) >= 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_covers_ten_departments(language: str) -> None:
    assert len({case.department for case in cases(language)}) >= 10


def test_caregivers_speak_in_at_least_four_cases() -> None:
    speaking = [case.id for language in LANGUAGES for case in cases(language) if case.speaker.kind == "caregiver"]
    assert len(speaking) >= 4


def test_at_least_six_cases_are_emergencies() -> None:
    urgent = [case.id for language in LANGUAGES for case in cases(language) if case.urgency == "emergency"]
    assert len(urgent) >= 6
