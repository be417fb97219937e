"""A person's sound file in a live session: any kind that can be read, and a doctor who hears it without a listener."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
import soundfile

from scenarios.loader import library_cases
from scenarios.schema import BackendRef
from simulator.session import Casting, Session
from simulator.session.microphone import why_typed
from simulator.web.limits import MAX_SOUND
from tests.fault_server import Answer, FaultServer
from tests.sounds import speech
from tests.web.conftest import Opened
from tests.web.test_live_microphone import record, told
from tests.web.test_live_pages import done

EN = library_cases("en", limit=1)[0]


async def begin(web: Opened, url: str, **more: Any) -> tuple[str, Session]:
    doctor = BackendRef(backend="audio-chat", model="good", base_url=url, retries=0)
    spoken = {"input_speech": True, "voice": {"backend": "espeak"}, **more}
    session = await web.app.state.site.book.create(EN, Casting.model_validate({
        "doctor": doctor, "doctor_name": "hearing", "retries": 0, "speech": spoken}))
    return f"/live/{session.id}", session


@pytest.mark.parametrize("more", [{}, {"listener": {"backend": "transcript"}}])
async def test_a_doctor_who_hears_is_sent_the_file_and_the_person_writes_the_words(
    web: Opened, more: dict[str, Any]
) -> None:
    with FaultServer() as server:
        server.script.append(Answer(text="Since when?"))
        address, session = await begin(web, server.url, **more)
        page = (await web.client.get(address)).text
        assert "No microphone" not in page and "web/microphone.js" in page and f'data-most="{MAX_SOUND}"' in page
        assert re.search(r'<label class="choose"[^>]*>Choose a file<input type="file"', page)
        mine, file = speech("My back hurts."), io.BytesIO()
        soundfile.write(file, mine.samples, mine.rate_hz, format="FLAC")
        answer = await record(web, address, file.getvalue(), **{"Content-Type": "audio/flac"})
        found = answer.json()
        assert answer.status_code == 200 and found["text"] == "" and set(found) == {"sound", "text", "seconds"}
        await done(web, address, "say", role="patient", text="My back hurts.", sound=found["sound"])
        await done(web, address, "step")
        first, second = (await session.snapshot()).turns
        assert first.audio and session.shelf.get(first.audio).samples.tolist() == pytest.approx(
            mine.samples.tolist(), abs=1e-3)
        sent = str(server.requests[0]["messages"])
        assert second.text == "Since when?" and "input_audio" in sent and "My back hurts." not in sent
        casting = (await session.info()).branch("main").casting
        assert why_typed(casting, "doctor") == "the doctor is read here, not heard"


async def test_no_file_is_found_by_its_name(web: Opened) -> None:
    address, session = await begin(web, "http://127.0.0.1:1/v1")
    for content in (b"/etc/passwd", b"file:///etc/passwd", b"audio/said.sqlite"):
        answer = await record(web, address, content)
        assert answer.status_code == 400 and "cannot be read as sound" in told(answer)
    assert not session.shelf.root.exists() or not list(session.shelf.root.rglob("*.wav"))
