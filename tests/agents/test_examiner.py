"""The examiner reports what the case records, and nothing is normal that was not done."""

from __future__ import annotations

import asyncio

import pytest

from agents.examiners.record import RecordExaminer
from agents.examiners.scripted import ScriptedExaminer, ScriptedExaminerOptions
from agents.protocols import ExaminerReply
from scenarios.schema import Case

FINDINGS = [
    {
        "id": "ecg",
        "kind": "other",
        "name": "Electrocardiogram",
        "aliases": ["ECG", "EKG", "心电图"],
        "result": "ST elevation in II, III and aVF.",
    },
    {
        "id": "cbc",
        "kind": "lab",
        "name": "Complete blood count",
        "aliases": ["CBC", "full blood count", "血常规"],
        "result": "White cells 14.2.",
    },
    {
        "id": "cxr",
        "kind": "imaging",
        "name": "Chest X-ray",
        "aliases": ["胸片", "chest radiograph"],
        "result": "Clear lungs.",
    },
    {
        "id": "abdo",
        "kind": "exam",
        "name": "Abdominal examination",
        "aliases": ["腹部触诊"],
        "result": "Soft, tender in the right lower part.",
    },
]


def case(language: str = "en") -> Case:
    return Case.model_validate(
        {
            "id": "c",
            "language": language,
            "chief_complaint": "x",
            "findings": FINDINGS,
            "provenance": {"source": "tests"},
        }
    )


def examine(*requests: str, language: str = "en") -> ExaminerReply:
    return asyncio.run(RecordExaminer().examine(case(language), requests, 0))


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("ECG", "ecg"),
        ("an electrocardiogram", "ecg"),
        ("12-lead EKG", "ecg"),
        ("心电图", "ecg"),
        ("做个心电图", "ecg"),
        ("full blood count", "cbc"),
        ("a CBC, please", "cbc"),
        ("查一下血常规", "cbc"),
        ("chest x ray", "cxr"),
        ("chest xrays", "cxr"),
        ("胸片", "cxr"),
        ("abdominal exam", "abdo"),
        ("腹部触诊", "abdo"),
        ("blood tests", "cbc"),
        ("影像学检查", "cxr"),
        ("complete blod count", "cbc"),
    ],
)
def test_a_request_finds_its_result(request_text: str, expected: str) -> None:
    reply = examine(request_text)
    assert [finding.id for finding in reply.results] == [expected] and reply.not_done == ()
    assert reply.results[0].result.rstrip(".") in reply.text


@pytest.mark.parametrize(
    "request_text",
    ["CT of the head", "troponin", "pelvic ultrasound", "头颅磁共振", "knee x-ray", "thyroid function test", "???", ""],
)
def test_what_is_not_recorded_was_not_done_and_is_never_normal(request_text: str) -> None:
    reply = examine(request_text)
    assert reply.results == () and reply.not_done == (request_text,)
    assert "not done" in reply.text and "normal" not in reply.text.lower()


def test_several_requests_are_each_reported_once_in_the_cases_language() -> None:
    reply = examine("心电图", "ECG", "头颅CT", language="zh")
    assert [finding.id for finding in reply.results] == ["ecg"] and reply.not_done == ("头颅CT",)
    assert "头颅CT：未做。" in reply.text and reply.text.count("ST elevation") == 1


def test_the_scripted_examiner_gives_its_report() -> None:
    fake = ScriptedExaminer(ScriptedExaminerOptions(text="Nothing here."))
    assert asyncio.run(fake.examine(case(), ("a", "b"), 1)) == ExaminerReply("Nothing here.", not_done=("a", "b"))
