"""The whole way through ``clinic view`` in a real browser: a run, a comparison, a session stepped, forked, taken over.

One real server process over one real run serves all tests; they fail on anything that the console, the content
security policy or a foreign request has to say.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from scenarios.loader import library_cases
from tests.fault_server import FaultServer

BATCH = """\
name: two-doctors
cases: [{library: zh, limit: 2}, {library: en, limit: 2}]
doctors:
  careful: {backend: history-taker}
  quick: {backend: one-shot}
trials: 2
seed: 11
max_turns: 4
"""
ZH = library_cases("zh", limit=1)[0]
HOSTILE = "还有点发烧。<script>alert(1)</script><img src=x onerror=alert(2)>"
WIDE, NARROW = (1280, 1000), (390, 1100)
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[str]:
    """A finished run and ``clinic view`` over it, in a process of its own; yields its address."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "batch.yaml").write_text(BATCH, "utf-8")
    clinic = [sys.executable, "-m", "simulator"]
    subprocess.run([*clinic, "run", folder / "batch.yaml", "--out", folder / "two-doctors", "--no-report"], cwd=root,
                   check=True, capture_output=True, timeout=120)
    process = subprocess.Popen([*clinic, "view", folder, "--port", "0"], cwd=root, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert address, "the server did not say where it is"
        yield address[0]
    finally:
        process.terminate()
        process.wait(15)


@pytest.fixture
def open_page(chromium: Browser, server: str) -> Iterator[Open]:
    """Open a page of the server; afterwards fail on what went wrong in any of them."""
    problems: list[str] = []
    contexts = []

    def make(path: str = "/", *, size: tuple[int, int] = WIDE, scheme: str = "light", script: bool = True,
             expect_refusals: bool = False) -> Page:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=script, reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)

        def complained(text: str) -> None:
            if not (expect_refusals and ("409" in text or "ERR_FAILED" in text)):
                problems.append(text)

        page.on("console", lambda m: complained(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((server, "data:")) else problems.append(r.url))
        page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(path if path.startswith("http") else server + path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def picture(artifacts: Path) -> Callable[..., None]:
    """Keep pictures of a page, wide and narrow, and make sure that nothing sticks out sideways."""

    def take(name: str, page: Page, *looks: tuple[tuple[int, int], str]) -> None:
        for size, scheme in looks or ((WIDE, "light"), (NARROW, "light")):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, size)
            page.screenshot(path=artifacts / f"web-{name}-{size[0]}-{scheme}.png", full_page="live" not in name)
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        page.emulate_media(color_scheme="light")

    return take


def said(page: Page, column: int = 0) -> list[str]:
    return page.locator(f".turn[id^='turn-{column}-'] .said").all_text_contents()


def turn(page: Page, number: int) -> Locator:
    return page.locator(f"#turn-0-{number - 1}")


def idle(page: Page, turns: int) -> None:
    """Wait until the page shows so many turns and the server does nothing for it."""
    expect(page.locator(f"#stage[data-turns='{turns}'][data-running='']:not([aria-busy])")).to_be_visible()
    expect(page.locator(".turn[id^='turn-0-']")).to_have_count(turns)


def begin(page: Page, server: str, doctor: str = "is:history-taker", options: str = "") -> None:
    page.goto(server + "/live")
    page.fill("[data-filter=text]", ZH.chief_complaint[:8])
    expect(page.locator(".pick .count")).to_have_text("1 of 50")
    page.select_option("select[name=doctor]", doctor)
    page.fill("input[name=doctor_options]", options)
    page.click("form.start button.k")
    page.wait_for_selector("#stage[data-scripted]")


def test_from_a_finished_run_to_a_judged_fork_of_ones_own(
    open_page: Open, server: str, picture: Callable[..., None]
) -> None:
    page = open_page("/")
    picture("runs", page)
    page.click("text=two-doctors")
    picture("run", page)
    page.select_option(".filters select[name=doctor]", "quick")
    page.select_option(".filters select[name=language]", "zh")
    page.click(".filters button")
    expect(page.locator("#consultations .count")).to_contain_text("1–4 of 4 that fit, 16 in all")
    assert "doctor=quick" in page.url and "language=zh" in page.url
    page.locator(".records tbody th[scope=row] a").first.click()
    expect(page.locator(".head")).to_contain_text("quick")
    stored = said(page)
    assert len(stored) >= 2 and page.locator(".said").first.get_attribute("lang") == "zh-Hans"
    picture("consultation", page)
    page.click("text=Side by side")
    expect(page.locator(".head")).to_have_count(2)
    assert {head.split()[0] for head in page.locator(".head").all_inner_texts()} == {"careful", "quick"}
    first = page.locator(".cell[data-exchange='1']")
    assert first.nth(0).bounding_box()["y"] == first.nth(1).bounding_box()["y"]  # type: ignore[index]
    assert said(page, 0)[0] == said(page, 1)[0] and said(page, 0)[1] != said(page, 1)[1]
    picture("compare", page, (WIDE, "light"), (NARROW, "light"), (WIDE, "dark"))

    begin(page, server)
    session = page.url
    expect(page.locator(".who-next")).to_contain_text("patient")
    page.click("button:has-text('Step')")
    idle(page, 1)
    for number in (2, 3):
        page.keyboard.press("s")
        idle(page, number)
    spoken = said(page)[:3]
    assert spoken[0].startswith(ZH.chief_complaint[:6])
    expect(turn(page, 2)).to_have_class(re.compile("doctor"))

    turn(page, 1).locator(".keep").click()
    expect(page.locator("#at-turn")).to_be_visible()
    picture("live-turn", page, (WIDE, "light"), (NARROW, "light"), (WIDE, "dark"))
    assert "t=0" in page.url, "the turn is in the address"
    page.click("text=Rewind to it")
    idle(page, 1)
    expect(page.locator("#cursor")).to_have_class(re.compile("doctor"))
    assert "t=" not in page.url

    page.keyboard.press("f")
    page.select_option("#fork select[name=doctor]", "is:one-shot")
    page.fill("#fork input[name=label]", "at once")
    page.click("#fork button.k")
    page.wait_for_url("**branch=b2*")
    idle(page, 1)
    expect(page.locator(".tree a[aria-current]")).to_have_text("at once")
    expect(page.locator(".tree li").nth(1)).to_contain_text("1 shared with main")
    page.keyboard.press("s")
    idle(page, 2)
    assert said(page)[0] == spoken[0] and said(page)[1] != spoken[1], "another doctor answers the same opening"

    page.keyboard.press("p")
    expect(page.locator(".who-next")).to_contain_text("Your turn as the patient")
    page.fill("#say-text", HOSTILE)
    page.focus("#say-text")
    page.keyboard.press("Control+Enter")
    idle(page, 3)
    assert said(page)[2] == HOSTILE and page.locator(".chat img, .chat script").count() == 0
    expect(page.locator("#say-text")).to_have_count(1)
    assert page.input_value("#say-text") == "", "the box is the doctor's now, and empty"
    page.click("button:has-text('Give back to agenda')")
    page.click("button:has-text('Run to the end')")
    expect(page.locator(".who-next")).to_contain_text("Over")
    expect(page.locator(".end")).to_be_visible()
    assert said(page)[2] == HOSTILE and len(said(page)) > 3
    page.keyboard.press("g")
    verdict = page.locator(".verdict").first
    expect(verdict).to_be_visible()
    verdict.locator("a[href^='#turn-0-']").first.click()
    assert "#turn-0-" in page.url
    picture("live-judged", page, (WIDE, "light"), (NARROW, "light"), (NARROW, "dark"))

    page.goto(session.partition("?")[0] + "?branch=main&t=0")
    expect(turn(page, 1)).to_have_attribute("aria-current", "true")
    expect(page.locator("#at-turn")).to_be_visible()
    page.click(".tree a:has-text('beside')")
    expect(page.locator(".head")).to_have_count(2)
    assert said(page, 0)[0] == said(page, 1)[0]
    page.keyboard.press("s")
    idle(page, 2)
    picture("live-beside", page)
    page.goto(server + "/live")
    picture("live-list", page)


def test_words_are_seen_before_the_turn_is_over_and_a_run_can_be_stopped(open_page: Open, server: str) -> None:
    with FaultServer(latency_s=1.0, words=40) as model:
        page = open_page("/live")
        begin(page, server, "is:chat", f"model: good, base_url: {model.url}")
        page.keyboard.press("s")
        idle(page, 1)
        page.keyboard.press("r")
        expect(page.locator("#cursor.speaking .said")).to_have_text(re.compile(".{12}"))
        early = page.locator("#cursor .said").inner_text()
        assert turn(page, 2).count() == 0, "seen while it is still being said"
        expect(page.locator(".who-next")).to_contain_text("Running to the end")
        expect(turn(page, 2)).to_be_visible()
        assert said(page)[1].startswith(early[:12]), "the finished turn says what was seen growing"
        page.click("button:has-text('Stop')")
        expect(page.locator("#stage[data-running='']")).to_be_visible()
        kept = said(page)[: page.locator(".turn[data-number]").count()]
        page.reload()
        assert said(page)[: len(kept)] == kept and len(kept) >= 2, "finished turns stay"


def test_two_browsers_look_at_one_session_and_neither_overruns_the_other(open_page: Open, server: str) -> None:
    mine = open_page("/live")
    begin(mine, server)
    yours = open_page(mine.url)
    deaf = open_page("/live", expect_refusals=True)
    deaf.route("**/events*", lambda route: route.abort())
    deaf.goto(mine.url)
    mine.keyboard.press("s")
    idle(mine, 1)
    idle(yours, 1)
    yours.keyboard.press("s")
    idle(yours, 2)
    idle(mine, 2)
    assert said(mine)[:2] == said(yours)[:2] and said(deaf) == []
    deaf.keyboard.press("s")
    expect(deaf.locator("#notice")).to_contain_text("somebody else went on")
    idle(deaf, 2)
    assert said(deaf)[:2] == said(mine)[:2]
    yours.click(".keep[data-keep='1']")
    yours.fill("#edit-text", "我们重新开始。")
    yours.click("text=Save and go on from here")
    idle(mine, 1)
    assert said(mine)[0] == "我们重新开始。"
    mine.click("#speak summary")
    mine.fill("#say-text", "half a sentence")
    yours.click("text=Take over >> nth=1")
    expect(mine.locator(".room")).to_contain_text("human")
    assert mine.input_value("#say-text") == "half a sentence", "what one types stays while others act"


def test_everything_works_without_scripts(open_page: Open, server: str) -> None:
    page = open_page("/live", script=False)
    page.click(f".cases label:has-text('{ZH.chief_complaint}')")
    page.select_option("select[name=doctor]", "is:history-taker")
    page.click("form.start button.k")
    for _ in range(3):
        page.click("button:has-text('Step')")
    spoken = [text for text in said(page) if text]
    assert len(spoken) == 3
    turn(page, 2).locator(".keep").click()
    expect(page.locator("#at-turn")).to_be_visible()
    page.click("text=Rewind to it")
    assert [text for text in said(page) if text] == spoken[:2]
    page.click("#fork summary >> nth=0")
    page.select_option("#fork select[name=doctor]", "human")
    page.click("#fork button.k")
    assert "branch=b2" in page.url
    page.click("button:has-text('Step')")
    page.fill("#say-text", "我来问：胸口怎么疼？")
    page.click("button:has-text('Say it')")
    assert said(page)[3] == "我来问：胸口怎么疼？"
    page.click(".tree a:has-text('main')")
    page.click("button:has-text('Run to the end')")
    page.click("button:has-text('Judge')")
    expect(page.locator(".verdict").first).to_be_visible()
