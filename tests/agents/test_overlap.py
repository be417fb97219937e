"""The form's counting rule: lists of any length, age and sex, the complaint, and what was denied."""

from __future__ import annotations

import pytest

from agents.knowledge.base import KnowledgeBase, build, knowledge
from agents.knowledge.inference import Evidence
from agents.knowledge.overlap import best_match
from scenarios.schema import Sex


@pytest.fixture(scope="module")
def kb() -> KnowledgeBase:
    return knowledge()


def formed(kb: KnowledgeBase, present: list[str], age: float, sex: Sex, **more: frozenset[str]) -> str:
    return best_match(kb, Evidence(frozenset(present), **more), age, sex).id


def test_the_form_matches_lists_of_any_length_and_minds_age_and_sex(kb: KnowledgeBase) -> None:
    usual = [name for name, chance in kb.conditions[kb.condition_at["scabies"]].findings.items() if chance >= 0.4]
    assert formed(kb, usual, 30, "male") == "scabies"
    male = formed(kb, ["weak_stream", "nocturia", "incomplete_emptying"], 68, "male")
    assert male == "benign_prostatic_hyperplasia" != formed(kb, ["weak_stream", "nocturia"], 68, "female")


def test_the_form_counts_the_complaint_more_and_a_usual_finding_denied_against(kb: KnowledgeBase) -> None:
    shared = {"tests": (), "weight": 1.0, "female": 0.5}
    lists = ({"cough": 0.6}, {"rash": 0.6}, {"cough": 0.6, "fever": 0.6, "rash": 0.6})
    causes = [
        kb.conditions[0].model_copy(update={"id": name, "findings": listed, "red_flags": (), **shared})
        for name, listed in zip("abc", lists, strict=True)
    ]
    small = build(kb.findings, causes, kb.tests)
    age = kb.conditions[0].ages[0][0]
    told = ["cough", "rash"]
    assert formed(small, told, age, "unknown", chief=frozenset({"cough"})) == "a"
    assert formed(small, told, age, "unknown", chief=frozenset({"rash"})) == "b"
    assert formed(small, told, age, "unknown") == "c"
    assert formed(small, told, age, "unknown", absent=frozenset({"fever"})) == "a"
