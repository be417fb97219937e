"""Each persona axis changes what is said and never what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.fidelity import check_patient
from agents.patients.persona_effects import forgets
from agents.patients.phrasing import is_phrase
from agents.patients.retrieval import index_of
from agents.patients.text import limit, size
from scenarios.schema import Case, Persona, Turn
from tests.agents import test_agenda_patient as agenda
from tests.agents.consulting import shipped_cases

EN, ZH, MOTHER, DAUGHTER, talk = agenda.EN, agenda.ZH, agenda.MOTHER, agenda.DAUGHTER, agenda.talk
SEEDS = range(25)
AXES = {
    "plain": Persona(),
    "talkative": Persona(personality="talkative"),
    "impatient": Persona(personality="impatient"),
    "distrustful": Persona(personality="distrustful"),
    "overly_positive": Persona(personality="overly_positive"),
    "basic": Persona(language_proficiency="basic"),
    "low_recall": Persona(recall="low"),
    "confused": Persona(confusion="moderate"),
    "anxious": Persona(health_anxiety="high"),
    "everything": Persona(
        personality="talkative", language_proficiency="basic", recall="low", confusion="moderate", health_anxiety="high"
    ),
}


def test_talkative_tells_one_more_fact_and_impatient_one() -> None:
    told = {
        name: max(len(talk(EN, "Tell me more.", persona=AXES[name], consultation=n)[1].disclosed) for n in range(9))
        for name in ("plain", "talkative", "impatient")
    }
    assert told == {"plain": 2, "talkative": 3, "impatient": 1}


def test_impatient_urges_the_doctor_on() -> None:
    urged = [
        is_phrase("impatient", "en").search(talk(EN, "Any fever?", persona=AXES["impatient"], seed=s)[1].text)
        for s in SEEDS
    ]
    assert any(urged) and not all(urged)


def test_distrustful_gives_a_specific_fact_only_at_the_second_asking() -> None:
    for case, line, item in ((EN, "Do you smoke?", "cigarettes"), (ZH, "您抽烟吗？", "smoke")):
        first, second = talk(case, line, line, persona=AXES["distrustful"])[1:]
        assert first.disclosed == () and is_phrase("distrustful", case.language).search(first.text)
        assert second.disclosed == (item,)
    assert talk(EN, "How bad is it?", persona=AXES["distrustful"])[1].disclosed == ("severity",)


def test_overly_positive_plays_severity_down_without_changing_it() -> None:
    reply = talk(EN, "How bad is the pain?", persona=AXES["overly_positive"])[1]
    assert "a six" in reply.text and is_phrase("overly_positive", "en").search(reply.text)


def test_basic_language_asks_back_at_jargon_once_and_then_answers() -> None:
    for case, line, item in ((EN, "Any hematochezia or melena?", "stools"), (ZH, "有没有呕血？头晕吗？", "no-dizzy")):
        back, answer = talk(case, line, line, persona=AXES["basic"])[1:]
        assert is_phrase("jargon", case.language).search(back.text) and not back.disclosed
        assert item in answer.disclosed
        assert item in talk(case, line)[1].disclosed


def test_basic_language_speaks_in_short_sentences() -> None:
    reply = talk(ZH, "什么时候开始的？哪里疼？疼得厉害吗？一天几次？什么时候加重？怎么缓解？", persona=AXES["basic"])[1]
    plain = talk(ZH, "什么时候开始的？哪里疼？疼得厉害吗？一天几次？什么时候加重？怎么缓解？")[1]
    assert "，" in plain.text and "，" not in reply.text and size(reply.text, "zh") <= 40


def test_low_recall_forgets_some_uncritical_facts_and_never_a_critical_one() -> None:
    forgotten = set()
    for fact in EN.facts:
        lone = agenda.with_items(EN, facts=[fact.model_dump() | {"disclosure": "asked", "cues": ["zebra"]}])
        reply = talk(lone, "Tell me about the zebra?", persona=AXES["low_recall"])[1]
        if fact.id not in reply.disclosed:
            assert is_phrase("forgotten", "en").search(reply.text)
            forgotten.add(fact.id)
    assert forgotten and len(forgotten) < len(EN.facts) / 2 + 2
    assert not forgotten & EN.critical_ids


def test_low_recall_is_unsure_of_dates() -> None:
    assert is_phrase("low_recall", "en").search(talk(EN, "When did it start?", persona=AXES["low_recall"])[1].text)


def test_confusion_now_and_then_misses_a_question_but_never_two_in_a_row() -> None:
    missed = []
    for seed in SEEDS:
        replies = talk(ZH, *["头晕吗？", "抽烟吗？", "有没有呕吐？", "喝酒吗？"], persona=AXES["confused"], seed=seed)
        row = [bool(is_phrase("missed", "zh").search(reply.text)) for reply in replies]
        assert not any(a and b for a, b in zip(row, row[1:], strict=False))
        missed += row
    assert 0.05 < sum(missed) / len(missed) < 0.5


def test_anxiety_adds_a_worry() -> None:
    worried = [
        is_phrase("health_anxiety", "zh").search(talk(MOTHER, "有没有耳鸣？", persona=AXES["anxious"], seed=s)[1].text)
        for s in SEEDS
    ]
    assert any(worried) and not all(worried)
    assert not any(
        is_phrase("health_anxiety", "zh").search(talk(MOTHER, "有没有耳鸣？", seed=s)[1].text) for s in SEEDS
    )


QUESTIONS = {
    "en": [
        "When did it start? How bad is it?",
        "Any fever, chest pain or night sweats?",
        "Do you smoke or drink?",
        "Tell me more.",
        "Any allergies?",
        "Are you taking painkillers?",
        "Are you taking painkillers?",
        "Is there anything else?",
        "Any dyspnea?",
        "Okay.",
    ],
    "zh": [
        "什么时候开始的？严重吗？",
        "有没有发烧、胸痛、盗汗？",
        "抽烟喝酒吗？",
        "您再详细说说。",
        "过敏吗？",
        "吃布洛芬吗？",
        "吃布洛芬吗？",
        "还有什么不舒服吗？",
        "有咯血吗？",
        "好的。",
    ],
}


def consult(case: Case, persona: Persona, seed: int) -> tuple[Turn, ...]:
    """Return a whole transcript, without disclosed ids, as the gate sees a foreign patient."""
    lines = QUESTIONS[case.language]
    turns: list[Turn] = []
    for n, reply in enumerate(talk(case, *lines, persona=persona, seed=seed)):
        if n:
            turns.append(Turn(index=len(turns), exchange=n, role="doctor", text=lines[n - 1]))
        turns.append(Turn(index=len(turns), exchange=n + 1, role="patient", text=reply.text))
    return tuple(turns)


def test_shipped_cases_are_told_faithfully(root: Path) -> None:
    shipped = shipped_cases(root)
    assert {case.language for case in shipped} == {"zh", "en"}
    for number, case in enumerate(shipped):
        for name in ("plain", "everything", "distrustful"):
            turns = consult(case, AXES[name], number)
            assert check_patient(case, turns).breaches == (), case.id
            assert all(
                size(turn.text, case.language) <= limit(case.language) for turn in turns if turn.role == "patient"
            )


def test_low_recall_forgets_other_things_in_other_consultations() -> None:
    def forgotten(consultation: int) -> frozenset[str]:
        lost = {i.id for i in index_of(EN).items if forgets(AXES["low_recall"], consultation, i)}
        assert not lost & EN.critical_ids
        return frozenset(lost)

    assert len({forgotten(n) for n in range(10)}) > 5
    assert all(forgotten(n) == forgotten(n) for n in range(10))


def test_low_recall_says_nothing_of_what_it_forgot_when_asked_openly() -> None:
    for n in range(10):
        for reply in talk(EN, *["What else have you noticed?"] * 3, persona=AXES["low_recall"], consultation=n):
            assert not is_phrase("forgotten", "en").search(reply.text)


@pytest.mark.parametrize("persona", AXES.values(), ids=AXES.keys())
@pytest.mark.parametrize("case", [EN, ZH, MOTHER, DAUGHTER], ids=lambda case: case.id)
def test_no_persona_ever_breaks_fidelity(case: Case, persona: Persona) -> None:
    for seed in range(12):
        turns = consult(case, persona, seed * 100)
        assert check_patient(case, turns).breaches == ()
        assert not any(re.search(r"[{}]", turn.text) for turn in turns)
