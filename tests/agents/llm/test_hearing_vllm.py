"""A real vLLM server: a doctor and a patient are heard while they speak, and say the same when nobody listens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents import catalog
from agents.llm.hearing import heard_by
from agents.llm.tape import on_tape
from agents.patients.llm_form import trimmed
from graphs.consultation import doctor_view, patient_view
from graphs.state import ConsultationState
from scenarios.schema import BackendRef, Case, Persona, Turn
from tests.agents.llm.setting import Ear
from tests.agents.llm.test_tape import Tape
from tests.agents.patient_cases import EN, ZH
from tests.tiny_server import TinyServer

LIMIT = 60
OPENING = {"zh": "我肚子疼。", "en": "My stomach hurts."}


def state_of(case: Case, *said: str) -> ConsultationState:
    turns = tuple(
        Turn(index=i, exchange=i // 2 + 1, role="doctor" if i % 2 else "patient", text=text)
        for i, text in enumerate(said)
    )
    return {"case": case, "persona": Persona(), "seed": 2**61 + 3, "max_turns": 6, "turns": turns}


def made(role: Any, server: TinyServer, **options: Any) -> Any:
    ref = {"model": server.models[0], "base_url": server.url, **options}
    return catalog.create(role, BackendRef.model_validate(ref))


def replies(tape: Tape) -> list[str]:
    return [reply["text"] for reply in tape.kept.values()]


@pytest.mark.parametrize("case", [ZH, EN], ids=["zh", "en"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_doctor_is_heard_word_for_word(tiny_server: TinyServer, case: Case, stream: bool) -> None:
    view = doctor_view(state_of(case, OPENING[case.language]))
    doctor = made("doctor", tiny_server, backend="chat", max_tokens=150, strip=[], stream=stream)
    ear, tape = Ear(), Tape()
    with heard_by(ear), on_tape(tape):
        reply = await doctor.reply(view)
    unheard = await doctor.reply(view)
    await doctor.aclose()
    assert ear.heard == replies(tape)
    assert ear.heard[0].strip() == reply.text
    assert unheard.text == reply.text
    assert len(ear.tries[0]) > 1, "piece by piece; a busy machine gets several at once"


@pytest.mark.parametrize("case", [ZH, EN], ids=["zh", "en"])
async def test_of_a_doctors_form_only_what_it_says_is_heard(tiny_server: TinyServer, case: Case) -> None:
    view = doctor_view(state_of(case, OPENING[case.language]))
    options = {"ask_requests": "form", "max_tokens": 3000, "temperature": 1.0, "strip": []}
    doctor = made("doctor", tiny_server, backend="chat", **options)
    ear, tape = Ear(), Tape()
    with heard_by(ear), on_tape(tape):
        reply = await doctor.reply(view)
    await doctor.aclose()
    said = json.loads(replies(tape)[-1], strict=False)["say"]
    assert ear.heard[-1] == said and said.strip() == reply.text


async def test_a_patient_is_heard_and_starts_over_when_it_is_asked_again(tiny_server: TinyServer) -> None:
    patient = made("patient", tiny_server, backend="llm", reasks=2, reply_limit=LIMIT, opening_limit=LIMIT)
    tries = []
    for case in (ZH, EN):
        for view in (patient_view(state_of(case)), patient_view(state_of(case, OPENING[case.language], "?"))):
            ear, tape = Ear(), Tape()
            with heard_by(ear), on_tape(tape):
                reply = await patient.speak(view)
            said = [json.loads(text, strict=False)["text"] for text in replies(tape)]
            assert ear.heard == said, "every try from its start"
            assert trimmed(said[-1], LIMIT, case.language) == reply.text
            tries.append(len(said))
    assert reply.text == (await patient.speak(view)).text, "the same when nobody listens"
    assert max(tries) > 1, "gibberish is asked for again"
    await patient.aclose()
