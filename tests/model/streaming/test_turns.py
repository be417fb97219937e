"""A consultation's next turn computes only what is new, and says what it would have said from the beginning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model.streaming.types import Message, Speech
from tests.model import recorded
from tests.model.streaming.running import TEXT, answer, ask, engine, run


def spoken(seed: int, seconds: float = 1.0) -> Speech:
    noise = np.random.default_rng(seed).standard_normal(int(seconds * 16_000))
    return Speech((noise * 0.05).astype(np.float32))


def test_a_recorded_consultation_grown_turn_by_turn() -> None:
    running, whole, short = engine(), recorded.dialogue("d6"), replace(TEXT, max_new_tokens=12)
    for turns in range(1, len(whole) + 1, 2):
        before = running.counters
        heard = ask(running, whole[:turns], short)
        run(running)
        assert heard.ended.text_ids == answer(whole[:turns], short).ended.text_ids
        usage, after = heard.ended.usage, running.counters
        computed = after.text_positions - before.text_positions
        assert computed == usage.prompt - usage.cached + len(heard.ended.text_ids) - 1
        assert after.windows - before.windows == sum(isinstance(part, Speech) for part in whole[turns - 1].parts)
    assert list(heard.ended.text_ids) == recorded.tensors()["d6.text_ids"].tolist()[:12]
    assert after.cached_positions == sum([0, *[recorded_positions(whole[: turn + 1]) for turn in range(0, 10, 2)]])


def recorded_positions(messages: list[Message]) -> int:
    return recorded.processor().prompt(messages).positions


def test_the_sixth_spoken_turn_computes_a_fifth_of_the_dialogue() -> None:
    running, said = engine(), [Message("user", (spoken(0),))]
    for turn in range(1, 7):
        heard = ask(running, said, replace(TEXT, max_new_tokens=16))
        run(running)
        usage = heard.ended.usage
        said += [Message("assistant", (heard.text or "好的。",)), Message("user", (spoken(turn),))]
    assert heard.ended.text_ids == answer(said[:11], replace(TEXT, max_new_tokens=16)).ended.text_ids
    assert usage.prompt > 6 * 300 and usage.prompt >= 5 * (usage.prompt - usage.cached)
    assert running.counters.windows == 6 and running.counters.kept <= 6


def test_branches_of_a_dialogue_share_its_beginning_and_do_not_disturb_each_other() -> None:
    running, short = engine(), replace(TEXT, max_new_tokens=8)
    trunk = [Message("user", (spoken(1), "What may this be?")), Message("assistant", ("Since when?",))]
    said = ("Since Monday.", "已经三天了。", "Since Monday morning.")
    branches = [[*trunk, Message("user", (text,))] for text in said]
    ask(running, trunk[:1], short)
    run(running)
    windows = running.counters.windows
    heard = [ask(running, branch, short) for branch in branches]
    run(running)
    again = [ask(running, branch, short) for branch in branches]
    run(running)
    for one, twice, branch in zip(heard, again, branches, strict=True):
        fresh = answer(branch, short).ended
        assert one.ended.text_ids == twice.ended.text_ids == fresh.text_ids
        assert one.ended.usage.cached >= recorded_positions(trunk[:1]) and fresh.usage.cached == 0
        assert twice.ended.usage.cached == fresh.usage.prompt - 1
    assert running.counters.windows == windows == 1


def test_kept_caches_stay_within_their_bytes_and_the_least_used_go_first() -> None:
    one = recorded_positions([Message("user", ("0" * 50,))])
    running = engine(kept_bytes=3 * (one + 4) * 512)
    assert running._writer.lm.cache.position_bytes == 512
    short, cached = replace(TEXT, max_new_tokens=4), []
    for digit in "0120310":
        heard = ask(running, [Message("user", (digit * 50,))], short)
        run(running)
        cached.append(heard.ended.usage.cached == one - 1)
        assert 0 < running.counters.kept_bytes <= 3 * (one + 4) * 512 and running.counters.kept <= 3
    assert cached == [False, False, False, True, False, False, True]


def test_nothing_is_kept_where_nothing_may_be() -> None:
    running = engine(kept_bytes=0)
    for _ in range(2):
        heard = ask(running, [Message("user", ("hello",))], replace(TEXT, max_new_tokens=4))
        run(running)
        assert heard.ended.usage.cached == 0
    assert running.counters.kept_bytes == running.counters.kept == 0


def test_another_sound_is_another_prefix() -> None:
    running, short = engine(), replace(TEXT, max_new_tokens=4)
    first = ask(running, [Message("user", (spoken(1), "a"))], short)
    run(running)
    other = ask(running, [Message("user", (spoken(2), "a"))], short)
    run(running)
    assert first.ended.usage.cached == 0
    assert 0 < other.ended.usage.cached < 100
    assert other.ended.text_ids == answer([Message("user", (spoken(2), "a"))], short).ended.text_ids
