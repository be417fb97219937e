"""The model patient against a real vLLM server: real schemas, real prefix cache, nonsense for words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from agents import catalog
from agents.llm.client import open_model
from agents.llm.types import Filled, Form, Message
from agents.patients.llm import LLMPatient, LLMPatientOptions
from agents.protocols import DoctorView, PatientReply
from graphs.consultation import Cast, build_consultation, intake_card
from scenarios.errors import ClinicError
from scenarios.schema import BackendRef, Case, Turn
from tests.agents.llm_patients import turn_of, view_of
from tests.agents.patient_cases import EN, ZH
from tests.helpers import start
from tests.tiny_server import TinyServer

BLOCK = 32
LINES = {
    "zh": ("什么时候开始的？", "有没有发烧？", "考虑是肠炎，多喝水，清淡饮食。"),
    "en": ("When did it start?", "Any fever?", "It is gastritis. Take omeprazole."),
}


class Listening:
    """The real model; keeps what it said."""

    def __init__(self, options: LLMPatientOptions) -> None:
        self.options = options
        self.model = open_model(options, "patient")
        self.said: list[str] = []
        self.asked: list[list[Message]] = []

    async def fill(
        self, messages: Sequence[Message], form: type[Form], *, seed: int, max_tokens: int | None = None
    ) -> Filled[Form]:
        filled = await self.model.fill(messages, form, seed=seed, max_tokens=max_tokens)
        self.asked.append(list(messages))
        self.said.append(filled.completion.text)
        return filled

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


async def talk(server: TinyServer, case: Case, **more: Any) -> tuple[list[PatientReply], Listening, LLMPatient]:
    options = LLMPatientOptions(model=server.models[0], base_url=server.url, **more)
    model = Listening(options)
    player = LLMPatient(options, model)
    await player.preflight(player.forecast(case, 4).longest)
    turns: tuple[Turn, ...] = ()
    replies: list[PatientReply] = []
    for number, line in enumerate((None, *LINES[case.language])):
        if line is not None:
            turns += (turn_of(len(turns), "doctor", line),)
        replies.append(await player.speak(view_of(case, turns, exchange=number + 1, seed=40 + number)))
        turns += (turn_of(len(turns), "patient", replies[-1].text, disclosed=replies[-1].disclosed),)
    return replies, model, player


@pytest.mark.parametrize("case", [ZH, EN], ids=["zh", "en"])
async def test_a_talk_of_four_turns_fills_valid_forms_and_hits_the_prefix_cache(
    tiny_server: TinyServer, case: Case
) -> None:
    replies, model, player = await talk(tiny_server, case, reasks=0)
    most = 100 if case.language == "zh" else 300
    ids = {item.id for item in (*case.facts, *case.absences)}
    prompts: list[int] = []
    for number, (reply, said) in enumerate(zip(replies, model.said, strict=True)):
        assert 0 < len(reply.text) <= most and set(reply.disclosed) <= ids
        assert list(json.loads(said)) == ["disclosed", "text", *(["end"] if number else [])]
        assert said.startswith('{"disclosed":[') and '],"text":"' in said, "the server writes JSON without blanks"
        assert reply.usage is not None and reply.usage.calls == 1
        if prompts:
            assert reply.usage.cached >= prompts[-1] - 2 * BLOCK, "only the new end of the prompt is computed"
        prompts.append(reply.usage.prompt)
    assert prompts == sorted(prompts)
    expected = player.forecast(case, 4)
    assert 0.5 * sum(prompts) < expected.prompt < 2 * sum(prompts) and expected.longest > prompts[-1]
    await player.aclose()


async def test_answers_that_a_real_model_gets_wrong_are_asked_for_again_within_bounds(tiny_server: TinyServer) -> None:
    replies, model, player = await talk(tiny_server, ZH, reasks=1)
    assert 4 <= len(model.asked) <= 8
    assert sum(reply.usage.calls for reply in replies if reply.usage) == len(model.asked)
    await player.aclose()


async def test_the_same_seed_gives_the_same_opening_whoever_else_is_talking(tiny_server: TinyServer) -> None:
    options = {"model": tiny_server.models[1], "base_url": tiny_server.url, "reasks": 0, "temperature": 0.0}
    player = catalog.create("patient", BackendRef(backend="llm", **options))
    views = [view_of(case, seed=7) for case in (ZH, EN, ZH)]
    first, _, last = await asyncio.gather(*(player.speak(view) for view in views))
    assert first.text == last.text
    await player.aclose()


async def test_a_context_that_is_too_short_is_told_before_the_run(tiny_server: TinyServer) -> None:
    player = LLMPatient(LLMPatientOptions(model=tiny_server.models[0], base_url=tiny_server.url))
    with pytest.raises(ClinicError, match="max_model_len"):
        await player.preflight(10_000_000)
    await player.aclose()


async def test_a_whole_consultation_runs_with_a_model_for_a_patient(tiny_server: TinyServer) -> None:
    options = {"model": tiny_server.models[0], "base_url": tiny_server.url, "reasks": 0}
    player = catalog.create("patient", BackendRef(backend="llm", **options))
    doctor = catalog.create("doctor", BackendRef(backend="history-taker"))
    examiner = catalog.create("examiner", BackendRef(backend="record"))
    machine = build_consultation(Cast(doctor=doctor, patient=player, examiner=examiner, patient_name="llm")).compile()
    turns = (await machine.ainvoke(start(ZH, max_turns=2)))["turns"]
    assert [turn.role for turn in turns[:3]] == ["patient", "doctor", "patient"]
    assert all(turn.backend == "llm" and turn.usage.prompt > 500 for turn in turns if turn.role == "patient")
    assert await doctor.reply(DoctorView("zh", intake_card(ZH), tuple(t.utterance() for t in turns[:1]), 1, 2, 1))
    await player.aclose()
