"""The static site in a real browser: from a disk, below a sub-path of a server, narrow, with sound, without script."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from scenarios.schema import Consultation, KeyId
from simulator.site import names
from simulator.store import read_consultations
from tests.simulator.report_run import shipped_cases
from tests.simulator.site_run import clinic, give_sound, held_run

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    cases = shipped_cases(folder, 4)
    held = held_run(folder, cases=cases)
    give_sound(held, cases[0].id, 0.8)
    return held


@pytest.fixture(scope="module")
def spoken(run: Path) -> Consultation:
    return next(one for one in read_consultations(run) if any(turn.audio for turn in one.turns))


@pytest.fixture(scope="module")
def site(run: Path) -> Path:
    target = run.parent / "published" / "demo"
    result = clinic("export", run, "--format", "site", "-o", target, "--title", "Two doctors")
    assert result.exit_code == 0, result.output
    return target


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """What `python -m http.server` serves, one folder above the site."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site.parent)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/demo"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["file", "http"])
def top(request: pytest.FixtureRequest, site: Path) -> str:
    """The site's address, from the disk and below a sub-path of a web server."""
    return site.as_uri() if request.param == "file" else str(request.getfixturevalue("served"))


@pytest.fixture()
def open_page(chromium: Browser) -> Iterator[Open]:
    """Open a page; afterwards fail on whatever the console complained about or that was asked of the network."""
    problems: list[str] = []
    contexts = []

    def make(address: str, *, width: int = 1280, script: bool = True, scheme: str = "light") -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=script, color_scheme=scheme,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "http://127.0.0.1:"))
                else problems.append(r.url))
        page.goto(address)
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


def is_styled(page: Page) -> bool:
    page.wait_for_load_state("load")
    return bool(page.evaluate(
        "getComputedStyle(document.querySelector('.top')).display === 'flex' && document.styleSheets.length === 2"
    ))


def test_a_reader_goes_from_the_table_to_two_doctors_and_hears_them(
    open_page: Open, top: str, spoken: Consultation
) -> None:
    page = open_page(f"{top}/index.html")
    assert is_styled(page) and page.locator("h1").inner_text() == "Two doctors"
    row = page.locator("tr", has=page.locator("th", has_text=spoken.key.case))
    row.get_by_role("link", name="compare").click()
    expect(page.locator(".chat.several .head")).to_have_count(3)
    assert is_styled(page)
    player = page.locator("audio").first
    assert player.evaluate("a => a.readyState") == 0, "nothing is loaded before somebody listens"
    turn = page.locator(".turn", has=page.locator("audio")).first
    turn.click(position={"x": 2, "y": 2})
    page.keyboard.press(" ")
    deadline = time.monotonic() + 15  # the page's policy forbids the strings that wait_for_function evaluates
    while not player.evaluate("a => a.currentTime > 0.2") and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert player.evaluate("a => a.currentTime") > 0.2, "it plays"
    assert player.evaluate("a => a.error") is None
    assert abs(player.evaluate("a => a.duration") - 0.8) < 0.01
    page.locator(".head a.name").first.click()
    expect(page.locator(".chat.several")).to_have_count(0)
    expect(page.locator("main.reading")).to_be_visible()
    page.locator(".steps a", has_text="Side by side").click()
    expect(page.locator(".chat.several")).to_be_visible()
    page.locator(".top nav a").first.click()
    expect(page.locator("table.site-cases")).to_be_visible()


def test_keys_mark_turns_and_leaf_through_consultations(open_page: Open, top: str, spoken: Consultation) -> None:
    key = spoken.key
    page = open_page(f"{top}/{names.consultation(KeyId(key.case, key.doctor, key.trial))}")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".turn[aria-current]")).to_have_attribute("data-turn", "1")
    before = page.url
    page.keyboard.press("n" if page.locator("a[rel=next]").count() else "p")
    page.wait_for_url(lambda url: url.split("?")[0] != before.split("?")[0])
    assert is_styled(page)
    page.go_back()
    expect(page.locator("main.reading")).to_be_visible()


def test_every_page_can_be_read_without_javascript(open_page: Open, site: Path, spoken: Consultation) -> None:
    page = open_page(f"{site.as_uri()}/index.html", script=False)
    page.locator("tr", has=page.locator("th", has_text=spoken.key.case)).locator("td.num a").first.click()
    assert page.locator(".turn .said").first.is_visible() and page.locator("audio").first.is_visible()
    assert page.locator(".notice").is_visible() and page.locator(".colophon code").is_visible()


def test_a_trial_is_chosen_by_a_link(open_page: Open, site: Path, spoken: Consultation) -> None:
    page = open_page(f"{site.as_uri()}/{names.compare(spoken.key.case, 0)}")
    page.locator(".site-trials a", has_text="2").click()
    expect(page.locator(".head small", has_text="trial 2")).to_have_count(3)


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_scrolls_sideways_and_pictures_for_the_eye(
    open_page: Open, site: Path, spoken: Consultation, artifacts: Path, width: int
) -> None:
    key = spoken.key
    for name, path in {
        "index": names.INDEX, "compare": names.compare(key.case, 0),
        "consultation": names.consultation(KeyId(key.case, key.doctor, key.trial)),
    }.items():
        page = open_page(f"{site.as_uri()}/{path}", width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        picture = artifacts / f"site-{name}-{width}.png"
        page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 20_000
