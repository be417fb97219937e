"""The report in a real browser: filters, transcripts, keyboard, address, hostile words, narrow, dark, no script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from scenarios.schema import Consultation
from simulator.report import write_report
from tests.simulator.report_run import HOSTILE, shipped_cases, write_run

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Consultation]]:
    folder = tmp_path_factory.mktemp("report")
    records = write_run(folder / "run", shipped_cases(folder, 8))
    return write_report(folder / "run"), records


@pytest.fixture()
def open_page(chromium: Browser, run: tuple[Path, list[Consultation]]) -> Iterator[Open]:
    """Open a report; afterwards fail on anything that the console or a request complained about."""
    problems: list[str] = []
    contexts = []

    def make(hash_: str = "", *, path: Path | None = None, width: int = 1280, height: int = 900,
             scheme: str = "light", script: bool = True) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else problems.append(r.url))
        page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto((path or run[0]).as_uri() + hash_)
        if script:
            page.wait_for_selector(".chat")
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


def spoken(page: Page, column: int = 0) -> list[str]:
    return page.locator(f".turn[id^='turn-{column}-'] .said").all_text_contents()


def test_a_consultation_is_found_by_filter_and_read_as_it_was_spoken(
    open_page: Open, run: tuple[Path, list[Consultation]]
) -> None:
    page = open_page()
    page.select_option("select[name=doctor]", "one-shot")
    expect(page.locator(".count")).to_have_text("16 of 48")
    assert set(page.locator(".row .doctor").all_inner_texts()) == {"one-shot", "one-shot 2"}
    page.select_option("select[name=language]", "zh")
    expect(page.locator(".count")).to_have_text("8 of 48")
    page.locator(".row").nth(3).click()
    name = page.locator(".row[aria-current]").get_attribute("data-id")
    expect(page.locator(f".reader[data-shown='{name}']")).to_be_visible()
    record = next(r for r in run[1] if f"{r.key.case}/{r.key.doctor}/{r.key.trial}" == name)
    assert spoken(page) == [turn.text for turn in record.turns]
    assert page.locator(".chatbox").get_attribute("lang") == "zh-Hans"


def test_the_address_restores_what_was_shown(open_page: Open) -> None:
    page = open_page()
    page.select_option("select[name=doctor]", "checklist")
    page.locator(".row").nth(4).click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".turn[aria-current]")).to_have_attribute("data-turn", "1")
    address = page.evaluate("location.hash")
    again = open_page(address)
    expect(again.locator(".turn[aria-current]")).to_have_attribute("data-turn", "1")
    assert again.input_value("select[name=doctor]") == "checklist"
    assert again.locator(".reader").get_attribute("data-shown") == page.locator(".reader").get_attribute("data-shown")


def test_keys_walk_turns_and_consultations_and_back_undoes(open_page: Open) -> None:
    page = open_page()
    names = [row.get_attribute("data-id") for row in page.locator(".row").all()[:3]]
    shown = page.locator(".reader")
    for key, at in (("n", 1), ("n", 2), ("p", 1)):
        page.keyboard.press(key)
        expect(shown).to_have_attribute("data-shown", names[at] or "")
    page.go_back()
    expect(shown).to_have_attribute("data-shown", names[2] or "")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".turn[aria-current]")).to_have_attribute("data-turn", "0")
    page.keyboard.press("/")
    page.keyboard.type("nj")
    assert page.input_value("input[name=q]") == "nj", "keys are letters while one types"


def test_text_search_reads_the_packed_transcripts(open_page: Open, run: tuple[Path, list[Consultation]]) -> None:
    page = open_page()
    word = "tracing"
    hits = [r for r in run[1] if any(word in turn.text.lower() for turn in r.turns)]
    assert 0 < len(hits) < len(run[1])
    page.fill("input[name=q]", word)
    expect(page.locator(".count")).to_have_text(f"{len(hits)} of 48")
    assert page.locator(".row").count() == len(hits)
    page.fill("input[name=q]", "no such words anywhere")
    expect(page.locator(".count")).to_have_text("0 of 48")
    expect(page.locator(".list")).to_contain_text("No consultation matches")


def test_the_same_case_stands_side_by_side_and_exchanges_share_a_line(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("s")
    expect(page.locator(".chat.several .head")).to_have_count(3)
    for exchange in range(1, page.locator(".cell[data-column='0']").count() + 1):
        tops = {round(cell.bounding_box()["y"]) for cell in page.locator(f".cell[data-exchange='{exchange}']").all()}
        assert len(tops) == 1, f"exchange {exchange} stands on one line"
    other = page.locator(".head .name").first
    name = other.inner_text()
    other.click()
    expect(page.locator(".head b")).to_have_text(name)


def test_evidence_stands_beside_its_turn_and_gives_its_reason(
    open_page: Open, run: tuple[Path, list[Consultation]]
) -> None:
    record = next(r for r in run[1] if r.scored and any(e.tag == "premature" for e in r.verdicts[0].evidence))
    page = open_page(f"#c={record.key.case}/{record.key.doctor}/{record.key.trial}")
    bad = next(e for e in record.verdicts[0].evidence if e.tag == "premature")
    chip = page.locator(f"#turn-0-{bad.turn} .chip.bad")
    expect(chip).to_have_text("premature")
    chip.click()
    expect(page.locator(f"#turn-0-{bad.turn} .reasons")).to_have_text(bad.reason)
    expect(page.locator(".verdict")).to_contain_text("missed critical fact")
    expect(page.locator(".case")).to_contain_text("recall low")


def test_a_critical_item_leads_to_the_turn_that_brought_it(open_page: Open) -> None:
    page = open_page()
    page.locator(".elicited a").first.click()
    expect(page.locator(".turn.patient[aria-current]")).to_have_count(1)


def test_a_missing_score_says_why(open_page: Open) -> None:
    page = open_page()
    page.locator(".verdict details summary").click()
    expect(page.locator(".verdict details")).to_contain_text("not scored: the case has no red flags")


def test_hostile_words_are_shown_and_not_run(open_page: Open, tmp_path: Path) -> None:
    write_run(tmp_path / "run", shipped_cases(tmp_path, 2), hostile=True)
    page = open_page(path=write_report(tmp_path / "run"))
    assert any(HOSTILE in text for text in spoken(page))
    assert page.locator(".reader script, .reader img").count() == 0


@pytest.mark.parametrize("view", ["", "#view=side"])
def test_nothing_scrolls_sideways_on_a_telephone(open_page: Open, view: str) -> None:
    page = open_page(view, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_figures_show_without_javascript(open_page: Open) -> None:
    page = open_page(script=False)
    assert page.locator("table.figures").first.is_visible()
    assert page.locator("svg.plot").count() == 4 and page.locator("svg.plot").first.is_visible()
    assert page.locator("noscript p").is_visible() and not page.locator("#app").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pictures_for_the_eye(open_page: Open, artifacts: Path, width: int, scheme: str) -> None:
    page = open_page(width=width, height=900, scheme=scheme)
    page.screenshot(path=artifacts / f"report-{width}-{scheme}.png", full_page=True)
    page.keyboard.press("s")
    page.wait_for_selector(".chat.several")
    page.locator("#consultations").screenshot(path=artifacts / f"report-side-{width}-{scheme}.png")
    if width == 1280:
        page.emulate_media(media="print")
        page.screenshot(path=artifacts / f"report-print-{scheme}.png", full_page=True)
    assert (artifacts / f"report-{width}-{scheme}.png").stat().st_size > 20_000
