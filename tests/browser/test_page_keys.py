"""Keys, chips and sound of a stored consultation and a comparison, in a real browser over the real server."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scenarios.schema import Consultation
from simulator.web.links import ServerLinks
from simulator.web.settings import Settings
from tests.simulator.report_run import shipped_cases, write_run
from tests.web.conftest import serving

LINKS = ServerLinks("0")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[Consultation]]]:
    """The server's address over a run with sound, and the run's consultations in the order of the pages."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "cases").mkdir()
    runs = folder / "runs"
    records = write_run(runs / "run", shipped_cases(folder / "cases", 2), doctors=("history-taker", "one-shot"))
    (runs / "run" / "audio").mkdir()
    for record in records:
        for turn in record.turns:
            if turn.audio:
                with wave.open(str(runs / "run" / turn.audio.path), "wb") as file:
                    file.setparams((1, 2, 8_000, 0, "NONE", ""))
                    file.writeframes(bytes(16_000 * 3))
    order = ["history-taker", "one-shot"]
    records.sort(key=lambda one: (one.key.case, order.index(one.key.doctor), one.key.trial))
    with serving(Settings(runs=runs, sessions=str(folder / "sessions.sqlite"))) as address:
        yield address, records


@pytest.fixture
def page(chromium: Any, served: tuple[str, list[Consultation]]) -> Iterator[Any]:
    """A page on the first consultation; an error in a script, or anything that the policy forbids, fails the test."""
    address, records = served
    page = chromium.new_context(viewport={"width": 1280, "height": 700}).new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(address + LINKS.consultation("run", records[0].key))
    yield page
    page.context.close()
    assert wrong == []


def until(page: Any, true: str) -> None:
    """Wait until an expression is true; Playwright's own way of waiting is what the pages' policy forbids."""
    for _ in range(100):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {true}")


def marked(page: Any) -> str | None:
    found = page.query_selector(".turn[aria-current]")
    return found.get_attribute("id") if found else None


def test_keys_walk_turns_and_consultations_and_the_address_follows(
    page: Any, served: tuple[str, list[Consultation]]
) -> None:
    _, records = served
    for _ in range(3):
        page.keyboard.press("j")
    assert (marked(page), page.url.partition("?")[2]) == ("turn-0-2", "t=2")
    page.keyboard.press("k")
    assert marked(page) == "turn-0-1"
    page.reload()
    assert marked(page) == "turn-0-1"
    with page.expect_navigation():
        page.keyboard.press("n")
    assert page.url.endswith(LINKS.consultation("run", records[1].key))
    with page.expect_navigation():
        page.keyboard.press("p")
    assert page.url.endswith(LINKS.consultation("run", records[0].key))
    page.keyboard.press("?")
    assert page.locator("dialog#keys").is_visible()
    page.keyboard.press("?")
    assert not page.locator("dialog#keys").is_visible()


def test_c_compares_and_f_forks_at_the_marked_turn(page: Any, served: tuple[str, list[Consultation]]) -> None:
    _, records = served
    start = page.url
    page.keyboard.press("j")
    page.keyboard.press("j")
    with page.expect_navigation(wait_until="commit"):
        page.keyboard.press("f")
    assert page.url.endswith(LINKS.fork("run", records[0].key, 2))
    page.goto(start)
    with page.expect_navigation():
        page.keyboard.press("c")
    assert "/compare/" in page.url
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert (marked(page), page.url.partition("#")[2]) == ("turn-1-0", "turn-1-0")


def test_space_plays_and_pauses_and_the_turn_that_is_heard_is_marked(page: Any) -> None:
    page.keyboard.press(" ")
    until(page, "!document.querySelector('audio').paused && document.querySelector('audio').currentTime > 0")
    assert marked(page) == "turn-0-0"
    page.keyboard.press(" ")
    until(page, "document.querySelector('audio').paused")


def test_a_chip_shows_its_reasons_and_a_reason_leads_to_its_sentence(page: Any) -> None:
    chip = page.locator(".turn details.why").first
    assert not chip.locator(".reasons").is_visible()
    chip.locator("summary").click()
    assert chip.locator(".reasons").is_visible()
    link = page.locator(".remarks a").last
    anchor = link.get_attribute("href")[1:]
    link.click()
    assert marked(page) == anchor
    until(
        page, f"(() => {{ const b = document.getElementById('{anchor}').getBoundingClientRect(); "
        "return b.top >= 0 && b.bottom <= innerHeight; })()"
    )


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_their_width(
    chromium: Any, served: tuple[str, list[Consultation]], artifacts: Path, width: int, scheme: str
) -> None:
    address, records = served
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    key = records[0].key
    for name, where in (("consultation", LINKS.consultation("run", key)), ("compare", LINKS.compare("run", key.case))):
        page.goto(address + where)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.screenshot(path=str(artifacts / f"web-{name}-{width}-{scheme}.png"), full_page=True)
    context.close()
