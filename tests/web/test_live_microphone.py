"""A person's recording in a live session: read, bounded, understood by a listener that really gets it, and kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agents.sound.wave import read_sound, resampled, wav_bytes
from scenarios.loader import library_cases
from scenarios.schema import BackendRef
from simulator.session import Casting, Session
from simulator.web.limits import MAX_SOUND
from tests.agents.listeners.transcription_server import Answer, Form, TranscriptionServer
from tests.sounds import speech, tone
from tests.web.conftest import Opened
from tests.web.test_live_pages import do, done, said

EN = library_cases("en", limit=1)[0]


def length_heard(form: Form) -> str:
    """Understand how long a sound is: what arrives decides what is read."""
    return f"It has hurt for {read_sound(form['file']).seconds:.1f} days."


@pytest.fixture
def ears() -> Iterator[TranscriptionServer]:
    with TranscriptionServer(length_heard) as server:
        yield server


async def begin(web: Opened, ears: TranscriptionServer | None, **speech_keys: Any) -> tuple[str, Session]:
    listener: dict[str, Any] = {"backend": "transcript"}
    if ears is not None:
        listener = {"backend": "openai-transcription", "model": "tiny", "base_url": ears.url, "retries": 0}
    spoken = {"input_speech": True, "output_speech": True, "voice": {"backend": "espeak"},
              "doctor_voice": {"backend": "espeak"}, "listener": listener, **speech_keys}
    casting = Casting.model_validate({
        "doctor": BackendRef(backend="history-taker"), "doctor_name": "history-taker", "retries": 0, "speech": spoken})
    session = await web.app.state.site.book.create(EN, casting)
    return f"/live/{session.id}", session


async def record(web: Opened, address: str, content: bytes, role: str = "patient", **headers: str) -> httpx.Response:
    return await web.client.post(
        f"{address}/microphone", params={"branch": "main", "role": role}, content=content,
        headers={"Content-Type": "audio/wav", "Accept": "application/json", "X-CSRF-Token": web.csrf, **headers})


def told(answer: httpx.Response) -> str:
    return str(answer.json()["detail"])


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
async def test_a_recording_is_the_sound_of_the_turn(web: Opened, ears: TranscriptionServer, rate_hz: int) -> None:
    address, session = await begin(web, ears)
    page = (await web.client.get(address)).text
    assert 'class="microphone" hidden' in page and "web/microphone.js" in page and "No microphone" not in page
    mine = resampled(speech("My back hurts."), rate_hz)
    answer = await record(web, address, wav_bytes(mine))
    found = answer.json()
    assert answer.status_code == 200 and found["text"] == f"It has hurt for {mine.seconds:.1f} days."
    assert (await session.snapshot()).turns == (), "nothing is said yet"
    page = await done(web, address, "say", role="patient", text="It has hurt for a while.", sound=found["sound"])
    turn = (await session.snapshot()).turns[0]
    assert (turn.text, turn.heard) == ("It has hurt for a while.", found["text"])
    assert turn.audio and turn.audio.sample_rate_hz == 16_000 and turn.speech and turn.speech.voice == "human"
    assert session.shelf.get(turn.audio).samples.tolist() == pytest.approx(
        resampled(mine, 16_000).samples.tolist(), abs=1e-3)
    assert page.count('class="sound"') == 1 and said(page) == ["It has hurt for a while."]


async def test_a_doctor_who_is_a_person_is_recorded_too(web: Opened, ears: TranscriptionServer) -> None:
    address, session = await begin(web, ears)
    await done(web, address, "step")
    await done(web, address, "cast", doctor="human")
    mine = speech("Where does it hurt?")
    found = (await record(web, address, wav_bytes(mine), "doctor")).json()
    await done(web, address, "say", role="doctor", text="Where does it hurt?", sound=found["sound"])
    turn = (await session.snapshot()).turns[1]
    assert turn.audio and turn.audio.sample_rate_hz == 24_000 and turn.heard == found["text"]
    assert turn.audio.seconds == pytest.approx(mine.seconds, abs=0.01)
    await done(web, address, "step")
    await done(web, address, "say", role="doctor", text="I see.")
    typed = (await session.snapshot()).turns[3]
    assert typed.speech and typed.speech.voice != "human", "what is typed is said by the voice"


@pytest.mark.parametrize(("content", "problem"), [
    (b"", "empty"), (b"RIFF", "the recording"), (b"<script>" * 50, "the recording"),
    (wav_bytes(tone(0.05)), "0.2 to 60 seconds"), (wav_bytes(tone(61.0, rate_hz=8000)), "0.2 to 60 seconds"),
])
async def test_what_is_no_recording_is_refused(
    web: Opened, ears: TranscriptionServer, content: bytes, problem: str
) -> None:
    address, _ = await begin(web, ears)
    answer = await record(web, address, content)
    assert answer.status_code == 400 and problem in told(answer) and not ears.forms


async def test_a_recording_is_bounded_and_needs_the_pages_secret(web: Opened, ears: TranscriptionServer) -> None:
    address, _ = await begin(web, ears)
    long = wav_bytes(tone(40.0, rate_hz=48_000))
    assert len(long) > 1 << 20 and (await record(web, address, long)).status_code == 200
    answer = await record(web, address, b"x" * (MAX_SOUND + 1))
    assert answer.status_code == 413 and "6 MiB" in told(answer)
    assert (await record(web, address, long, **{"X-CSRF-Token": "guessed"})).status_code == 403
    assert (await record(web, address, long, Origin="http://evil.example")).status_code == 403
    other = await web.client.post(f"{address}/do/say", content=long, headers={"X-CSRF-Token": web.csrf})
    assert other.status_code == 413, "only recordings may be that long"


async def test_when_it_cannot_be_understood_nothing_is_said(web: Opened, ears: TranscriptionServer) -> None:
    address, session = await begin(web, ears)
    ears.script.append(Answer(400, b"{}"))
    assert (await record(web, address, wav_bytes(tone()))).status_code == 502
    assert (await record(web, address, wav_bytes(tone()), "doctor")).status_code == 409, "it is not the doctor's turn"
    for sound in ("../../../etc/passwd", "a" * 40, "A" * 40):
        answer = await do(web, address, "say", role="patient", text="Hello.", sound=sound)
        assert answer.status_code == 400 and "recording" in answer.text
    assert (await session.snapshot()).turns == ()


@pytest.mark.parametrize(("more", "why"), [
    ({}, "the listener transcript understands no sound"),
    ({"input_speech": False}, "the patient is read here, not heard"),
])
async def test_where_nobody_can_understand_the_page_says_why(web: Opened, more: dict[str, Any], why: str) -> None:
    address, _ = await begin(web, None, **more)
    page = (await web.client.get(address)).text
    assert f"No microphone: {why}." in page and "microphone.js" not in page and 'class="microphone"' not in page
    answer = await record(web, address, wav_bytes(tone()))
    assert answer.status_code == 409 and why in told(answer)


async def test_a_written_session_does_not_speak_of_microphones(web: Opened) -> None:
    session = await web.app.state.site.book.create(EN, Casting(
        doctor=BackendRef(backend="history-taker"), doctor_name="history-taker"))
    assert not re.search("microphone", (await web.client.get(f"/live/{session.id}")).text, re.I)


