"""A person talks with a real, tiny SpeechLM on its live page: a sound file is said, the answer is heard."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from scenarios.loader import library_cases
from scenarios.schema import BackendRef
from simulator.session import Casting, Snapshot, open_book
from simulator.web.limits import MAX_SOUND
from simulator.web.settings import Settings
from tests.sounds import speech, wav_file
from tests.web.conftest import serving

pytest.importorskip("torch")
T = TypeVar("T")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from model.random_checkpoint import write_random

    return write_random(tmp_path_factory.mktemp("tiny") / "doctor")


async def begun(place: str, tiny: Path) -> str:
    """Begin a session whose owner, and no request, names weights; a person is the patient."""
    doctor = BackendRef(
        backend="speechlm", checkpoint=str(tiny), device="cpu", max_new_tokens=8, max_spoken_s=1.5)
    casting = Casting.model_validate({
        "doctor": doctor, "doctor_name": "tiny", "patient": {"backend": "human"}, "turn_timeout_s": 120,
        "speech": {"input_speech": True, "output_speech": True, "voice": {"backend": "espeak"},
                   "listener": {"backend": "transcript"}},
    })
    async with open_book(place) as book:
        return (await book.create(library_cases("en", limit=1)[0], casting)).id


async def shown(place: str, session: str) -> Snapshot:
    async with open_book(place) as book:
        return await (await book.open(session)).snapshot()


def elsewhere(call: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread: Playwright's own loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, call).result()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    found = chromium.new_context().new_page()
    found.set_default_timeout(60_000)
    yield found
    found.context.close()


DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)), files = new DataTransfer();
  files.items.add(new File([bytes], name, { type: "audio/wav" }));
  const form = document.querySelector("form.say");
  for (const kind of ["dragover", "drop"]) {
    form.dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
  }
}"""


def test_a_sound_file_is_said_and_the_doctors_voice_is_played(page: Page, tiny: Path, tmp_path: Path) -> None:
    place, problems = str(tmp_path / "sessions.sqlite"), list[str]()
    session = elsewhere(begun(place, tiny))
    file = wav_file(tmp_path, speech("My chest has hurt since yesterday."), "chest pain.wav")
    (tmp_path / "song.wav").write_bytes(b"RIFF" + bytes(MAX_SOUND))
    (tmp_path / "page.wav").write_bytes(b"<html>" * 100)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.add_init_script("""window.played = [];
      addEventListener("play", (event) => window.played.push(event.target.getAttribute("src")), true);""")
    with serving(Settings(runs=tmp_path / "runs", sessions=place)) as address:
        page.goto(f"{address}/live/{session}")
        chosen, told = page.locator(".microphone input[type=file]"), page.locator(".microphone small")
        chosen.set_input_files(tmp_path / "song.wav")
        expect(told).to_contain_text("at most 6 can be sent")
        chosen.set_input_files(tmp_path / "page.wav")
        expect(told).to_contain_text("the recording cannot be read as sound")
        chosen.set_input_files(file)
        expect(told).to_contain_text("2.0 s will be heard. Nothing was understood: write what you said.")
        page.evaluate(DROP, ["dropped.wav", base64.b64encode(file.read_bytes()).decode()])
        expect(told).to_contain_text("2.0 s will be heard")
        page.locator("#say-text").fill("My chest has hurt since yesterday.")
        page.get_by_role("button", name="Say it").click()
        expect(page.locator("#turn-0-0 .sound .play")).to_be_visible()
        expect(page.locator("#aloud")).to_be_checked()
        page.get_by_role("button", name="Step").click()
        expect(page.locator("#turn-0-1 .sound .play")).to_be_visible()
        heard = f"/live/{session}/audio/main/1"
        page.wait_for_function("(address) => window.played.some((src) => src.includes(address))", arg=heard)
        page.wait_for_function("""() => { const audio = document.querySelector("#turn-0-1 audio");
          return audio.currentTime > 0 || audio.ended || audio.played.length > 0; }""")
        assert page.evaluate("window.played.length") == 1, "the patient's own words are not played back"
    first, second = elsewhere(shown(place, session)).turns
    assert first.audio and 1.5 < first.audio.seconds < 2.5 and first.speech and first.speech.voice == "human"
    assert second.role == "doctor" and second.text and second.audio and second.speech
    assert second.speech.voice == "doctor" and second.audio.seconds > 0.2
    assert problems == []
