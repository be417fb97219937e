"""The fidelity gate: each kind of breach is caught, and honest patients pass."""

from __future__ import annotations

import pytest

from agents.amounts import amounts
from agents.fidelity import check_patient
from scenarios.schema import Case, Turn
from tests.agents import test_agenda_patient as agenda

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


def test_diseases_of_relatives_in_the_record_are_no_invention() -> None:
    assert tags(ZH, "我妈有糖尿病。") == []


def test_amounts_read_digits_and_words_in_both_languages() -> None:
    assert amounts("for two weeks, 38.5 degrees", "en") == {("days", 14.0), ("degrees", 38.5)}
    assert amounts("疼了两个星期，烧到三十九度，十二天", "zh") == {("days", 14.0), ("degrees", 39.0), ("days", 12.0)}
    assert amounts("第三次问了，有一天再说一次", "zh") == set()
