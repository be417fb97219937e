"""Doctors with a voice of their own: sound of chat completions, whole and in pieces, kept beside the run."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.doctors.audio_chat import AudioChatDoctor, AudioChatOptions
from agents.llm.tape import on_tape
from agents.protocols import DoctorReply
from agents.sound.shelf import SoundShelf, shelved
from agents.sound.wave import Sound, resampled, wav_bytes
from scenarios.errors import AgentFailure
from simulator.tape import RunTape
from tests.agents.doctors_llm.models import view_of
from tests.fault_server import Answer, FaultServer

TONE = Sound(np.sin(np.arange(12_000) / 20).astype(np.float32) * 0.5, 24_000)
"""Half a second."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def whole(*choices: dict[str, Any]) -> Answer:
    listed = [{"index": n, "message": message, "finish_reason": "stop"} for n, message in enumerate(choices)]
    return Answer(raw=json.dumps({"choices": listed, "usage": {"prompt_tokens": 5, "completion_tokens": 2}}).encode())


def streamed(*events: dict[str, Any]) -> Answer:
    lines = [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"]
    return Answer(raw="".join(lines).encode(), headers={"Content-Type": "text/event-stream"})


def delta(**said: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": None}]}


async def reply(server: FaultServer, answer: Answer, *, speak: bool = True, **options: Any) -> DoctorReply:
    server.script.append(answer)
    made = AudioChatOptions.model_validate(
        {"model": "good", "base_url": server.url, "speak": True, "retries": 0, "rereads": 0, **options}
    )
    doctor = AudioChatDoctor(made)
    try:
        return await doctor.reply(dataclasses.replace(view_of("patient: Hello."), speak=speak))
    finally:
        await doctor.aclose()


def is_the_tone(sound: Sound | None) -> bool:
    return sound is not None and sound.rate_hz == 24_000 and len(sound.samples) == 12_000 and bool(
        np.abs(sound.samples - TONE.samples).max() < 1e-4
    )


async def test_openais_message_audio_is_heard_and_its_transcript_read(server: FaultServer) -> None:
    audio = {"id": "audio_1", "data": encoded(wav_bytes(TONE)), "transcript": "Since when?", "expires_at": 1}
    said = await reply(server, whole({"role": "assistant", "content": None, "audio": audio}), voice="alloy")
    assert said.text == "Since when?" and is_the_tone(said.sound)
    asked = server.requests[0]
    assert (asked["modalities"], asked["audio"]) == (["text", "audio"], {"format": "wav", "voice": "alloy"})
    assert "stream" not in asked, "many servers speak only whole replies"


async def test_vllm_omnis_second_choice_holds_the_sound_and_any_rate_becomes_24_khz(server: FaultServer) -> None:
    sound = wav_bytes(resampled(TONE, 16_000))
    said = await reply(server, whole(
        {"role": "assistant", "content": "Since when?"},
        {"role": "assistant", "content": None, "audio": {"id": "a", "data": encoded(sound), "transcript": ""}},
    ))
    assert said.text == "Since when?" and said.sound is not None
    assert (said.sound.rate_hz, round(said.sound.seconds, 2)) == (24_000, 0.5)


@pytest.mark.parametrize("size", [8_000, 8_001])
async def test_openais_pieces_are_samples_without_a_header(server: FaultServer, size: int) -> None:
    pcm = wav_bytes(TONE)[44:]
    text = encoded(pcm)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    said = await reply(server, streamed(
        delta(audio={"id": "a"}), delta(audio={"transcript": "Since "}), delta(audio={"transcript": "when?"}),
        *(delta(audio={"data": piece}) for piece in pieces), delta(audio={"expires_at": 1}),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ), speak_stream=True)
    assert said.text == "Since when?" and is_the_tone(said.sound)
    assert said.first_audio_s is not None and said.first_s is not None and said.first_s <= said.first_audio_s
    assert server.requests[0]["audio"]["format"] == "pcm16" and server.requests[0]["stream"]


async def test_vllm_omnis_pieces_are_files_in_events_of_their_own(server: FaultServer) -> None:
    halves = [wav_bytes(Sound(part, 24_000)) for part in np.split(TONE.samples, 2)]
    said = await reply(server, streamed(
        {"modality": "text", **delta(content="Since when?")},
        *({"modality": "audio", **delta(content=encoded(half))} for half in halves),
    ), speak_stream=True, audio_format="wav")
    assert said.text == "Since when?" and is_the_tone(said.sound)


async def test_nobody_is_asked_to_speak_where_nobody_listens(server: FaultServer) -> None:
    said = await reply(server, Answer(text="Since when?"), speak=False)
    assert said.text == "Since when?" and said.sound is None
    assert "modalities" not in server.requests[0]


@pytest.mark.parametrize(("audio", "options", "message"), [
    (None, {}, "only wrote"),
    ("%%%", {}, "not base64"),
    (encoded(b"no sound file at all"), {}, "cannot be read as sound"),
    (encoded(wav_bytes(Sound(TONE.samples[:0], 24_000))), {}, "holds no sound"),
    (encoded(wav_bytes(TONE)), {"max_spoken_s": 0.4}, "at most 0.4 s"),
])
async def test_sound_that_cannot_be_used_is_the_doctors_failure(
    server: FaultServer, audio: str | None, options: dict[str, Any], message: str
) -> None:
    spoken = {"audio": {"data": audio, "transcript": "x"}} if audio else {}
    with pytest.raises(AgentFailure, match=message) as failed:
        await reply(server, whole({"role": "assistant", "content": "Since when?", **spoken}), **options)
    assert (failed.value.owner, failed.value.kind) == ("doctor", "bad_audio")


async def test_a_reply_may_be_longer_by_its_sound_and_not_by_more(server: FaultServer) -> None:
    audio = {"data": encoded(wav_bytes(TONE)), "transcript": "Since when?"}
    answer = whole({"role": "assistant", "content": None, "audio": audio})
    assert (await reply(server, answer, max_reply_bytes=1_000)).sound is not None
    with pytest.raises(AgentFailure) as failed:
        await reply(server, answer, max_reply_bytes=1_000, max_spoken_s=0.1)
    assert failed.value.kind == "oversized_reply"


async def test_the_tape_keeps_where_the_sound_is_and_a_replay_hears_the_same(
    server: FaultServer, tmp_path: Path
) -> None:
    for folder in ("run", "again", "last"):
        (tmp_path / folder).mkdir()
    (tmp_path / "run" / "run.json").write_text('{"format": 1, "identity": {}}', encoding="utf-8")
    tape, shelf = RunTape(tmp_path / "run"), SoundShelf(tmp_path / "run")
    answer = whole({"role": "assistant", "content": None, "audio": {
        "data": encoded(wav_bytes(TONE)), "transcript": "Since when?"}})
    with on_tape(tape), shelved(shelf):
        first = await reply(server, answer)
    tape.close()
    shelf.close()
    lines = (tmp_path / "run" / "replies.jsonl").read_text(encoding="utf-8")
    kept = json.loads(lines)["reply"]["audio"]
    assert len(lines) < 600 and (tmp_path / "run" / kept["path"]).is_file()
    server.stop()
    replay, copied = RunTape(tmp_path / "again", tmp_path / "run"), SoundShelf(tmp_path / "again", tmp_path / "run")
    with on_tape(replay), shelved(copied):
        second = await reply(server, answer)
    assert first.sound is not None and second.sound is not None and second.text == first.text
    assert wav_bytes(second.sound) == wav_bytes(first.sound) == (tmp_path / "again" / kept["path"]).read_bytes()
    replay.close()
    copied.close()
    for path in (tmp_path / "run" / kept["path"], tmp_path / "again" / kept["path"]):
        path.unlink()
    last, lost = RunTape(tmp_path / "last", tmp_path / "run"), SoundShelf(tmp_path / "last", tmp_path / "run")
    with on_tape(last), shelved(lost), pytest.raises(AgentFailure, match="is gone") as failed:
        await reply(server, answer)
    assert (failed.value.owner, failed.value.kind) == ("infrastructure", "not_recorded")
