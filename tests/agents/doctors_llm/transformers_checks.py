"""Checks of the transformers doctor; run by ``test_transformers_doctor_vllm.py`` where torch is installed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import torch

from agents.doctors.sampling import Gumbel
from agents.doctors.transformers_chat import TransformersDoctor, TransformersOptions
from agents.llm.hearing import heard_by
from agents.patience import time_limit
from agents.protocols import DoctorReply
from graphs.consultation import Cast, build_consultation
from scenarios.errors import AgentFailure, InputError
from tests.agents.doctors_llm.models import view_of
from tests.agents.llm.setting import Ear
from tests.helpers import QuietExaminer, TalkingPatient, small_case, start

torch.set_num_threads(1)
MODEL = os.environ["TINY_MODEL"]
SHORT = view_of("patient: My chest hurts.")
LONG = view_of("patient: " + "My chest has been hurting since Tuesday. " * 12, exchange=1)


@asynccontextmanager
async def doctor(**options: Any) -> AsyncIterator[TransformersDoctor]:
    chosen = {"model": MODEL, "max_new_tokens": 24, "device": "cpu", "strip": [],
              "no_repeat_ngram_size": 1, **options}
    made = TransformersDoctor(TransformersOptions.model_validate(chosen))
    try:
        yield made
    finally:
        await made.aclose()


def run(check: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await check()

    asyncio.run(whole())


def test_a_consultation_is_held_and_every_reply_is_counted_and_timed() -> None:
    async def check() -> None:
        async with doctor() as asked:
            await asked.preflight(3000)
            room = Cast(asked, TalkingPatient(), QuietExaminer())
            state = await build_consultation(room).compile().ainvoke(start(small_case()))
        turns = [turn for turn in state["turns"] if turn.role == "doctor"]
        assert len(turns) == 3
        for turn in turns:
            assert turn.usage.prompt > 100 and 0 < turn.usage.completion <= 24
            assert 0 < turn.latency.first_s <= turn.latency.total_s
        assert turns[0].usage.prompt < turns[-1].usage.prompt

    run(check)


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_the_same_seed_says_the_same_alone_or_beside_others(temperature: float) -> None:
    async def check() -> None:
        async with doctor(temperature=temperature, batch_size=8, batch_wait_ms=30, top_p=0.9) as asked:
            alone = [(await asked.reply(view)).text for view in (SHORT, LONG)]
            together = await asyncio.gather(*(asked.reply(view) for view in (SHORT, LONG, SHORT, LONG)))
        assert [reply.text for reply in together] == alone * 2

    run(check)


def test_what_the_model_would_be_asked_is_told_without_loading_it_and_its_words_are_heard_at_once() -> None:
    async def check() -> None:
        ear = Ear()
        async with doctor() as asked:
            messages = asked.asks(SHORT)
            assert messages[-1]["content"].startswith("My chest hurts.") and asked._engine._model is None
            with heard_by(ear):
                reply = await asked.reply(SHORT)
        assert ear.tries == [[reply.text]]

    run(check)


def test_another_seed_says_something_else_unless_greedy() -> None:
    async def check() -> None:
        from dataclasses import replace

        other = replace(SHORT, seed=2**62 + 5)
        async with doctor(temperature=0.9) as asked:
            assert (await asked.reply(SHORT)).text != (await asked.reply(other)).text
        async with doctor(temperature=0) as asked:
            assert (await asked.reply(SHORT)).text == (await asked.reply(other)).text

    run(check)


def test_sampling_leaves_the_global_random_state_alone() -> None:
    async def check() -> None:
        before = torch.get_rng_state()
        async with doctor() as asked:
            await asked.reply(SHORT)
        assert torch.equal(before, torch.get_rng_state())

    run(check)


def test_noise_and_largest_value_draw_from_the_tempered_and_cut_distribution() -> None:
    scores = torch.log(torch.tensor([[0.5, 0.25, 0.15, 0.1]])).repeat(4_000, 1)
    for temperature, top_p, top_k in [(1.0, 1.0, 0), (2.0, 1.0, 0), (1.0, 0.7, 0), (1.0, 1.0, 3)]:
        drawn = Gumbel(torch, range(4_000), temperature, top_p, top_k)(None, scores).argmax(-1)
        wanted = (scores[0] / temperature).softmax(-1)
        kept = 2 if top_p < 1 else top_k or 4
        wanted = torch.where(torch.arange(4) < kept, wanted, 0.0)
        found = torch.bincount(drawn, minlength=4) / 4_000
        assert torch.allclose(found, wanted / wanted.sum(), atol=0.035), (temperature, top_p, top_k)


def test_requests_that_wait_are_generated_together() -> None:
    async def check() -> None:
        async with doctor(batch_size=16, batch_wait_ms=50) as asked:
            await asked.preflight(100)
            sizes: list[int] = []
            work = asked._engine.generate
            asked._batcher._work = lambda asks: (sizes.append(len(asks)), work(asks))[1]
            await asyncio.gather(*(asked.reply(SHORT) for _ in range(20)))
        assert sizes == [16, 4]

    run(check)


def test_greedy_words_are_those_of_transformers_own_greedy_search() -> None:
    async def check() -> None:
        async with doctor(temperature=0) as asked:
            said = await asked.reply(SHORT)
            model, tokenizer = asked._engine._model, asked._engine._tokenizer
            from agents.doctors.prompting import doctor_messages

            text = tokenizer.apply_chat_template(
                doctor_messages(SHORT, asked._options), tokenize=False, add_generation_prompt=True
            )
            tokens = tokenizer(text, return_tensors="pt", add_special_tokens=False)
            out = model.generate(**tokens, do_sample=False, max_new_tokens=24, no_repeat_ngram_size=1)
        new = out[0, tokens["input_ids"].shape[1] :]
        assert said.text == tokenizer.decode(new, skip_special_tokens=True).strip()

    run(check)


def test_waiting_for_ones_turn_is_not_counted_and_a_turn_given_up_ends_early() -> None:
    async def check() -> None:
        async with doctor(batch_size=1, max_new_tokens=4000, temperature=1.5) as asked:
            await asked.preflight(100)
            began = time.perf_counter()

            async def limited(seconds: float) -> DoctorReply | str:
                try:
                    async with time_limit(seconds):
                        return await asked.reply(SHORT)
                except TimeoutError:
                    return "late"

            given_up = await asyncio.gather(*(limited(0.4) for _ in range(3)))
            took = time.perf_counter() - began
        assert given_up == ["late"] * 3
        assert 1.0 < took < 6, "each had its own 0.4 s, and nothing ran on behind a turn that was given up"

    run(check)


@pytest.mark.parametrize(
    ("options", "owner", "kind"),
    [
        ({"max_context": 64}, "doctor", "context_overflow"),
        ({"chat_template": "{{ raise_exception('System role not supported') }}"}, "infrastructure", "bad_request"),
        ({"model": "/nowhere/at/all"}, "infrastructure", "model_not_loaded"),
    ],
)
def test_what_goes_wrong_has_its_owner(options: dict[str, Any], owner: str, kind: str) -> None:
    async def check() -> None:
        async with doctor(**options) as asked:
            with pytest.raises(AgentFailure) as failed:
                await asked.reply(SHORT)
        assert (failed.value.owner, failed.value.kind) == (owner, kind)

    run(check)


def test_preflight_says_what_is_wrong_before_a_run() -> None:
    async def check() -> None:
        async with doctor(max_context=500) as asked:
            with pytest.raises(InputError, match="may need 900 tokens, the model takes 500"):
                await asked.preflight(900)
        async with doctor(model="/nowhere/at/all") as asked:
            with pytest.raises(InputError, match="cannot be loaded"):
                await asked.preflight(1)

    run(check)


def test_a_stop_text_ends_the_reply_before_it() -> None:
    async def check() -> None:
        async with doctor(temperature=0) as asked:
            whole = (await asked.reply(SHORT)).text
        stop = whole[len(whole) // 2 :][:3]
        async with doctor(temperature=0, stop=[stop]) as asked:
            cut = await asked.reply(SHORT)
        assert cut.text == whole.split(stop, 1)[0].strip()
        assert cut.finish == "stop"

    run(check)
