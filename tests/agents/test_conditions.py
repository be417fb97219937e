"""The shipped conditions as a specification: sound, well connected, spoken in both languages; it runs no agent."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents import acts
from agents.judges import matching
from agents.knowledge.base import KnowledgeBase, build
from agents.knowledge.inference import Evidence, posterior, ranking
from agents.knowledge.schema import ConditionWords, KnownCondition, KnownFinding, KnownTest
from scenarios.schema import Language, Sex

DATA = Path(__file__).resolve().parents[2] / "agents" / "knowledge" / "data"
LANGUAGES: tuple[Language, ...] = ("zh", "en")
ADVICE_LIMIT = {"zh": 25, "en": 16}
EXPLANATION_LIMIT = {"zh": 28, "en": 18}
SAFETY_NET_LIMIT = {"zh": 45, "en": 26}
FIRST_ADVICE = {"zh": r"^现在马上去急诊", "en": r"^go to the emergency department right away"}
OPENING = {"zh": "如果", "en": "If "}
UNSPEAKABLE = re.compile(r"[%‰/\\°℃℉<>=+~#&*_|@^()\[\]{}（）【】≥≤±→]|\d")
IDEOGRAPH = re.compile(r"[\u4e00-\u9fff]")


class NoRepeatedKeys(yaml.SafeLoader):
    """YAML as shipped, but a key given twice in one mapping is an error instead of silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = sorted({str(key) for key in keys if keys.count(key) > 1})
        if repeated:
            raise yaml.YAMLError(f"repeated keys {', '.join(repeated)}{node.start_mark}")
        return super().construct_mapping(node, deep=deep)


@cache
def read(path: Path) -> list[dict[str, Any]]:
    entries = yaml.load(path.read_text(encoding="utf-8"), Loader=NoRepeatedKeys)
    assert isinstance(entries, list), f"{path.name} is not a list"
    return entries


def condition_files() -> list[Path]:
    return sorted((DATA / "conditions").glob("*.yaml"))


@cache
def conditions() -> tuple[KnownCondition, ...]:
    return tuple(KnownCondition.model_validate(entry) for path in condition_files() for entry in read(path))


@cache
def findings() -> dict[str, KnownFinding]:
    files = sorted((DATA / "findings").glob("*.yaml"))
    known = [KnownFinding.model_validate(entry) for path in files for entry in read(path)]
    return {finding.id: finding for finding in known}


@cache
def general(finding_id: str) -> frozenset[str]:
    """Every more general finding that holds when this one does."""
    above = findings()[finding_id].implies
    return frozenset(above).union(*(general(one) for one in above))


@cache
def base() -> KnowledgeBase:
    """The conditions as the doctors use them; their tests do not matter here."""
    return build(findings().values(), [condition.model_copy(update={"tests": ()}) for condition in conditions()])


def every_text() -> list[tuple[str, Language, ConditionWords]]:
    return [(c.id, language, getattr(c, language)) for c in conditions() for language in LANGUAGES]


def length(text: str, language: Language) -> int:
    """Characters in Chinese, words in English."""
    return len(text) if language == "zh" else len(text.split())


each_text = pytest.mark.parametrize(
    ("name", "language", "words"), every_text(), ids=[f"{name}-{language}" for name, language, _ in every_text()]
)
each_condition = pytest.mark.parametrize("condition", conditions(), ids=lambda c: c.id)


@pytest.mark.parametrize("path", condition_files(), ids=lambda path: path.stem)
def test_a_file_holds_the_conditions_of_the_department_it_is_named_after(path: Path) -> None:
    assert {entry["department"] for entry in read(path)} == {path.stem}


def test_there_are_sixty_conditions_of_ten_departments_and_no_id_twice() -> None:
    names = [condition.id for condition in conditions()]
    assert len(set(names)) == len(names) >= 60
    assert len({condition.department for condition in conditions()}) >= 10


def test_no_two_conditions_share_a_name() -> None:
    for language in LANGUAGES:
        names = [getattr(condition, language).name.lower() for condition in conditions()]
        assert sorted(set(names)) == sorted(names)


@each_condition
def test_what_a_condition_refers_to_is_in_the_lexicon(condition: KnownCondition) -> None:
    tests = {KnownTest.model_validate(entry).id for entry in read(DATA / "tests.yaml")}
    assert {*condition.findings, *condition.red_flags} - findings().keys() == set()
    assert set(condition.tests) - tests == set()


@each_condition
def test_numbers_can_be_used_by_a_naive_bayes_doctor(condition: KnownCondition) -> None:
    assert 10 <= len(condition.findings) <= 20
    assert all(0 < chance <= 0.98 for chance in condition.findings.values())
    assert all(0 <= low < high <= 130 and weight > 0 for low, high, weight in condition.ages)
    assert sum(chance >= 0.5 for chance in condition.findings.values()) >= 2


def test_conditions_list_what_speaks_against_them() -> None:
    against = [c.id for c in conditions() if any(chance <= 0.1 for chance in c.findings.values())]
    assert len(against) >= 0.95 * len(conditions())


@each_condition
def test_the_textbook_presentation_is_recognised(condition: KnownCondition) -> None:
    kb = base()
    seen = Evidence(
        present=frozenset(name for name, chance in condition.findings.items() if chance >= 0.5),
        absent=frozenset(name for name, chance in condition.findings.items() if chance <= 0.08),
    )
    low, high, _ = max(condition.ages, key=lambda years: years[2])
    sex: Sex = "female" if condition.female >= 0.5 else "male"
    best = ranking(posterior(kb, seen, (low + min(high, 80)) / 2, sex))[0]
    assert kb.conditions[best].id == condition.id


@each_condition
def test_a_listed_finding_above_its_background_brings_its_general_finding(condition: KnownCondition) -> None:
    likely = {name for name, chance in condition.findings.items() if chance > 2 * findings()[name].background}
    missing = {parent for name in likely for parent in general(name)} - condition.findings.keys()
    weak = {p for p in missing if max(condition.findings[n] for n in likely if p in general(n)) >= 0.3}
    assert weak == set()


@each_condition
def test_a_condition_names_red_flags_and_tests(condition: KnownCondition) -> None:
    assert 2 <= len(condition.red_flags) <= 5
    assert len(set(condition.red_flags)) == len(condition.red_flags)
    assert condition.tests and len(set(condition.tests)) == len(condition.tests)


@each_text
def test_the_words_are_in_their_language(name: str, language: Language, words: ConditionWords) -> None:
    for text in (words.name, words.explanation, *words.advice, words.safety_net):
        assert bool(IDEOGRAPH.search(text)) == (language == "zh"), text


@each_text
def test_a_condition_has_other_names(name: str, language: Language, words: ConditionWords) -> None:
    folded = [alias.lower() for alias in words.aliases]
    assert 3 <= len(folded) == len(set(folded)) <= 10
    assert words.name.lower() not in folded


@each_text
def test_what_is_said_is_short_enough_to_say(name: str, language: Language, words: ConditionWords) -> None:
    assert length(words.explanation, language) <= EXPLANATION_LIMIT[language]
    assert length(words.safety_net, language) <= SAFETY_NET_LIMIT[language]
    assert 2 <= len(words.advice) <= 4
    assert [point for point in words.advice if length(point, language) > ADVICE_LIMIT[language]] == []


@each_text
def test_what_is_said_can_be_read_aloud(name: str, language: Language, words: ConditionWords) -> None:
    for text in (words.explanation, *words.advice, words.safety_net):
        assert not UNSPEAKABLE.search(text), text


@each_text
def test_the_safety_net_is_one_sentence_that_is_heard_as_one(
    name: str, language: Language, words: ConditionWords
) -> None:
    assert words.safety_net.startswith(OPENING[language])
    assert len(acts.sentences(words.safety_net, language)) == 1
    assert acts.safety_net(words.safety_net, language)


@each_text
def test_an_emergency_is_sent_to_emergency_care_and_a_routine_visit_is_not(
    name: str, language: Language, words: ConditionWords
) -> None:
    urgency = next(condition.urgency for condition in conditions() if condition.id == name)
    sent = any(acts.sends_to_emergency(point, language) for point in words.advice)
    if urgency == "emergency":
        assert sent and re.match(FIRST_ADVICE[language], words.advice[0], re.IGNORECASE)
    if urgency == "routine":
        assert not sent


def test_both_languages_give_much_the_same_amount_of_advice() -> None:
    for condition in conditions():
        assert abs(len(condition.zh.advice) - len(condition.en.advice)) <= 1, condition.id


def spoken(words: ConditionWords, language: Language) -> str:
    """The whole advice as a doctor says it, each line a sentence."""
    end = "。" if language == "zh" else "."
    return (end if language == "zh" else end + " ").join(words.advice) + end


@each_text
def test_the_advice_is_heard_as_advice_from_its_first_line_on(
    name: str, language: Language, words: ConditionWords
) -> None:
    assert acts.gives_advice(words.advice[0], language)
    assert acts.gives_advice(spoken(words, language), language)


@each_text
def test_urgency_and_advice_agree(name: str, language: Language, words: ConditionWords) -> None:
    urgency = next(condition.urgency for condition in conditions() if condition.id == name)
    said = spoken(words, language)
    assert acts.sends_to_emergency(said, language) == (urgency == "emergency")
    if urgency != "routine":
        assert acts.refers_urgently(said, language)


@each_text
def test_what_is_said_of_a_condition_names_no_other_condition(
    name: str, language: Language, words: ConditionWords
) -> None:
    condition = next(condition for condition in conditions() if condition.id == name)
    own = {condition.zh.name, condition.en.name}
    for text in (words.explanation, *words.advice, words.safety_net):
        named = {hit.concept for hit in matching.lexicon(None).find(matching.normalise(text))}
        assert named <= own, text


def test_no_two_conditions_share_a_name_in_any_form() -> None:
    """As the judge reads names: without plural, with 'acute' left out, and around parentheses."""
    owners: dict[tuple[str, ...], set[str]] = {}
    for name, _, words in every_text():
        for alias in (words.name, *words.aliases):
            for form in (alias, re.sub("^(?:急性|acute )", "", alias, flags=re.IGNORECASE)):
                owners.setdefault(matching.tokens(form), set()).add(name)
    assert {form: ids for form, ids in owners.items() if len(ids) > 1} == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("acute_pancreatitis", "acute_cholecystitis"),
        ("acute_myocardial_infarction", "stable_angina"),
        ("atrial_fibrillation", "panic_disorder"),
        ("colorectal_cancer", "haemorrhoids"),
        ("colorectal_cancer", "irritable_bowel_syndrome"),
        ("haemorrhoids", "irritable_bowel_syndrome"),
        ("upper_gastrointestinal_bleeding", "peptic_ulcer"),
        ("transient_ischaemic_attack", "ischaemic_stroke"),
        ("pulmonary_tuberculosis", "acute_bronchitis"),
        ("pulmonary_tuberculosis", "community_acquired_pneumonia"),
        ("acute_bronchitis", "community_acquired_pneumonia"),
        ("infectious_mononucleosis", "acute_tonsillitis"),
        ("ectopic_pregnancy", "threatened_miscarriage"),
        ("scabies", "atopic_dermatitis"),
        ("scabies", "urticaria"),
        ("scabies", "contact_dermatitis"),
        ("urticaria", "contact_dermatitis"),
        ("hyperthyroidism", "generalised_anxiety_disorder"),
        ("hyperthyroidism", "panic_disorder"),
        ("pulmonary_embolism", "community_acquired_pneumonia"),
        ("pulmonary_embolism", "panic_disorder"),
        ("pulmonary_embolism", "iron_deficiency_anaemia"),
    ],
)
def test_rivals_differ_clearly_in_two_findings(one: str, other: str) -> None:
    kb = base()
    apart = abs(kb.likelihood[kb.condition_at[one]] - kb.likelihood[kb.condition_at[other]])
    assert (apart >= 0.35).sum() >= 2


@pytest.mark.parametrize("complaint", ["itchy_skin", "abdominal_pain", "headache", "cough", "dizziness", "joint_pain"])
def test_a_common_complaint_is_led_by_conditions_that_show_it(complaint: str) -> None:
    kb = base()
    seen = Evidence(present=frozenset({complaint}), chief=frozenset({complaint}))
    patients: tuple[tuple[float, Sex], ...] = ((30.0, "female"), (65.0, "male"))
    for age, sex in patients:
        column = kb.finding_at[complaint]
        for row in ranking(posterior(kb, seen, age, sex))[:3]:
            assert kb.likelihood[row, column] >= 3 * kb.background[column], kb.conditions[row].id
