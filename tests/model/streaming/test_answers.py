"""How answers begin and end: seeds, stop texts, refusals, giving up, listeners that fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from model.errors import BadSound, ContextFull, EngineBusy, EngineClosed, SpeechLMError
from model.streaming.engine import Engine
from model.streaming.generate import generate
from model.streaming.types import Ended, Event, Message, Settings, Speech, TextPiece
from tests.model import recorded
from tests.model.streaming.running import GREEDY, TEXT, Heard, answer, ask, engine, run

HELLO = [Message("user", ("你好，doctor",))]
DRAWN = Settings(max_new_tokens=20, temperature=1.0, top_k=40, top_p=0.9, max_units=60, seed=7)


def test_a_seed_gives_the_same_answer_alone_and_among_others() -> None:
    alone, running = answer(HELLO, DRAWN).ended, engine()
    ask(running, recorded.dialogue("t1"), replace(DRAWN, seed=8))
    running.step()
    ask(running, recorded.dialogue("d1"), GREEDY)
    running.step()
    among, others = ask(running, HELLO, DRAWN), [ask(running, HELLO, replace(DRAWN, seed=seed)) for seed in range(3)]
    while not among.answer.done:
        running.step()
    assert (among.ended.text_ids, among.ended.units) == (alone.text_ids, alone.units)
    while not all(one.answer.done for one in others):
        running.step()
    running.close()
    assert len({one.ended.text_ids for one in [among, *others]}) == 4


def test_full_and_nucleus_sampling_repeat_too() -> None:
    for settings in (replace(DRAWN, top_k=0, speak=False), replace(DRAWN, top_k=0, top_p=1.0, speak=False)):
        assert answer(HELLO, settings).ended.text_ids == answer(HELLO, settings).ended.text_ids


def test_without_speech_no_unit_is_made() -> None:
    running = engine()
    heard = ask(running, HELLO, TEXT)
    run(running)
    assert heard.pieces == [] and heard.ended.units == ()
    assert running.counters.unit_ids == running.counters.unit_positions == 0


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it() -> None:
    whole = answer(recorded.dialogue("t1"), TEXT)
    stop = whole.text[9:12]
    assert len(stop) == 3 and whole.text.index(stop) == 9
    heard = answer(recorded.dialogue("t1"), replace(GREEDY, stop=("zz", stop), max_units=30))
    assert heard.text == whole.text[:9]
    assert heard.ended.finish == "stop"
    assert heard.ended.text_ids == whole.ended.text_ids[: len(heard.ended.text_ids)]
    assert 0 < len(heard.ended.text_ids) < len(whole.ended.text_ids)
    assert len(heard.ended.units) == 30


def test_max_units_bounds_the_units_and_not_the_text() -> None:
    whole = recorded.tensors()
    for bound in (0, 7, 25):
        ended = answer(recorded.dialogue("d1"), replace(GREEDY, max_units=bound)).ended
        assert list(ended.units) == whole["d1.units"].tolist()[:bound]
        assert list(ended.text_ids) == whole["d1.text_ids"].tolist()


@pytest.mark.parametrize("rounds", [0, 1, 3, 6, 40])
def test_giving_up_frees_everything_and_leaves_others_alone(rounds: int) -> None:
    running = engine()
    given_up = [ask(running, recorded.dialogue(name)) for name in ("t1", "d1")]
    staying = ask(running, recorded.dialogue("d6"), replace(GREEDY, max_units=50))
    for _ in range(rounds):
        running.step()
    for heard in given_up:
        heard.answer.cancel()
    count = [len(heard.events) for heard in given_up]
    run(running)
    for heard, before in zip(given_up, count, strict=True):
        assert heard.ended.finish == "cancelled" and heard.answer.done and len(heard.events) == before + 1
    assert list(staying.ended.units) == recorded.tensors()["d6.units"].tolist()[:50]
    counters = running.counters
    assert (counters.running, counters.waiting, counters.text_rows, counters.unit_rows) == (0, 0, 0, 0)
    assert (counters.cancelled, counters.finished) == (2, 3)


def test_what_was_given_up_is_not_computed_again_when_the_dialogue_goes_on() -> None:
    running = engine()
    heard = ask(running, HELLO, TEXT)
    for _ in range(4):
        running.step()
    heard.answer.cancel()
    run(running)
    said = [*HELLO, Message("assistant", (heard.text or "?",)), Message("user", ("wait",))]
    more = ask(running, said, TEXT)
    run(running)
    assert more.ended.usage.cached >= heard.ended.usage.prompt
    assert more.ended.text_ids == answer(said, TEXT).ended.text_ids


def test_more_answers_than_streams_wait_and_one_too_many_is_refused() -> None:
    running = engine(max_streams=2, max_waiting=2)
    heard = [ask(running, HELLO, replace(TEXT, max_new_tokens=3 + index)) for index in range(4)]
    with pytest.raises(EngineBusy, match="ask again later"):
        ask(running, HELLO, TEXT)
    running.step()
    assert (running.counters.running, running.counters.waiting) == (2, 2)
    heard[3].answer.cancel()
    run(running)
    assert [one.ended.finish for one in heard] == ["length", "length", "length", "cancelled"]
    assert heard[0].ended.text_ids == heard[2].ended.text_ids[:3]
    assert heard[2].ended.queue_s > heard[0].ended.queue_s


@pytest.mark.parametrize(
    ("messages", "settings", "error", "says"),
    [
        (HELLO, replace(TEXT, max_new_tokens=4090), ContextFull, "Drop the oldest turns"),
        ([Message("user", (Speech(np.zeros(16_000 * 31, np.float32)),))], TEXT, BadSound, "30 s"),
        ([Message("user", (Speech(np.full(9, np.nan, np.float32)),))], TEXT, BadSound, "finite"),
        (HELLO, replace(TEXT, max_new_tokens=0), SpeechLMError, "max_new_tokens"),
        (HELLO, replace(TEXT, temperature=-1.0), SpeechLMError, "temperatures"),
        (HELLO, replace(TEXT, top_p=0.0), SpeechLMError, "top_p"),
        (HELLO, replace(TEXT, max_units=-1), SpeechLMError, "max_units"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    messages: list[Message], settings: Settings, error: type[Exception], says: str
) -> None:
    running = engine()
    with pytest.raises(error, match=says):
        ask(running, messages, settings)
    assert running.step() is False and running.counters.answers == 0


def test_a_prompt_that_just_fits_is_answered_and_one_position_more_is_not() -> None:
    running = engine()
    free = 4096 - recorded.processor().prompt(HELLO).positions
    heard = ask(running, HELLO, replace(TEXT, max_new_tokens=free))
    heard.answer.cancel()
    run(running)
    with pytest.raises(ContextFull):
        ask(running, HELLO, replace(TEXT, max_new_tokens=free + 1))


def test_a_listener_that_fails_is_given_up_and_the_others_hear_all() -> None:
    running, count = engine(), []

    def failing(event: Event) -> None:
        count.append(event)
        raise RuntimeError("nobody listens")

    broken = running.submit(recorded.dialogue("t1"), GREEDY, failing)
    other = ask(running, recorded.dialogue("t1"), TEXT)
    run(running)
    assert broken.done and len(count) == 1
    assert list(other.ended.text_ids) == recorded.tensors()["t1.text_ids"].tolist()
    assert running.counters.unit_rows == running.counters.text_rows == 0


@pytest.mark.parametrize("what", [Engine.close, Engine.step])
def test_a_listener_may_close_the_engine_but_not_step_it(what: Callable[[Engine], object]) -> None:
    running, heard = engine(), Heard()

    def listener(event: Event) -> None:
        heard(event)
        if isinstance(event, TextPiece) and len(heard.events) == 1:
            what(running)

    running.submit(recorded.dialogue("d1"), TEXT, listener)
    run(running)
    if what is Engine.close:
        assert heard.ended.finish == "cancelled"
        with pytest.raises(EngineClosed, match="closed"):
            ask(running, HELLO, TEXT)
    else:
        assert len(heard.events) == 1


def test_closing_ends_all_answers_and_gives_the_memory_back() -> None:
    running = engine(max_streams=1)
    heard = [ask(running, HELLO), ask(running, HELLO)]
    for _ in range(5):
        running.step()
    running.close()
    running.close()
    assert [one.ended.finish for one in heard] == ["cancelled", "cancelled"]
    assert running.counters.cache_bytes == running.counters.kept_bytes == running.counters.running == 0
    assert running.step() is False


def test_times_and_usage_are_told() -> None:
    ended = answer(HELLO, replace(TEXT, max_new_tokens=5)).ended
    assert ended.first_text_s is not None and 0 <= ended.queue_s <= ended.first_text_s <= ended.total_s
    assert ended.first_sound_s is None and ended.error == ""
    assert isinstance(ended, Ended) and ended.usage.completion == 5


def test_generate_answers_many_dialogues_in_order() -> None:
    names = ("t1", "d1")
    dialogues, settings = [recorded.dialogue(name) for name in names], [TEXT, replace(GREEDY, max_units=9)]
    made = generate(recorded.network(), recorded.processor(), dialogues, settings)
    for name, result in zip(names, made, strict=True):
        assert list(result.text_ids) == recorded.tensors()[f"{name}.text_ids"].tolist()
        assert result.text == recorded.processor().decode(result.text_ids)
        assert result.samples is None and result.ended.finish == "stop"
    assert made[0].units == () and list(made[1].units) == recorded.tensors()["d1.units"].tolist()[:9]
