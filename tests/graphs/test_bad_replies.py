"""A malformed reply fails its own consultation by name, never the batch; what is stored can always be read back."""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocols import DoctorReply, ExaminerReply, JudgeView, PatientReply
from graphs.consultation import Cast, build_consultation
from graphs.judging import build_judging
from scenarios.schema import Consultation, Persona, Verdict
from simulator.run_one import Room, run_one
from tests.helpers import FixedJudge, QuietExaminer, TalkingDoctor, TalkingPatient, small_case, small_key

NONE: Any = None
WRONG: Any = "ECG"
BAD_DOCTORS: list[Any] = [
    DoctorReply("broken \ud800 character"), DoctorReply(NONE), DoctorReply("x", requests=WRONG), None, "just text",
    DoctorReply("x", finish="because"), DoctorReply("x", first_s=WRONG), ValueError("quotes \udfff itself"),
]


async def held(doctor: Any = None, patient: Any = None, examiner: Any = None, judge: Any = None) -> Consultation:
    cast = Cast(doctor or TalkingDoctor(), patient or TalkingPatient(), examiner or QuietExaminer(), retries=0)
    judging = build_judging({"judge": judge or FixedJudge()}, retries=0).compile()
    room = Room(build_consultation(cast).compile(), judging, Persona(), max_turns=2)
    record = await run_one(room, small_case(), small_key(), on_turn=lambda turn: None)
    assert Consultation.model_validate_json(record.model_dump_json()) == record
    return record


@pytest.mark.parametrize("reply", BAD_DOCTORS, ids=lambda reply: ascii(reply)[:40])
async def test_a_doctors_malformed_reply_is_the_doctors_failure(reply: Any) -> None:
    record = await held(doctor=TalkingDoctor([reply]))
    assert [(f.owner, f.kind in ("bad_reply", "exception")) for f in record.failures] == [("doctor", True)]
    assert record.stop_reason == "failed" and record.scored, "the doctor's own failure stays in the doctor's score"
    assert record.verdicts[0].parsed, "what was said is judged all the same"


async def test_a_patients_or_examiners_malformed_reply_is_not_held_against_the_doctor() -> None:
    class Odd(QuietExaminer):
        async def examine(self, *given: Any) -> ExaminerReply:
            return ExaminerReply("report", results=WRONG)

    wrong_end: Any = "bored"
    for record in (
        await held(patient=TalkingPatient([PatientReply("hello", end=wrong_end)])),
        await held(doctor=TalkingDoctor([DoctorReply("An ECG.", requests=("ECG",))]), examiner=Odd()),
    ):
        assert {f.kind for f in record.failures} == {"bad_reply"}
        assert not record.scored


@pytest.mark.parametrize("verdict", [None, "ten points", Verdict(judge="x").model_copy(update={"scores": {"a": "b"}}),
                                     Verdict(judge="x").model_copy(update={"metrics": {"total": float("nan")}})])
async def test_a_judges_malformed_verdict_is_counted_as_unparsed(verdict: Any) -> None:
    class Odd:
        async def judge(self, view: JudgeView) -> Verdict:
            return verdict  # type: ignore[no-any-return]

    record = await held(judge=Odd())
    assert [(v.judge, v.parsed) for v in record.verdicts] == [("judge", False)]
    assert [(f.owner, f.kind) for f in record.failures] == [("judge", "bad_reply")]
    assert record.scored
