"""A person speaks into the microphone of a real browser (which beeps), corrects what was understood, and is heard."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from agents.sound.levels import levels
from agents.sound.wave import read_sound
from scenarios.loader import library_cases
from scenarios.schema import BackendRef
from simulator.session import Casting, Snapshot, open_book
from simulator.web.settings import Settings
from tests.agents.listeners.transcription_server import Form, TranscriptionServer
from tests.browser.conftest import FLAGS
from tests.web.conftest import serving

T = TypeVar("T")
FAKE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def with_microphone(chromium: object) -> Iterator[Browser]:
    """A Chromium whose microphone beeps; ``chromium`` decides whether there is one."""
    browser = chromium.browser_type.launch(  # type: ignore[attr-defined]
        executable_path=shutil.which("chromium") or shutil.which("chromium-browser"), args=[*FLAGS, *FAKE])
    yield browser
    browser.close()


async def begun(place: str, url: str) -> str:
    casting = Casting.model_validate({
        "doctor": BackendRef(backend="history-taker"), "doctor_name": "history-taker", "patient": {"backend": "human"},
        "speech": {"input_speech": True, "voice": {"backend": "espeak"},
                   "listener": {"backend": "openai-transcription", "model": "tiny", "base_url": url}},
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


def spoken(page: Page, seconds: float = 1.0) -> None:
    button = page.locator(".microphone button")
    button.click()
    expect(button).to_have_text("Stop")
    page.wait_for_timeout(1000 * seconds)
    button.click()
    expect(page.locator(".microphone small")).to_contain_text("Correct what was understood")


def test_a_second_is_recorded_corrected_and_said(with_microphone: Browser, tmp_path: Path) -> None:
    def length(form: Form) -> str:
        return f"It has hurt for {read_sound(form['file']).seconds:.0f} day."

    place = str(tmp_path / "sessions.sqlite")
    problems: list[str] = []
    with TranscriptionServer(length) as ears:
        session = elsewhere(begun(place, ears.url))
        with serving(Settings(runs=tmp_path / "runs", sessions=place)) as address:
            page = with_microphone.new_context().new_page()
            page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.set_default_timeout(10_000)
            page.goto(f"{address}/live/{session}")
            spoken(page)
            box = page.locator("#say-text")
            expect(box).to_have_value("It has hurt for 1 day.")
            spoken(page)
            box.fill("It has hurt for a day.")
            page.get_by_role("button", name="Say it").click()
            expect(page.locator("#turn-0-0 .said")).to_have_text("It has hurt for a day.")
            expect(page.locator("#turn-0-0 .sound .play")).to_be_visible()
            page.context.close()
    turn = elsewhere(shown(place, session)).turns[0]
    assert turn.audio and turn.heard == "It has hurt for 1 day." and turn.audio.sample_rate_hz == 16_000
    assert 0.6 < turn.audio.seconds < 2.5 and turn.speech and turn.speech.voice == "human"
    kept = read_sound(Path(f"{place}.sounds") / turn.audio.path)
    assert not levels(kept).silent, "the microphone's beeps"
    assert problems == []
