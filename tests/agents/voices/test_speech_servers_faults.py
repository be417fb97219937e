"""Everything a speech server can do wrong: it is tried again, waited for, or named with its owner."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import numpy as np
import pytest

import agents.llm.retrying as retrying
from agents.sound.wave import Sound, silence, wav_bytes
from scenarios.errors import AgentFailure
from tests.agents.voices.speech_faults import Answer, error, speaking, tone
from tests.agents.voices.test_speech_servers import said, voice

GOOD = wav_bytes(tone("a" * 60))


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_S", 0.02)


def with_size(size: int) -> bytes:
    return GOOD[:40] + size.to_bytes(4, "little") + GOOD[44:]


def with_rate(rate_hz: int) -> bytes:
    return GOOD[:24] + rate_hz.to_bytes(4, "little") + GOOD[28:]


AGAIN = {
    "429": error(429, Retry_After="0"),
    "429 of the contract": error(429, "overloaded", Retry_After="0"),
    "500": error(500), "503 of the contract": error(503, "not_ready"),
    "reset before any sound": Answer(reset_after=0), "reset in the middle": Answer(content=GOOD, reset_after=2),
    "garbage": Answer(content=bytes(range(256)) * 40), "nothing but a header": Answer(content=GOOD[:20]),
    "JSON with 200": Answer(headers={"Content-Type": "application/json"}, content=b'{"error": {"message": "x"}}'),
    "JSON that says it is sound": Answer(headers={"Content-Type": "audio/wav"}, content=b'{"detail": "x"}'),
    "a page": Answer(headers={"Content-Type": "text/html; charset=utf-8"}, content=b"<html>gateway</html>"),
    "a header that promises more": Answer(content=with_size(len(GOOD) * 3)),
    "a header that promises less": Answer(content=with_size(10_000)),
    "half a file": Answer(content=GOOD[: len(GOOD) // 2]),
    "a rate of 0": Answer(content=with_rate(0)), "a rate of 1": Answer(content=with_rate(1)),
    "a rate of 4 GHz": Answer(content=with_rate(4_000_000_000)),
    "no samples": Answer(content=wav_bytes(Sound(np.zeros(0, np.float32), 24_000))),
    "no bytes": Answer(content=b""),
    "silence": Answer(content=wav_bytes(silence(1.0, 24_000))),
    "a failure of the model": error(422, "model_error"),
}


@pytest.mark.parametrize("name", AGAIN)
async def test_what_may_pass_is_tried_again(name: str) -> None:
    async with speaking() as server:
        server.script.append(AGAIN[name])
        spoken = await said(voice(server, send_seed=True))
    assert len(server.requests) == 2 and spoken.sound.seconds == pytest.approx(0.15)
    seeds = {request["seed"] for request in server.requests}
    other_take = name in ("no samples", "no bytes", "silence", "a failure of the model")
    assert len(seeds) == (2 if other_take else 1), "only what the model itself did wrong needs another seed"


@pytest.mark.parametrize(("name", "owner", "kind"), [
    ("429", "infrastructure", "rate_limited"), ("500", "infrastructure", "server_error"),
    ("reset in the middle", "infrastructure", "connection"), ("garbage", "infrastructure", "not_audio"),
    ("JSON with 200", "infrastructure", "not_audio"), ("a header that promises more", "infrastructure", "truncated"),
    ("no bytes", "voice", "empty_sound"), ("silence", "voice", "silent_sound"),
    ("a failure of the model", "voice", "model_error"),
])
async def test_what_does_not_pass_has_its_owner(name: str, owner: str, kind: str) -> None:
    async with speaking() as server:
        server.rule = lambda body: AGAIN[name]
        with pytest.raises(AgentFailure) as failed:
            await said(voice(server, retries=1, retakes=1))
    assert (failed.value.owner, failed.value.kind) == (owner, kind) and failed.value.message
    assert len(server.requests) == 2


@pytest.mark.parametrize(("answer", "owner", "kind"), [
    (error(401), "infrastructure", "unauthorised"), (error(400), "infrastructure", "bad_request"),
    (error(404, "unknown_model"), "infrastructure", "unknown_model"),
    (error(500, "load_failed"), "infrastructure", "load_failed"),
    (error(422, "text_too_long"), "voice", "text_too_long"),
    (error(422, "unsupported_language"), "voice", "unsupported_language"),
    (error(422, "reference_unusable"), "voice", "reference_unusable"),
    (Answer(400, content=b'{"error": "maximum context length is 2048 tokens"}'), "voice", "context_overflow"),
])
async def test_what_cannot_pass_is_asked_once(answer: Answer, owner: str, kind: str) -> None:
    async with speaking() as server:
        server.rule = lambda body: answer
        with pytest.raises(AgentFailure) as failed:
            await said(voice(server))
    assert (failed.value.owner, failed.value.kind) == (owner, kind) and len(server.requests) == 1


async def test_a_server_that_asks_for_patience_gets_it() -> None:
    async with speaking() as server:
        server.script.append(error(429, Retry_After="0.3"))
        start = time.monotonic()
        await said(voice(server))
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize("kind", ["wav", "pcm"])
async def test_a_stream_without_an_end_is_bounded(kind: str) -> None:
    async with speaking() as server:
        head = GOOD[:40] + b"\xff\xff\xff\xff" if kind == "wav" else b""
        server.rule = lambda body: Answer(content=head, for_ever=b"\1\2" * 8192)
        start = time.monotonic()
        with pytest.raises(AgentFailure) as failed:
            await said(voice(server, response_format=kind, stream=True, max_reply_bytes=500_000, retries=1))
    assert failed.value.kind == "oversized_reply" and time.monotonic() - start < 5


async def test_a_sound_far_too_long_has_failed_and_is_made_again() -> None:
    async with speaking() as server:
        server.script.append(Answer(content=wav_bytes(tone("a" * 1000))))
        assert (await said(voice(server, max_piece_s=5))).sound.seconds < 1
        server.rule = lambda body: Answer(content=wav_bytes(tone("a" * 1000))[44:])
        with pytest.raises(AgentFailure) as failed:
            await said(voice(server, max_piece_s=5, response_format="pcm", retakes=0))
    assert (failed.value.owner, failed.value.kind) == ("voice", "endless_sound")


async def test_a_server_that_falls_silent_meets_the_time_limit() -> None:
    async with speaking() as server:
        server.rule = lambda body: Answer(content=GOOD, hang_after=1)
        with pytest.raises(AgentFailure) as failed:
            await said(voice(server, timeout_s=0.2, retries=1))
    assert failed.value.kind == "timeout"


async def test_a_dead_server_is_waited_for_and_the_work_goes_on_when_it_is_back() -> None:
    async with speaking() as server:
        asked = voice(server)
        await server.stop()
        waiting = asyncio.create_task(said(asked))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await server.start()
        spoken = await asyncio.wait_for(waiting, 10)
    assert spoken.sound.seconds == pytest.approx(0.15) and len(server.requests) == 1


async def test_a_server_that_stays_dead_is_named_with_the_fix() -> None:
    async with speaking() as server:
        asked = voice(server, patience_s=0.2)
        await server.stop()
        with pytest.raises(AgentFailure, match="Start the speech server again") as failed:
            await said(asked)
        await server.start()
    assert (failed.value.owner, failed.value.kind) == ("infrastructure", "server_down")


async def test_one_lost_piece_of_a_long_text_fails_the_whole_and_stops_the_others() -> None:
    text = " ".join(f"This is sentence number {number} of a long story about a cough." for number in range(40))
    async with speaking() as server:
        def rule(body: dict[str, Any]) -> Answer:
            return error(400) if len(server.requests) == 3 else Answer(wait_s=0.05)

        server.rule = rule
        with pytest.raises(AgentFailure):
            await said(voice(server, max_concurrency=2), text)
        asked = len(server.requests)
        await asyncio.sleep(0.2)
    assert asked <= 6 and len(server.requests) == asked


async def test_what_stands_behind_the_samples_is_not_played() -> None:
    listed = b"LIST" + (26).to_bytes(4, "little") + b"INFOISFT" + (14).to_bytes(4, "little") + b"Lavf60.16.100\0"
    async with speaking() as server:
        server.script.append(Answer(content=GOOD + listed))
        spoken = await said(voice(server))
    assert len(spoken.sound.samples) == (len(GOOD) - 44) // 2


async def test_an_error_never_repeats_the_text_or_pages_of_words() -> None:
    async with speaking() as server:
        body = json.dumps({"error": {"message": "x" * 5000}}).encode()
        server.rule = lambda asked: Answer(400, content=body)
        with pytest.raises(AgentFailure) as failed:
            await said(voice(server), "My secret illness.")
    assert len(failed.value.message) < 500 and "secret" not in failed.value.message
