"""The consultation machine: who speaks when, what each may know, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.protocols import DoctorReply, PatientReply
from graphs.consultation import Cast, build_consultation
from graphs.routing import stop_reason
from scenarios.errors import AgentFailure
from scenarios.schema import Turn
from tests.helpers import QuietExaminer, TalkingDoctor, TalkingPatient, small_case, start


def room(doctor: Any = None, patient: Any = None, **more: Any) -> Cast:
    return Cast(doctor or TalkingDoctor(), patient or TalkingPatient(), QuietExaminer(), **more)


async def hold(cast: Cast, **given: Any) -> tuple[Turn, ...]:
    state = await build_consultation(cast).compile().ainvoke(start(small_case(), **given), {"recursion_limit": 100})
    turns: tuple[Turn, ...] = state["turns"]
    return turns


async def test_patient_and_doctor_alternate_until_the_limit() -> None:
    turns = await hold(room(), max_turns=3)
    assert [(t.role, t.exchange, t.index) for t in turns] == [
        ("patient", 1, 0), ("doctor", 1, 1), ("patient", 2, 2), ("doctor", 2, 3), ("patient", 3, 4), ("doctor", 3, 5),
    ]
    assert stop_reason(turns, 3) == "max_turns"


async def test_the_patient_ends_the_consultation() -> None:
    patient = TalkingPatient([PatientReply("hello"), PatientReply("thank you", end="advice_given")])
    turns = await hold(room(patient=patient), max_turns=5)
    assert [t.role for t in turns] == ["patient", "doctor", "patient"]
    assert stop_reason(turns, 5) == "advice_given"


async def test_requested_examinations_are_answered_before_the_patient_speaks_again() -> None:
    doctor = TalkingDoctor([DoctorReply("Let us do an ECG.", requests=("ECG",))])
    turns = await hold(room(doctor), max_turns=2)
    assert [t.role for t in turns] == ["patient", "doctor", "examiner", "patient", "doctor"]
    assert turns[2].text == "not done: ECG"
    assert {u.role for u in doctor.seen[1].dialogue} == {"patient", "doctor", "examiner"}


async def test_an_examination_asked_for_in_the_last_exchange_is_still_answered() -> None:
    turns = await hold(room(TalkingDoctor([DoctorReply("ECG now.", requests=("ECG",))])), max_turns=1)
    assert [t.role for t in turns] == ["patient", "doctor", "examiner"]
    assert stop_reason(turns, 1) == "max_turns"


async def test_a_doctor_sees_words_and_the_intake_card_and_nothing_of_the_record() -> None:
    doctor = TalkingDoctor()
    patient = TalkingPatient([PatientReply("hello", disclosed=("onset",))])
    await hold(room(doctor, patient), max_turns=2)
    view = doctor.seen[0]
    assert [(u.role, u.text) for u in view.dialogue] == [("patient", "hello")]
    assert not hasattr(view, "case")
    assert "onset" not in repr(view) and "gastritis" not in repr(view)
    assert [v.is_last for v in doctor.seen] == [False, True]


async def test_every_turn_has_its_own_seed_and_the_same_one_every_time() -> None:
    seeds = []
    for _ in range(2):
        doctor, patient = TalkingDoctor(), TalkingPatient()
        await hold(room(doctor, patient), max_turns=4)
        seeds.append([v.seed for v in doctor.seen] + [v.seed for v in patient.seen])
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 8


async def test_a_consultation_goes_on_from_turns_already_spoken() -> None:
    whole = await hold(room(), max_turns=3)
    for cut in range(len(whole) + 1):
        rest = await hold(room(), max_turns=3, turns=whole[:cut])
        assert [t.model_dump(exclude={"latency"}) for t in rest] == [t.model_dump(exclude={"latency"}) for t in whole]


async def test_a_retryable_failure_is_tried_again_and_a_final_one_is_not() -> None:
    shaky = TalkingDoctor([AgentFailure("doctor", "empty_reply", "nothing", retryable=True)])
    assert (await hold(room(shaky, retries=1), max_turns=1))[-1].text == "doctor line 1"
    broken = TalkingDoctor([AgentFailure("doctor", "refusal", "will not")])
    with pytest.raises(AgentFailure, match="refusal"):
        await hold(room(broken, retries=3), max_turns=1)
    assert len(broken.seen) == 1


async def test_a_bug_in_a_plug_in_is_the_doctors_failure() -> None:
    with pytest.raises(AgentFailure) as caught:
        await hold(room(TalkingDoctor([KeyError("oops")])), max_turns=1)
    assert (caught.value.owner, caught.value.kind) == ("doctor", "exception")


async def test_an_empty_reply_and_a_silent_agent_are_named() -> None:
    with pytest.raises(AgentFailure, match="empty_reply"):
        await hold(room(TalkingDoctor([DoctorReply("  ")]), retries=0), max_turns=1)
    with pytest.raises(AgentFailure, match="timeout"):
        await hold(room(patient=TalkingPatient(wait_s=5), turn_timeout_s=0.05, retries=0), max_turns=1)


async def test_one_machine_serves_many_consultations_at_once() -> None:
    machine = build_consultation(room()).compile()
    cases = [small_case(f"c{i}") for i in range(20)]
    states = await asyncio.gather(*(machine.ainvoke(start(case)) for case in cases))
    assert [state["case"].id for state in states] == [case.id for case in cases]
    assert all(len(state["turns"]) == 6 for state in states)


async def test_an_endless_reply_is_cut_and_marked() -> None:
    turns = await hold(room(TalkingDoctor([DoctorReply("x" * 50_000)])), max_turns=1)
    assert (len(turns[1].text), turns[1].finish) == (20_000, "length")
