"""The shipped findings and tests as a lexicon: sound entries, distinct words, questions that name what they ask."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.knowledge.base import KnowledgeBase, knowledge
from agents.knowledge.lexicon import lexicon
from agents.knowledge.schema import FindingWords, KnownFinding, KnownTest
from scenarios.schema import Language

DATA = Path(__file__).resolve().parents[2] / "agents" / "knowledge" / "data"
FILES = sorted((DATA / "findings").glob("*.yaml"))
CORE = [path for path in FILES if not path.name.startswith("extra_")]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
SPOKEN_LIMIT = {"zh": 30, "en": 20}
SOMEBODY = {"zh": "孩子", "en": "your son"}
FEWEST_TERMS = 4


@cache
def read(path: Path) -> list[dict[str, Any]]:
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(entries, list), f"{path.name} is not a list"
    return entries


def findings(paths: list[Path]) -> list[KnownFinding]:
    return [KnownFinding.model_validate(entry) for path in paths for entry in read(path)]


def words(finding: KnownFinding, language: Language) -> FindingWords:
    return finding.zh if language == "zh" else finding.en


def questions(finding: KnownFinding, language: Language) -> tuple[str, str]:
    spoken = words(finding, language)
    return spoken.ask, spoken.ask_caregiver.format(patient=SOMEBODY[language])


def related(kb: KnowledgeBase, one: str, other: str) -> bool:
    return one == other or other in kb.generals[one] or one in kb.generals[other]


def same_words(term: str, language: Language) -> str:
    """The term as a hearer takes it: letter case and spacing, 痛 and 疼, articles and possessives do not tell apart."""
    if language == "zh":
        return re.sub(r"\s", "", term.lower()).replace("痛", "疼")
    said = re.findall(r"[a-z0-9']+", term.lower())
    return " ".join(word for word in said if word not in {"a", "an", "the", "my", "his", "her"})


def twice(ids: list[str]) -> list[str]:
    return sorted({i for i in ids if ids.count(i) > 1})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_finding_is_valid_and_has_enough_words_in_both_languages(path: Path) -> None:
    few = [
        f"{finding.id} ({language})"
        for finding in findings([path])
        for language in LANGUAGES
        if len(set(words(finding, language).terms)) < FEWEST_TERMS
    ]
    assert read(path), "an empty file"
    assert not few


def test_finding_ids_are_unique_over_all_files() -> None:
    assert not twice([finding.id for finding in findings(FILES)])


def test_every_implied_finding_exists_and_none_implies_itself() -> None:
    known = {finding.id for finding in findings(FILES)}
    assert not [(f.id, i) for f in findings(FILES) for i in f.implies if i not in known or i == f.id]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_question_is_one_short_spoken_question(path: Path) -> None:
    wrong = []
    for finding in findings([path]):
        for language in LANGUAGES:
            for question in questions(finding, language):
                length = len(question) if language == "zh" else len(question.split())
                if len(re.findall("[?？]", question)) != 1 or question[-1] not in "?？":
                    wrong.append(f"{finding.id}: not exactly one question: {question}")
                if length > SPOKEN_LIMIT[language]:
                    wrong.append(f"{finding.id}: {length} long: {question}")
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_questions_to_caregivers_name_the_patient_and_questions_to_patients_have_no_placeholder(path: Path) -> None:
    wrong = [
        f"{finding.id} ({language})"
        for finding in findings([path])
        for language in LANGUAGES
        if "{patient}" not in words(finding, language).ask_caregiver
        or re.search(r"[{}]", words(finding, language).ask)
        or set(re.findall(r"{(.*?)}", words(finding, language).ask_caregiver)) != {"patient"}
    ]
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_term_stands_under_two_findings_unless_one_is_the_more_general(language: Language) -> None:
    kb = knowledge()
    owners: dict[str, set[str]] = defaultdict(set)
    for finding in kb.findings:
        spoken = words(finding, language)
        for term in (spoken.name, *spoken.terms):
            owners[same_words(term, language)].add(finding.id)
    shared = [
        f"{term}: {one}, {other}"
        for term, ids in sorted(owners.items())
        for one, other in combinations(sorted(ids), 2)
        if not related(kb, one, other)
    ]
    assert not shared


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_term_states_presence_and_absence_of_one_finding(language: Language) -> None:
    both = [
        (finding.id, term)
        for finding in findings(FILES)
        for term in words(finding, language).absent_terms
        if term in words(finding, language).terms
    ]
    assert not both


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_whoever_says_a_term_is_heard_to_have_the_finding_and_nothing_unrelated(path: Path, language: Language) -> None:
    kb, wrong = knowledge(), []
    for finding in findings([path]):
        for term in words(finding, language).terms:
            heard = {mention.finding: mention.polarity for mention in lexicon().read(term, language)}
            strange = [name for name, said in heard.items() if said == "present" and not related(kb, name, finding.id)]
            if heard.get(finding.id) != "present" or any(name in core_ids() for name in strange):
                wrong.append((finding.id, term, heard))
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_whoever_says_an_absent_term_is_heard_not_to_have_the_finding(path: Path, language: Language) -> None:
    wrong = [
        (finding.id, term)
        for finding in findings([path])
        for term in words(finding, language).absent_terms
        if (finding.id, "absent") not in lexicon().read(term, language)
    ]
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_plain_no_to_a_question_denies_the_finding_it_asks_for(path: Path, language: Language) -> None:
    no = {"zh": "没有。", "en": "No."}[language]
    unheard = [
        (finding.id, question)
        for finding in findings([path])
        for question in questions(finding, language)
        if (finding.id, "absent") not in lexicon().answer(question, no, language)
    ]
    assert not unheard


@cache
def core_ids() -> frozenset[str]:
    return frozenset(finding.id for finding in findings(CORE))


def test_every_test_has_its_own_id_and_spoken_names_of_its_own() -> None:
    known = [KnownTest.model_validate(entry) for entry in read(DATA / "tests.yaml")]
    assert len(known) >= 60
    assert not twice([test.id for test in known])
    for language in LANGUAGES:
        names = [(test.zh if language == "zh" else test.en) for test in known]
        assert not twice([name.lower() for own in names for name in set(own)]), language
        assert all(len(set(own)) == len(own) and len(own) >= 2 for own in names)


@pytest.mark.parametrize(
    ("spoken", "test_id"),
    [("CRP", "crp"), ("血常规", "blood_count"), ("量血压", "blood_pressure"), ("ECG", "ecg"), ("胃镜", "gastroscopy"),
     ("Dix-Hallpike test", "dix_hallpike"), ("chest X-ray", "chest_xray"), ("腹部B超", "abdominal_ultrasound")],
)
def test_common_tests_are_known_by_the_names_doctors_say(spoken: str, test_id: str) -> None:
    known = [KnownTest.model_validate(entry) for entry in read(DATA / "tests.yaml")]
    assert [test.id for test in known if spoken in (*test.zh, *test.en)] == [test_id]
