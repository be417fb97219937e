"""Sounds in a real browser: a report from a disk, a consultation from the server; one at a time, keys, lost files."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from simulator.report import write_report
from simulator.showing.misheard import differences
from simulator.web.links import ServerLinks
from simulator.web.settings import Settings
from tests.simulator.spoken_run import DOCTORS, HEARD, MARKUP, WORDS, Spoken, write_spoken_run
from tests.web.conftest import serving

Open = Callable[..., Page]
ZH, EN = f"#c=spoken-zh/{DOCTORS[1]}/0", f"#c=spoken-en/{DOCTORS[0]}/0"


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    run = write_spoken_run(tmp_path_factory.mktemp("sounds") / "runs" / "run", hostile=True, sweep=True)
    write_report(run.folder)
    return run


@pytest.fixture()
def open_page(chromium: Browser, spoken: Spoken) -> Iterator[Open]:
    """Open a page of the run; afterwards fail on anything that the console complained about."""
    problems: list[str] = []
    contexts = []

    def make(address: str = "", *, width: int = 1280, scheme: str = "light", quiet: bool = False, script: bool = True,
             ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        if not quiet:
            page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
        page.goto(address if "://" in address else (spoken.folder / "report.html").as_uri() + address)
        page.wait_for_selector(".turn")
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


def until(page: Page, true: str) -> None:
    """Wait for an expression; the page's policy forbids the strings that wait_for_function evaluates."""
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        if page.evaluate(true):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never: {true}")


def playing(page: Page) -> Any:
    return page.evaluate("[...document.querySelectorAll('.turn')].flatMap((t, i) => "
                         "[...t.querySelectorAll('audio')].some(a => !a.paused) ? [i] : [])")


AUDIO = "[...document.querySelectorAll('.turn')].map(t => t.querySelector('audio'))"


def test_a_click_plays_and_the_next_one_stops_it(open_page: Open) -> None:
    page = open_page(EN)
    assert page.evaluate("[...document.querySelectorAll('audio')].every(a => a.readyState === 0)"), "nothing is loaded"
    page.get_by_role("button", name="Play turn 1,").click()
    until(page, f"{AUDIO}[0].currentTime > 0.1")
    expect(page.get_by_role("button", name="Pause turn 1,")).to_be_visible()
    assert float(page.get_by_role("slider").first.get_attribute("aria-valuenow") or 0) > 0
    expect(page.locator(".turn[aria-current]")).to_have_attribute("data-turn", "0")
    page.get_by_role("button", name="Play turn 2,").click()
    until(page, f"{AUDIO}[1].currentTime > 0")
    assert playing(page) == [1]
    page.get_by_role("button", name="Pause turn 2,").click()
    assert playing(page) == []


def test_everything_works_from_the_keyboard(open_page: Open) -> None:
    page = open_page(EN)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press(" ")
    until(page, f"{AUDIO}[1].currentTime > 0.05")
    page.keyboard.press(" ")
    assert playing(page) == []
    page.get_by_role("button", name="Play turn 1,").focus()
    page.keyboard.press("Enter")
    until(page, f"!{AUDIO}[0].paused")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "slider"
    page.keyboard.press("Enter")
    assert playing(page) == []
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    until(page, f"Math.abs({AUDIO}[0].currentTime - 2) < 0.01")
    assert page.evaluate("document.activeElement.getAttribute('aria-valuetext')").startswith("2.0 of ")
    assert page.evaluate("document.querySelector('.turn[aria-current]').dataset.turn") == "0"


def test_the_waveform_is_a_stroke_a_peak_and_a_click_on_it_goes_there(open_page: Open, spoken: Spoken) -> None:
    page = open_page(ZH)
    paths = page.locator(".wave .peaks:not(.done) path")
    assert [path.get_attribute("d").count("M") for path in paths.all()] == [64] * 6  # type: ignore[union-attr]
    wave = page.locator(".wave").nth(5)
    wave.scroll_into_view_if_needed()
    size = wave.bounding_box()
    assert size
    wave.click(position={"x": size["width"] * 0.6, "y": 10})
    turn = spoken.one("zh", DOCTORS[1]).turns[5]
    assert turn.audio
    until(page, f"{AUDIO}[5].currentTime > {0.59 * turn.audio.seconds}")
    assert playing(page) == [5]
    assert 0.55 < page.evaluate("+document.querySelectorAll('.wave')[5].style.getPropertyValue('--at')") < 0.9


def test_a_consultation_is_played_turn_after_turn(open_page: Open) -> None:
    page = open_page(EN)
    for _ in range(3):
        page.locator("button.speed").click()
    assert page.locator("button.speed").inner_text().startswith("2×")
    page.locator("button.play-all").click()
    until(page, f"!{AUDIO}[0].paused && {AUDIO}[0].playbackRate === 2")
    page.evaluate(f"{AUDIO}[0].currentTime = 60")
    until(page, f"!{AUDIO}[1].paused")
    assert playing(page) == [1] and page.locator(".turn[aria-current]").get_attribute("data-turn") == "1"
    page.locator("button.play-all").click()
    assert playing(page) == [] and page.locator("button.play-all").get_attribute("aria-pressed") == "false"
    page.locator("button.play-all").click()
    until(page, f"!{AUDIO}[0].paused")
    page.get_by_role("button", name="Play turn 4,").click()
    until(page, f"!{AUDIO}[3].paused")
    assert page.locator("button.play-all").get_attribute("aria-pressed") == "false", "another sound ends the line"


def test_as_heard_is_another_sound_that_goes_on_from_there(open_page: Open) -> None:
    page = open_page(ZH)
    page.locator(".play").first.click()
    until(page, f"{AUDIO}[0].currentTime > 0.3")
    page.get_by_role("button", name="as heard").first.click()
    both = "document.querySelectorAll('.turn')[0].querySelectorAll('audio')"
    until(page, f"!{both}[1].paused && {both}[1].currentTime > 0.3")
    assert page.evaluate(f"{both}[0].paused") and playing(page) == [0]
    assert page.evaluate(f"{both}[1].src !== {both}[0].src")


def test_a_lost_sound_says_so(open_page: Open, spoken: Spoken, tmp_path: Path) -> None:
    shutil.copy(spoken.folder / "report.html", tmp_path)
    page = open_page((tmp_path / "report.html").as_uri() + EN, quiet=True)
    page.locator(".play").first.click()
    expect(page.locator(".cannot").first).to_contain_text("cannot be played: audio/")
    assert playing(page) == []


def test_the_report_marks_the_same_differences_as_the_pages(open_page: Open, spoken: Spoken) -> None:
    page = open_page(EN)
    first = page.locator(".misheard").first
    assert first.locator("del").all_inner_texts() == ["chest", "Monday"] and MARKUP in first.inner_text()
    assert page.locator(".reader script, .reader img").count() == 0
    with serving(Settings(spoken.folder.parent, str(spoken.folder.parent.parent / "sessions.sqlite"))) as address:
        theirs = open_page(address + ServerLinks("0").consultation("run", spoken.one("en").key))
        same_words(page, theirs)
        page.goto((spoken.folder / "report.html").as_uri() + ZH)
        expect(page.locator(".reader")).to_have_attribute("data-shown", ZH.removeprefix("#c="))
        theirs.goto(address + ServerLinks("0").consultation("run", spoken.one("zh", DOCTORS[1]).key))
        same_words(page, theirs)
    assert differences(WORDS["en"][0], HEARD["en"][0], "en")[1].heard == "chess"


def same_words(report: Page, page: Page) -> None:
    for part in (".misheard", ".facts dl", ".sound-mark", ".sound .time", "button.play-all"):
        ours, theirs = ([" ".join(text.split()) for text in one.locator(part).all_text_contents()]
                        for one in (report, page))
        assert ours == theirs and ours, part


def test_without_scripts_the_browsers_own_players_stand_there(open_page: Open, spoken: Spoken) -> None:
    with serving(Settings(spoken.folder.parent, str(spoken.folder.parent.parent / "plain.sqlite"))) as address:
        key = spoken.one("en").key
        page = open_page(address + ServerLinks("0").consultation("run", key), script=False)
        assert page.locator("audio").first.is_visible() and not page.locator(".play").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_sounds_fit_their_page(open_page: Open, artifacts: Path, width: int, scheme: str) -> None:
    page = open_page(ZH, width=width, scheme=scheme)
    page.locator(".play").first.click()
    page.locator(".facts summary").first.click()
    until(page, f"{AUDIO}[0].currentTime > 0.5")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".reader").screenshot(path=artifacts / f"sound-report-{width}-{scheme}.png")
    page.locator("#speech").screenshot(path=artifacts / f"sound-speech-{width}-{scheme}.png")
    assert (artifacts / f"sound-report-{width}-{scheme}.png").stat().st_size > 10_000
