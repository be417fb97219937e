"""The embedded patient: what it tells, what it keeps, what it does not know, and how it ends."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.patients.agenda import AgendaOptions, AgendaPatient
from agents.patients.phrasing import redact, secret_names
from agents.patients.scripted import ScriptedPatient, ScriptedPatientOptions
from agents.patients.text import limit, normal, size
from agents.protocols import PatientReply, PatientView
from scenarios.schema import Case, Persona, Turn

_spec = importlib.util.spec_from_file_location("patient_cases", Path(__file__).with_name("patient_cases.py"))
assert _spec and _spec.loader
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)
EN, ZH, MOTHER, DAUGHTER = cases.EN, cases.ZH, cases.ZH_MOTHER, cases.EN_DAUGHTER


def talk(
    case: Case, *doctor: str, persona: Persona | None = None, seed: int = 1, max_turns: int = 40, consultation: int = 0
) -> list[PatientReply]:
    """Hold a consultation: the patient opens, then answers each doctor line until it ends."""
    patient, turns, replies = AgendaPatient(), [], []
    for exchange, line in enumerate([None, *doctor], start=1):
        if line is not None:
            turns.append(Turn(index=len(turns), exchange=exchange - 1, role="doctor", text=line))
        view = PatientView(case, persona or Persona(), tuple(turns), exchange, max_turns, seed + exchange, consultation)
        reply = asyncio.run(patient.speak(view))
        replies.append(reply)
        turns.append(
            Turn(index=len(turns), exchange=exchange, role="patient", text=reply.text, disclosed=reply.disclosed)
        )
        if reply.end:
            break
    return replies


def with_items(case: Case, **changes: object) -> Case:
    return Case.model_validate({**case.model_dump(), **changes})


class TestOpening:
    def test_tells_the_complaint_and_what_is_volunteered(self) -> None:
        (opening,) = talk(EN)
        assert (
            opening.text.startswith("I've had a burning pain")
            and opening.disclosed == ("queasy",)
            and opening.end is None
        )

    def test_what_did_not_fit_comes_at_the_next_turn(self) -> None:
        long = {
            "id": "story",
            "topic": "course",
            "disclosure": "volunteered",
            "text": "It " + "really " * 45 + "burns.",
        }
        more = {
            "id": "more",
            "topic": "course",
            "disclosure": "volunteered",
            "text": "My " + "very " * 20 + "old bed is hard.",
        }
        opening, answer = talk(with_items(EN, facts=[long, more]), "I see.")
        assert "more" not in opening.disclosed and "more" in answer.disclosed


class TestDisclosure:
    def test_a_specific_fact_waits_until_it_is_named(self) -> None:
        broad, named = talk(EN, "Are you taking any medicines?", "Do you take any painkillers?")[1:]
        assert broad.disclosed == ("pills",) and named.disclosed == ("ibuprofen",)

    @pytest.mark.parametrize(("case", "line"), [(EN, "Tell me more."), (ZH, "还有什么不舒服吗？")])
    def test_an_open_question_brings_at_most_max_facts_and_none_that_is_specific(self, case: Case, line: str) -> None:
        specific = {fact.id for fact in case.facts if fact.disclosure == "specific"}
        told = talk(case, *[line] * 12)
        assert all(len(reply.disclosed) <= AgendaOptions().max_facts for reply in told[1:])
        assert not specific & {i for reply in told for i in reply.disclosed}

    def test_an_absence_is_denied_by_name(self) -> None:
        assert re.search(r"\bno?t?\b.*fever", talk(EN, "Do you have a fever?")[1].text, re.I)
        assert "没" in talk(ZH, "有没有呕吐？")[1].text and "呕吐" in talk(ZH, "有没有呕吐？")[1].text

    def test_several_things_are_each_answered(self) -> None:
        reply = talk(EN, "Any fever, vomiting or night sweats?")[1]
        assert set(reply.disclosed) == {"no-fever", "no-vomit"} and "night sweats" in reply.text

    @pytest.mark.parametrize(
        "line", ["Any ringing in your ears?", "What was your blood sugar?", "Do you own a bicycle?"]
    )
    def test_what_is_not_recorded_is_neither_denied_nor_normal(self, line: str) -> None:
        for seed in range(30):
            reply = talk(EN, line, seed=seed)[1]
            assert not reply.disclosed and not re.search(r"^no\b|normal", reply.text, re.I)

    def test_relatives_and_patient_are_kept_apart(self) -> None:
        assert talk(ZH, "您有糖尿病吗？")[1].disclosed == ()
        assert talk(ZH, "家里人有糖尿病吗？")[1].disclosed == ("family",)

    def test_nothing_is_ever_said_twice_in_the_same_words(self) -> None:
        for case, line in (
            (EN, "When did this start?"),
            (ZH, "什么时候开始的？"),
            (MOTHER, "有没有耳鸣？"),
            (EN, "Do you smoke?"),
        ):
            texts = [normal(reply.text) for reply in talk(case, *[line] * 25)]
            assert len(set(texts)) == len(texts)


class TestSecrets:
    def test_the_diagnosis_is_left_out_of_facts(self) -> None:
        fact = {
            "id": "f",
            "topic": "past_history",
            "text": "My brother had a stomach ulcer, they called it peptic ulcer disease.",
        }
        reply = talk(with_items(EN, facts=[fact]), "Any past illnesses?")[1]
        assert reply.disclosed == ("f",) and "ulcer" not in reply.text

    def test_an_everyday_symptom_word_is_no_secret(self) -> None:
        case = with_items(EN, chief_complaint="I have a headache.", diagnosis={"name": "headache"})
        assert talk(case)[0].text.startswith("I have a headache") and not secret_names(case)


class TestEnd:
    def test_diagnosis_and_advice_end_it_with_thanks(self) -> None:
        last = talk(EN, "This is most likely gastritis. You should avoid ibuprofen.")[-1]
        assert last.end == "advice_given" and "than" in last.text.lower()

    def test_a_further_question_keeps_it_open(self) -> None:
        assert talk(EN, "This is most likely gastritis. You should rest. Do you smoke?")[-1].end is None

    def test_goodbye_ends_it(self) -> None:
        assert talk(ZH, "好的，再见，祝您早日康复。")[-1].end == "farewell"

    def test_when_the_critical_things_are_out_it_invites_and_ends_one_exchange_later(self) -> None:
        replies = talk(MOTHER, "什么时候咳得厉害？", "有没有发烧？", "我再想想。")
        assert "night" in replies[1].disclosed and not re.search("您看|您觉得", replies[1].text)
        assert replies[2].disclosed == ("no-fever",) and replies[2].text.endswith("？") and replies[2].end is None
        assert replies[3].end == "facts_out"

    def test_no_invitation_without_a_further_exchange(self) -> None:
        replies = talk(MOTHER, "什么时候咳得厉害？", "有没有发烧？", max_turns=3)
        assert not replies[2].text.endswith("？")


class TestCaregivers:
    def test_speak_of_the_patient_in_the_third_person(self) -> None:
        for seed in range(20):
            assert "孩子" in talk(MOTHER, "有没有发烧？", seed=seed)[1].text
            assert not re.search(
                r"\bI (have|haven't had|don't have)\b", talk(DAUGHTER, "Any fever?", seed=seed)[1].text
            )
            assert re.search(r"\b(she|her)\b", talk(DAUGHTER, "Does she have a cough?", seed=seed)[1].text, re.I)

    def test_an_unknown_sex_falls_back_to_how_the_caregiver_calls_the_patient(self) -> None:
        case = with_items(DAUGHTER, demographics={"sex": "unknown"})
        assert "my mother" in talk(case, "Any fever?")[1].text.lower()


def accuracy(case: Case, pairs: list[tuple[str, str]]) -> tuple[float, list[str]]:
    """Return the share of questions that reveal the expected item (or nothing where nothing is known)."""
    wrong = []
    opened = set(talk(case)[0].disclosed)
    for question, expected in pairs:
        reply = talk(case, question)[1]
        fine = (expected in reply.disclosed or expected in opened) if expected else not reply.disclosed
        if not fine:
            wrong.append(f"{question} -> {reply.disclosed} {reply.text}")
    return 1 - len(wrong) / len(pairs), wrong


@pytest.mark.parametrize(("case", "pairs"), [(EN, cases.EN_QUESTIONS), (ZH, cases.ZH_QUESTIONS)], ids=["en", "zh"])
def test_questions_find_their_answers(case: Case, pairs: list[tuple[str, str]]) -> None:
    share, wrong = accuracy(case, pairs)
    assert len(pairs) >= 60 and share >= 0.95, wrong


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([EN, ZH, MOTHER, DAUGHTER]), st.lists(st.text(max_size=200), max_size=4), st.integers(0, 2**63))
def test_whatever_the_doctor_says_the_rules_hold(case: Case, lines: list[str], seed: int) -> None:
    ids = {item.id for item in (*case.facts, *case.absences)}
    for reply in talk(case, *lines, seed=seed):
        assert reply.text.strip() and size(reply.text, case.language) <= limit(case.language)
        assert set(reply.disclosed) <= ids and redact(reply.text, case) == reply.text


WORDS = st.sampled_from(
    (
        "当 发烧 吗 ？ 什么 药 dyspnea Peptic ulcer disease 菌痢 how long do you have fever ? "
        "any pain and or , . {x} 您 过敏"
    ).split()
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([EN, ZH, MOTHER]),
    st.lists(st.lists(WORDS, max_size=25).map(" ".join), max_size=4),
    st.integers(0, 10**6),
)
def test_medical_word_salad_gets_no_diagnosis_out(case: Case, lines: list[str], seed: int) -> None:
    for reply in talk(case, *lines, seed=seed):
        assert size(reply.text, case.language) <= limit(case.language) and redact(reply.text, case) == reply.text


def test_very_long_facts_stay_spoken_and_count_only_when_mostly_said() -> None:
    text = ". ".join(f"On day number{n} my left knee made crackling noise{n} while climbing" for n in range(30)) + "."
    case = with_items(EN, facts=[{"id": "saga", "topic": "course", "text": text}])
    replies = talk(case, *["How has it changed over time?"] * 3)
    assert replies[1].disclosed == () and all(size(r.text, "en") <= limit("en") for r in replies)


def test_the_same_view_gives_the_same_words_and_seeds_vary_them() -> None:
    assert talk(EN, "Any cough?", seed=5) == talk(EN, "Any cough?", seed=5)
    assert len({talk(EN, "Any cough?", seed=n)[1].text for n in range(20)}) > 2


def test_a_turn_is_quick() -> None:
    talk(EN, "Any fever?")
    view = PatientView(
        EN,
        Persona(),
        (Turn(index=0, exchange=1, role="doctor", text="Any fever? Do you smoke? When did it start?"),),
        2,
        9,
        1,
    )
    patient, start = AgendaPatient(), time.process_time()

    async def many() -> None:
        for _ in range(200):
            await patient.speak(view)

    asyncio.run(many())
    assert (time.process_time() - start) / 200 < 0.003


def test_the_scripted_patient_says_its_lines_and_ends() -> None:
    fake = ScriptedPatient(ScriptedPatientOptions(lines=("a", "b"), end_after=3))
    turns: tuple[Turn, ...] = ()
    said = []
    for n in range(3):
        reply = asyncio.run(fake.speak(PatientView(EN, Persona(), turns, n + 1, 9, 0)))
        said.append((reply.text, reply.end))
        turns += (Turn(index=n, exchange=n + 1, role="patient", text=reply.text),)
    assert said == [("a", None), ("b", None), ("b", "farewell")]
