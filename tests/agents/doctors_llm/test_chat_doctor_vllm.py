"""Chat doctors over a real vLLM server with a tiny model: the words are gibberish, everything else is real."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents import catalog
from agents.doctors.chat import ChatDoctor
from agents.doctors.prompting import doctor_messages
from graphs.consultation import Cast, build_consultation
from scenarios.errors import AgentFailure, ClinicError, UnknownName
from scenarios.schema import BackendRef, Turn
from tests.agents.doctors_llm.models import view_of
from tests.helpers import QuietExaminer, TalkingPatient, small_case, start
from tests.tiny_server import TinyServer


def doctor(server: TinyServer, **options: Any) -> ChatDoctor:
    ref = {"backend": "chat", "model": server.models[0], "base_url": server.url, "max_tokens": 32, "strip": []}
    made: ChatDoctor = catalog.create("doctor", BackendRef.model_validate(ref | options))
    return made


async def consult(asked: ChatDoctor, max_turns: int = 4) -> list[Turn]:
    room = Cast(asked, TalkingPatient(), QuietExaminer())
    state = await build_consultation(room).compile().ainvoke(start(small_case(), max_turns))
    return [turn for turn in state["turns"] if turn.role == "doctor"]


async def test_a_consultation_is_held_streamed_counted_and_taken_from_the_prefix_cache(
    tiny_server: TinyServer,
) -> None:
    asked = doctor(tiny_server)
    await asked.preflight(asked.forecast(small_case(), 4).longest)
    turns = await consult(asked)
    await asked.aclose()
    assert len(turns) == 4
    for turn in turns:
        assert turn.usage is not None and turn.usage.completion > 0
        assert 0 < turn.latency.first_s < turn.latency.total_s
    assert all(b.usage.prompt > a.usage.prompt for a, b in zip(turns, turns[1:], strict=False) if a.usage and b.usage)
    last = turns[-1].usage
    assert last is not None and last.cached > last.prompt / 2, "the prompt only grew at its end"


async def test_the_same_seed_says_the_same_in_consultations_held_side_by_side(tiny_server: TinyServer) -> None:
    asked = doctor(tiny_server, temperature=0.9)
    first, second = await asyncio.gather(consult(asked, 2), consult(asked, 2))
    await asked.aclose()
    assert [turn.text for turn in first] == [turn.text for turn in second]
    assert first[0].text != first[1].text


async def test_orders_come_back_as_data_and_reach_the_examiner(tiny_server: TinyServer) -> None:
    asked = doctor(tiny_server, ask_requests="form", max_tokens=3000, temperature=1.0)
    reply = await asked.reply(view_of("patient: My chest hurts."))
    await asked.aclose()
    assert 0 < len(reply.text) <= 700
    assert len(reply.requests) <= 3 and all(len(order) <= 40 for order in reply.requests)
    assert len(reply.differential) <= 3


@pytest.mark.parametrize("history", ["transcript", "last_only"])
async def test_every_shape_of_history_passes_a_real_chat_template(tiny_server: TinyServer, history: str) -> None:
    asked = doctor(tiny_server, history=history, system="", ask_requests="none")
    reply = await asked.reply(view_of("patient: Hello.", "doctor: Hello.", "patient: It hurts."))
    await asked.aclose()
    assert reply.text
    assert len(doctor_messages(view_of("patient: Hello."), asked._options)) == 1


async def test_a_prompt_that_is_too_long_is_the_doctors_own_failure(tiny_server: TinyServer) -> None:
    asked = doctor(tiny_server)
    with pytest.raises(AgentFailure) as failed:
        await asked.reply(view_of("patient: " + "It hurts so much. " * 4000))
    await asked.aclose()
    assert (failed.value.owner, failed.value.kind) == ("doctor", "context_overflow")


async def test_preflight_names_a_model_the_server_has_not_and_a_context_too_short(tiny_server: TinyServer) -> None:
    other = doctor(tiny_server, model="tiny-qwen")
    with pytest.raises(UnknownName, match="Did you mean 'tiny-qwen2'"):
        await other.preflight(100)
    await other.aclose()
    asked = doctor(tiny_server)
    with pytest.raises(ClinicError, match="8192"):
        await asked.preflight(9000)
    await asked.aclose()
