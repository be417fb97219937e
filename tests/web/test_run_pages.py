"""The list of runs and the page of one, asked of the application: every filter is in the address, all is escaped."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import pytest

from scenarios.schema import Consultation
from simulator.finish import finish_run
from simulator.showing.filters import PER_PAGE, Filters
from simulator.store import CONSULTATIONS, RUN, SUMMARY, read_cases, read_consultations
from simulator.web.settings import Settings
from tests.simulator.report_run import HOSTILE, shipped_cases, write_run
from tests.web.conftest import opened


class Page(HTMLParser):
    """What a page has: links to consultations in order, all attributes, and its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self._quiet = False
        self.feed(html)
        self.words = " ".join(" ".join(self.text).split())
        self.rows = [link for link in self.links if "/c/" in link]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.links += [value or "" for name, value in attrs if tag == "a" and name == "href"]
        self._quiet = tag in ("option", "script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._quiet = False

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.text.append(data)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cases, three doctors, four trials: more than one page."""
    folder = tmp_path_factory.mktemp("pages")
    write_run(folder / "compare", shipped_cases(folder, 6), trials=4)
    finish_run(folder / "compare", with_report=False)
    return folder / "compare"


@pytest.fixture()
def runs(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "runs" / "compare")
    return tmp_path / "runs"


@asynccontextmanager
async def site(runs: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(Settings(runs, str(runs.parent / "sessions.sqlite"))) as found:
        yield found.client


async def look(client: httpx.AsyncClient, path: str, status: int = 200) -> Page:
    answer = await client.get(path)
    assert answer.status_code == status, answer.text[:2000]
    return Page(answer.text)


def address(record: Consultation, run: str = "compare") -> str:
    return f"/runs/{run}/c/{record.key.case}/{record.key.doctor}/{record.key.trial}"


def newest_write(run: Path, seconds_ago: float) -> None:
    for path in run.iterdir():
        os.utime(path, (time.time() - seconds_ago,) * 2)


async def test_the_list_shows_how_far_and_how_good_and_what_is_broken(runs: Path, made: Path) -> None:
    lines = (made / CONSULTATIONS).read_bytes().splitlines(keepends=True)
    shutil.copytree(made, runs / "half")
    (runs / "half" / CONSULTATIONS).write_bytes(b"".join(lines[:30]))
    (runs / "broken").mkdir()
    (runs / "broken" / RUN).write_text("{")
    summary = json.loads((made / SUMMARY).read_text("utf-8"))
    async with site(runs) as client:
        page = await look(client, "/")
        assert {"/runs/compare", "/runs/half"} <= set(page.links) and "/runs/broken" not in page.links
        assert "72 of 72 finished" in page.words and "30 of 72 finished under way" in page.words
        assert "cannot be read" in page.words and "6 cases × 3 doctors × 4 trials" in page.words
        total = summary["doctors"]["checklist"]["metrics"]["total"]
        assert f"{total['mean']:.1f} {total['ci95'][0]:.1f}–{total['ci95'][1]:.1f}" in page.words
        assert "failures: patient contradiction" in page.words
        newest_write(runs / "half", 1_000)
        assert "30 of 72 finished stopped" in (await look(client, "/")).words


async def test_an_empty_place_says_which_command_makes_a_run(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    async with site(tmp_path / "runs") as client:
        words = (await look(client, "/")).words
        assert f"clinic run scenarios/batches/quickstart.yaml --out {tmp_path / 'runs'}/quickstart" in words


async def test_a_run_shows_its_figures_as_its_summary_has_them(runs: Path) -> None:
    summary = json.loads((runs / "compare" / SUMMARY).read_text("utf-8"))
    async with site(runs) as client:
        page = await look(client, "/runs/compare")
    assert "history-taker stands first with a total of" in page.words
    for name, one in summary["doctors"].items():
        total = one["metrics"]["total"]
        assert f"{total['mean']:.1f} {total['ci95'][0]:.1f}–{total['ci95'][1]:.1f}" in page.words, name
    row = next(row for row in summary["paired"] if row["metric"] == "total")
    assert f"{row['mean']:+.1f}" in page.words and "patient contradiction" in page.words
    assert "Model use" in page.words
    assert {"doctors", "differences", "figures", "failures", "usage", "consultations"} <= {
        value for _, name, value in page.attributes if name == "id"
    }


async def test_every_consultation_stands_on_exactly_one_page_case_by_case(runs: Path) -> None:
    records = sorted(read_consultations(runs / "compare"), key=lambda one: (
        one.key.case, ("history-taker", "checklist", "one-shot").index(one.key.doctor), one.key.trial))
    async with site(runs) as client:
        found, path = [], "/runs/compare"
        for size in (PER_PAGE, len(records) - PER_PAGE):
            page = await look(client, path)
            assert len(page.rows) == size
            found += page.rows
            path = next((link for link in page.links if "page=2" in link), "")
        assert not path and found == [address(record) for record in records]
        assert (await look(client, "/runs/compare?page=99")).rows == page.rows, "behind the last is the last"
        compare = {link for link in page.links if link.startswith("/runs/compare/compare/")}
        assert compare == {f"/runs/compare/compare/{row.split('/')[4]}" for row in page.rows}
        for path in (page.rows[0], compare.pop()):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("query, fits", [
    ("doctor=one-shot", lambda one, case: one.key.doctor == "one-shot"),
    ("language=zh&doctor=checklist", lambda one, case: one.language == "zh" and one.key.doctor == "checklist"),
    ("department=cardiology", lambda one, case: case.department == "cardiology"),
    ("stop=facts_out", lambda one, case: one.stop_reason == "facts_out"),
    ("failures=any", lambda one, case: bool(one.failures)),
    ("failures=none&doctor=checklist", lambda one, case: not one.failures and one.key.doctor == "checklist"),
    ("failures=patient: contradiction", lambda one, case: bool(one.failures)),
    ("failures=judge: unheard of", lambda one, case: False),
    ("q=when did it begin", lambda one, case: all(
        any(word in turn.text.lower() for turn in one.turns) or word in case.title.lower() + case.id
        for word in ("when", "did", "it", "begin"))),
    ("doctor=nobody", lambda one, case: False),
    ("stop=facts_out&unknown=1&sort=nonsense&page=-3", lambda one, case: one.stop_reason == "facts_out"),
])
async def test_a_filter_leaves_what_fits(runs: Path, query: str, fits: object) -> None:
    assert callable(fits)
    cases = read_cases(runs / "compare")
    expected = {address(one) for one in read_consultations(runs / "compare") if fits(one, cases[one.key.case])}
    async with site(runs) as client:
        page = await look(client, f"/runs/compare?{query}")
        found = set(page.rows)
        for link in {one for one in page.links if "page=2" in one}:
            found |= set((await look(client, link)).rows)
        assert found == expected
        if not expected:
            assert "None of 72 consultations fits" in page.words
        assert any("show all" in text for text in page.text)


async def test_orders_sort_and_the_form_shows_what_was_asked_for(runs: Path) -> None:
    totals = {address(one): (one.metrics["total"] if one.scored else None, one.turns[-1].exchange)
              for one in read_consultations(runs / "compare")}
    async with site(runs) as client:
        for order, place, sign in (("best", 0, -1), ("worst", 0, 1), ("long", 1, -1), ("short", 1, 1)):
            page = await look(client, f"/runs/compare?sort={order}")
            rest = await look(client, f"/runs/compare?sort={order}&page=2")
            values = [totals[row][place] for row in page.rows + rest.rows]
            there = [value for value in values if value is not None]
            assert len(values) == 72 and there == sorted(there, key=lambda value: sign * value), order
            assert values[: len(there)] == there, "who was not scored stands last"
            assert ("option", "value", order) in page.attributes
        text = (await client.get("/runs/compare?sort=best&doctor=checklist&q=%22%3E%3Cb%3E")).text
    assert '<option value="best" selected>' in text and '<option value="checklist" selected>' in text
    assert 'name="q" value="&#34;&gt;&lt;b&gt;"' in text


async def test_what_is_missing_says_why(runs: Path) -> None:
    async with site(runs) as client:
        page = await look(client, "/runs/compare?failures=any")
    assert page.words.count("not scored") >= len(page.rows) > 0
    assert page.words.count("patient: contradiction") == len(page.rows)


async def test_a_run_under_way_refreshes_and_grows(runs: Path) -> None:
    journal = runs / "compare" / CONSULTATIONS
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"")
    async with site(runs) as client:
        page = await look(client, "/runs/compare")
        assert "0 of 72 finished under way" in page.words and "No consultation is finished yet" in page.words
        assert ("main", "data-refresh", "5") in page.attributes and not page.rows
        journal.write_bytes(b"".join(lines[:7]) + lines[7][:99])
        page = await look(client, "/runs/compare")
        assert "7 of 72 finished under way" in page.words and len(page.rows) == 7
        newest_write(runs / "compare", 1_000)
        page = await look(client, "/runs/compare")
        assert "goes on with --resume" in page.words and not [a for a in page.attributes if a[1] == "data-refresh"]
        journal.write_bytes(b"".join(lines))
        page = await look(client, "/runs/compare")
        assert "of 72 finished under way" not in page.words and len(page.rows) == PER_PAGE


async def test_a_broken_journal_is_a_page_that_says_where(runs: Path) -> None:
    with (runs / "compare" / CONSULTATIONS).open("ab") as journal:
        journal.write(b'{"key": "secret-word"}\n')
    async with site(runs) as client:
        page = await look(client, "/runs/compare", 409)
        assert f"{CONSULTATIONS}:73: is not a consultation" in page.words and "secret-word" not in page.words
        assert (await look(client, "/")).links.count("/runs/compare") == 1
        for name in ("nothing", "..%2f..%2fetc", "compare%00", "%3Cscript%3E"):
            answer = await client.get(f"/runs/{name}")
            assert answer.status_code in (400, 404) and "<script>" not in answer.text


async def test_hostile_words_are_shown_and_nothing_stands_inline(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    cases = tuple(case.model_copy(update={"title": HOSTILE}) for case in shipped_cases(tmp_path, 2))
    write_run(runs / "hostile", cases, doctors=("a", HOSTILE), trials=1, name=HOSTILE, hostile=True)
    finish_run(runs / "hostile", with_report=False)
    async with site(runs) as client:
        for path in ("/", "/runs/hostile", "/runs/hostile?q=script", f"/runs/hostile?doctor={HOSTILE}&case={HOSTILE}"):
            text = (await client.get(path)).text
            page = Page(text)
            assert "alert(1)" in unescape(text) and HOSTILE not in text
            assert not [a for a in page.attributes if a[1] == "style" or a[1].startswith("on")]
            assert len(re.findall(r"<script", text)) == len(re.findall(r'<script src="/static/', text)) > 0


def test_filters_survive_their_own_address() -> None:
    asked = Filters("d", "c", "general", "zh", "farewell", "judge: timeout", "a b&c=d", "best", 3)
    assert Filters.read(dict(parse_qsl(asked.query(page=3)))) == asked
    assert Filters.read(dict(parse_qsl(asked.query()))).page == 1 and Filters().query() == ""
    for page in ("٣", "1e3", "-1", "99999999999999", "", "0"):
        assert Filters.read({"page": page}).page == 1
