"""The fidelity gate: each kind of breach is caught, and honest patients pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from agents.amounts import amounts
from agents.fidelity import check_patient
from scenarios.importers import import_cases
from scenarios.schema import Case, Turn
from tests.agents import consulting
from tests.agents import test_agenda_patient as agenda
from tests.agents.consulting import shipped_cases

EN, ZH, MOTHER = agenda.EN, agenda.ZH, agenda.MOTHER


def tags(case: Case, *lines: str) -> list[str]:
    """Return breach tags of a transcript that starts with the patient and alternates; ``x:`` marks the examiner."""
    turns, role = [], "patient"
    for line in lines:
        speaker = "examiner" if line.startswith("x:") else role
        turns.append(Turn(index=len(turns), exchange=1 + len(turns) // 2, role=speaker, text=line.removeprefix("x:")))
        if speaker == role:
            role = "doctor" if role == "patient" else "patient"
    return [breach.tag for breach in check_patient(case, tuple(turns)).breaches]


@pytest.mark.parametrize(
    ("case", "line", "tag"),
    [
        (EN, "I think it is a stomach ulcer.", "leaked-diagnosis"),
        (ZH, "我是不是得了菌痢？", "leaked-diagnosis"),
        (EN, "I also have a bad cough.", "made-up"),
        (ZH, "我还咳嗽得厉害。", "made-up"),
        (EN, "I take warfarin every day.", "made-up"),
        (EN, "It started eleven months ago.", "made-up"),
        (ZH, "已经疼了八个月了。", "made-up"),
        (ZH, "昨晚烧到四十一度。", "made-up"),
        (EN, "I have diabetes.", "contradiction"),
        (ZH, "我吐了。", "contradiction"),
        (EN, "I have a high fever.", "contradiction"),
        (ZH, "我有高血压。", "contradiction"),
        (EN, "How long have you had this pain?", "role-flip"),
        (EN, "You should rest and drink plenty of water.", "role-flip"),
        (EN, "I recommend you take an antacid.", "role-flip"),
        (ZH, "建议您多喝水。", "role-flip"),
        (ZH, "您哪里不舒服？", "role-flip"),
        (ZH, "您有没有发烧？", "role-flip"),
        (ZH, "初步考虑是肠胃问题。", "role-flip"),
        (EN, "我肚子疼，还拉肚子，很难受。", "wrong-language"),
        (ZH, "My belly hurts and I feel queasy all day.", "wrong-language"),
    ],
)
def test_each_breach_is_caught_and_cited(case: Case, line: str, tag: str) -> None:
    opening = case.chief_complaint
    question = "好的，请继续。" if case.language == "zh" else "Please go on."
    assert tag in tags(case, opening, question, line)
    turns = (Turn(index=0, exchange=1, role="patient", text=line),)
    breach = next(b for b in check_patient(case, turns).breaches if b.tag == tag)
    assert breach.turn == 0 and not breach.good


def test_the_same_sentence_twice_is_caught_but_short_words_may_return() -> None:
    assert tags(
        EN, "It gnaws, as if I had swallowed a hot coal.", "And?", "It gnaws, as if I had swallowed a hot coal."
    ) == ["repetition"]
    assert tags(EN, "Yes.", "Please go on.", "Yes.") == []


@pytest.mark.parametrize(
    ("case", "question", "answer", "expected"),
    [
        (EN, "Do you have a cough?", "Yes.", ["made-up"]),
        (EN, "Do you have a fever?", "Yes.", ["contradiction"]),
        (EN, "Do you feel queasy?", "Yes.", []),
        (ZH, "有没有咳嗽？", "有。", ["made-up"]),
        (ZH, "恶心吗？", "有。", []),
    ],
)
def test_a_bare_yes_claims_what_was_asked(case: Case, question: str, answer: str, expected: list[str]) -> None:
    assert tags(case, case.chief_complaint, question, answer) == expected


@pytest.mark.parametrize(
    ("case", "lines"),
    [
        (EN, ["My belly has been burning for about three weeks.", "Any cough?", "No, no cough that I noticed."]),
        (
            EN,
            [
                "My tummy burns.",
                "Do you have diabetes?",
                "I don't think I have diabetes, and I'm worried it could be cancer.",
            ],
        ),
        (
            EN,
            [
                "My tummy burns.",
                "I think you have an ulcer. Take omeprazole for 14 days.",
                "So I take omeprazole for two weeks? Thank you.",
            ],
        ),
        (EN, ["My tummy burns.", "I'd call this peptic ulcer disease.", "What is peptic ulcer disease, doctor?"]),
        (
            EN,
            ["My tummy burns.", "I'll do an ECG.", "x:ECG: irregular heartbeat.", "So I have an irregular heartbeat?"],
        ),
        (ZH, ["我肚子疼，拉肚子。", "咳嗽吗？", "没有咳嗽，也没有胸痛。"]),
        (ZH, ["我肚子疼，拉肚子。", "多久了？", "两天前的晚上开始的，会不会是癌症啊？"]),
        (ZH, ["我肚子疼，早上恶心。", "考虑是痢疾，建议口服抗生素三天。", "好的，抗生素吃三天，谢谢医生。"]),
    ],
)
def test_honest_patients_pass(case: Case, lines: list[str]) -> None:
    assert tags(case, *lines) == []


def listing(*names: str) -> Case:
    return agenda.with_items(
        EN, absences=[{"id": f"a{n}", "name": name} for n, name in enumerate(names)], diagnosis={"name": "zoster"}
    )


JOINED = [
    "No, I don't have blood in the stool or black stools, weight loss or change in bowel habit.",
    "No, I haven't had any cough, fever, night sweats, or pain in the chest.",
    "No fever, no cough, nothing like that, chills or a rash included.",
    "I haven't noticed any weight loss, rash that comes and goes, or swelling of the ankles, doctor.",
]


@pytest.mark.parametrize("line", JOINED)
def test_a_denial_goes_on_through_its_whole_list(line: str) -> None:
    case = listing("weight loss", "cough", "fever", "night sweats", "chest pain", "chills", "rash", "swollen ankles")
    assert tags(case, case.chief_complaint, "Anything of that kind?", line) == []


@pytest.mark.parametrize(
    "line",
    [
        "No fever, but I have a cough.",
        "I have no fever, I do have a cough though.",
        "No fever, and I've lost weight, and it shows.",
        "No fever, my cough is bad.",
        "No cough, there is weight loss.",
    ],
)
def test_a_claim_after_a_denial_is_still_a_claim(line: str) -> None:
    case = listing("weight loss", "cough", "fever")
    assert "contradiction" in tags(case, case.chief_complaint, "Anything of that kind?", line)


def test_an_abbreviation_is_not_its_everyday_word() -> None:
    case = agenda.with_items(EN, diagnosis={"name": "acute lymphoblastic leukaemia", "aliases": ["ALL"]})
    assert tags(case, "That is all I know.") == [] and tags(case, "They told me it is ALL.") == ["leaked-diagnosis"]


def test_no_false_alarm_on_whole_consultations(root: Path) -> None:
    for doctor in ("history-taker", "checklist", "one-shot"):
        found = breaches(doctor, shipped_cases(root))
        assert found == [], found[:5]


def test_no_false_alarm_on_imported_cases(shared_data: Path) -> None:
    records = shared_data / "agentclinic" / "agentclinic_medqa.jsonl"
    if not records.is_file():
        pytest.skip("the AgentClinic records are not among the datasets")
    cases = import_cases("agentclinic", records, on_error="skip").cases
    assert len(cases) > 50
    found = breaches("history-taker", cases)
    assert found == [], found[:5]


def breaches(doctor: str, cases: Iterable[Case]) -> list[str]:
    """Return the breaches of the embedded patient: every case meets every persona in turn, one trial after another."""
    agent, found = consulting.new("doctor", doctor), []
    for number, case in enumerate(cases):
        for trial in range(3):
            name = sorted(consulting.PERSONAS)[(3 * number + trial) % len(consulting.PERSONAS)]
            turns = asyncio.run(consulting.consult(agent, case, consulting.PERSONAS[name], trial))
            found += [f"{case.id} {name} {trial}: {b.reason}" for b in check_patient(case, turns).breaches]
    return found


def test_diseases_of_relatives_in_the_record_are_no_invention() -> None:
    assert tags(ZH, "我妈有糖尿病。") == []


def test_amounts_read_digits_and_words_in_both_languages() -> None:
    assert amounts("for two weeks, 38.5 degrees", "en") == {("days", 14.0), ("degrees", 38.5)}
    assert amounts("疼了两个星期，烧到三十九度，十二天", "zh") == {("days", 14.0), ("degrees", 39.0), ("days", 12.0)}
    assert amounts("第三次问了，有一天再说一次", "zh") == set()
