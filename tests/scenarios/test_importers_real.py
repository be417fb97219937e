"""Of the published datasets every record becomes a case or a named skip, and no case gives itself away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scenarios.importers import ImportResult, import_cases
from scenarios.schema import Case

SOURCES = {
    "agentclinic": ("agentclinic/agentclinic_medqa.jsonl", 107, 107),
    "mediq": ("mediq_craft_md/all_craft_md.jsonl", 140, 140),
    "cmtmedqa": ("cmtmedqa/CMtMedQA_test_first300.json", 300, 260),
    "primock57": ("primock57", 57, 57),
}


def named_in(name: str, text: str) -> bool:
    """Latin names count as whole words, so that 'flu' is not found in 'fluid'."""
    pattern = rf"(?<![a-z]){re.escape(name.lower())}(?![a-z])" if name.isascii() else re.escape(name.lower())
    return re.search(pattern, text.lower()) is not None


@pytest.fixture(scope="module", params=sorted(SOURCES))
def imported(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, ImportResult]:
    return request.param, import_cases(request.param, shared_data / SOURCES[request.param][0], on_error="skip")


def test_every_record_is_a_case_or_a_named_skip(imported: tuple[str, ImportResult]) -> None:
    format, result = imported
    _, records, at_least = SOURCES[format]
    assert len(result.cases) + len(result.skipped) == records
    assert len(result.cases) >= at_least
    assert all(skip.record and skip.reason for skip in result.skipped)
    assert len({case.id for case in result.cases}) == len(result.cases)


def test_cases_are_valid_and_of_spoken_length(imported: tuple[str, ImportResult]) -> None:
    for case in imported[1].cases:
        assert Case.model_validate(case.model_dump()) == case
        assert 1 <= len(case.facts) <= 16
        fact_limit, opening_limit = (60, 45) if case.language == "zh" else (40, 30)
        size = len if case.language == "zh" else lambda text: len(text.split())
        assert size(case.chief_complaint) <= opening_limit, case.chief_complaint
        for fact in case.facts:
            assert size(fact.text) <= fact_limit, fact.text


def test_nothing_the_patient_says_names_the_diagnosis(imported: tuple[str, ImportResult]) -> None:
    for case in imported[1].cases:
        if case.diagnosis is None:
            continue
        names = [case.diagnosis.name, *case.diagnosis.aliases]
        said = [case.title, case.chief_complaint, *(f.text for f in case.facts), *(a.name for a in case.absences)]
        leaks = [text for text in said for name in names if named_in(name, text)]
        assert not leaks, (case.id, leaks)


def test_agentclinic_cases_have_critical_items_and_speakers(shared_data: Path) -> None:
    cases = import_cases("agentclinic", shared_data / SOURCES["agentclinic"][0]).cases
    enough = sum(len(case.critical_ids) >= 3 for case in cases)
    assert enough >= 0.95 * len(cases)
    assert all(case.diagnosis and case.findings for case in cases)
    for case in cases:
        young = case.demographics.age_years is not None and case.demographics.age_years < 12
        assert not young or case.speaker.kind == "caregiver", case.id
        if case.speaker.kind == "self":
            assert not [f.text for f in case.facts if f.text.lower().startswith(("the patient", "he ", "she "))], (
                case.id
            )


def test_importing_twice_gives_the_same(shared_data: Path) -> None:
    path = shared_data / SOURCES["primock57"][0]
    assert import_cases("primock57", path, limit=5) == import_cases("primock57", path, limit=5)
