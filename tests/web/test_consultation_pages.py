from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scenarios.schema import Case, Consultation, Latency, Usage
from simulator.showing.timings import timings
from simulator.store import read_cases, read_consultations
from simulator.web.links import ServerLinks
from simulator.web.settings import Settings
from tests.web.conftest import opened
from tests.web.stored_runs import Page, changed, copied, of

HOSTILE = "</div></script><script>alert(1)</script><img src=x onerror=alert(2)>"
LINKS = ServerLinks("0")


@pytest.fixture(scope="session")
def records(small_runs: Path) -> list[Consultation]:
    return sorted(read_consultations(small_runs / "small"), key=lambda one: one.key.sort_key())


@pytest.fixture(scope="session")
def cases(small_runs: Path) -> dict[str, Case]:
    return read_cases(small_runs / "small")


@pytest.fixture
def own(small_runs: Path, tmp_path: Path) -> Path:
    return copied(small_runs / "small", tmp_path / "runs" / "own")


@pytest.fixture
async def own_client(own: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(Settings(runs=own.parent, sessions=str(tmp_path / "own.sqlite"))) as found:
        yield found.client


async def page_of(client: httpx.AsyncClient, address: str) -> Page:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def careful(records: list[Consultation], language: str) -> Consultation:
    return next(one for one in records if one.key.doctor == "careful" and one.language == language)


@pytest.mark.parametrize(("language", "lang"), [("zh", "zh-Hans"), ("en", "en")])
async def test_a_consultation_is_shown_whole_in_its_own_language(
    client: httpx.AsyncClient, records: list[Consultation], cases: dict[str, Case], language: str, lang: str
) -> None:
    record = careful(records, language)
    case = cases[record.key.case]
    page = await page_of(client, LINKS.consultation("small", record.key))
    said = page.all("div", class_="said")
    assert [one["text"] for one in said] == [turn.text for turn in record.turns]
    assert {one["lang"] for one in said} == {lang}
    assert [(one["id"], one["class"]) for one in page.all("div", class_="turn")] == [
        (f"turn-0-{turn.index}", f"turn {turn.role}") for turn in record.turns
    ]
    assert page.all("html")[0]["lang"] == "en"
    assert (page.all("h1")[0]["text"], page.all("h1")[0]["lang"]) == (case.title, lang)
    assert case.diagnosis is not None
    strip = page.all("section", class_="case")[0]["text"]
    assert case.chief_complaint in strip and case.diagnosis.name in strip


async def test_every_citation_points_at_a_sentence_of_the_page(
    client: httpx.AsyncClient, records: list[Consultation]
) -> None:
    seen = 0
    for record in records:
        page = await page_of(client, LINKS.consultation("small", record.key))
        there, cited = page.anchors(), list(page.cited())
        assert set(cited) <= there
        wanted = [one for verdict in record.verdicts for one in verdict.evidence if one.turn is not None]
        remarks = [one for one in page.all("li") if "exchange" in one["text"]]
        assert len(remarks) == len(wanted)
        seen += len(cited)
    assert seen > 50


async def test_chips_stand_under_the_turn_they_speak_of(
    client: httpx.AsyncClient, records: list[Consultation]
) -> None:
    record = next(one for one in records if one.key.doctor == "quick")
    page = await page_of(client, LINKS.consultation("small", record.key))
    premature = next(one for verdict in record.verdicts for one in verdict.evidence if one.tag == "premature")
    turn = page.all("div", id=f"turn-0-{premature.turn}")[0]
    assert "premature" in turn["text"] and premature.reason in turn["text"]
    assert [chip["text"] for chip in page.all("summary", class_="bad")] == ["premature"]


async def test_the_address_marks_a_turn(client: httpx.AsyncClient, records: list[Consultation]) -> None:
    record = careful(records, "en")
    page = await page_of(client, LINKS.consultation("small", record.key, 2))
    assert [one["id"] for one in page.all("div", aria_current="true")] == ["turn-0-2"]
    far = await page_of(client, LINKS.consultation("small", record.key, 999))
    assert not far.all("div", aria_current="true")


async def test_the_navigation_says_where_one_is(client: httpx.AsyncClient, records: list[Consultation]) -> None:
    page = await page_of(client, LINKS.consultation("small", records[0].key))
    assert [one["text"] for one in page.all("a", aria_current="page")] == ["Runs"]


async def test_next_leads_through_the_whole_run_and_previous_back(
    client: httpx.AsyncClient, records: list[Consultation]
) -> None:
    order = [LINKS.consultation("small", one.key) for one in records]
    at, walked = order[0], [order[0]]
    while (links := (await page_of(client, at)).all("a", rel="next")) and len(walked) <= len(order):
        at = links[0]["href"]
        walked.append(at)
    assert walked == order
    assert (await page_of(client, order[3])).all("a", rel="prev")[0]["href"] == order[2]
    assert not (await page_of(client, order[0])).all("a", rel="prev")


async def test_fork_and_compare_are_one_press_away(client: httpx.AsyncClient, records: list[Consultation]) -> None:
    record = careful(records, "zh")
    page = await page_of(client, LINKS.consultation("small", record.key))
    forks = [one["data-fork"] for one in page.all("div", class_="turn")]
    assert forks == [LINKS.fork("small", record.key, turn.index + 1) for turn in record.turns]
    compare = page.all("a", data_key="c")[0]["href"]
    assert "doctor=careful&doctor=quick" in compare
    assert (await client.get(compare)).status_code == 200


async def test_what_people_and_models_say_is_shown_and_never_run(
    own: Path, own_client: httpx.AsyncClient, records: list[Consultation]
) -> None:
    record = careful(records, "en")

    def poison(line: dict[str, Any]) -> dict[str, Any]:
        for turn in line["turns"]:
            turn |= {"text": f"{turn['text']} {HOSTILE}", "heard": HOSTILE, "requests": [HOSTILE]}
        line["verdicts"][0]["evidence"] = [{"tag": HOSTILE, "reason": HOSTILE, "turn": 0, "good": False},
                                           {"tag": "loose", "reason": HOSTILE, "turn": None, "good": True}]
        line["verdicts"][0]["not_scored"] = {"inquiry": HOSTILE, HOSTILE: HOSTILE}
        line["verdicts"][0]["scores"].pop("inquiry")
        line["failures"] = [{"owner": "doctor", "kind": HOSTILE, "message": HOSTILE, "turn": turn}
                            for turn in (0, None)]
        return line

    changed(own, of(record.key.case, "careful", 0, poison))
    changed(own, lambda line: {**line, "title": HOSTILE} if line["id"] == record.key.case else line, "cases.jsonl")
    for address in (LINKS.consultation("own", record.key), LINKS.compare("own", record.key.case),
                    LINKS.prompt("own", record.key, 1)):
        answer = await own_client.get(address)
        page = Page(answer.text)
        assert answer.status_code == 200
        assert HOSTILE in "".join(one["text"] for one in page.all("main"))
        assert not page.all("img")
        assert all(one.get("src", "").startswith("/static/") and not one["text"] for one in page.all("script"))
        assert not [one for one in page.elements if "style" in one or any(name.startswith("on") for name in one)]
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_the_prompt_of_a_model_is_shown_and_an_embedded_agent_says_that_it_has_none(
    own: Path, own_client: httpx.AsyncClient, records: list[Consultation]
) -> None:
    record = careful(records, "en")
    patient = await page_of(own_client, LINKS.prompt("own", record.key, 0))
    assert not patient.all("section", class_="message")[:-1] and patient.all("p", class_="note")[0]["text"]
    described = json.loads((own / "run.json").read_text("utf-8"))
    described["batch"]["doctors"]["careful"] = {
        "backend": "chat", "model": "m", "base_url": "http://127.0.0.1:1/v1"}
    (own / "run.json").write_text(json.dumps(described), "utf-8")

    def by_a_model(line: dict[str, Any]) -> dict[str, Any]:
        line["turns"][1]["backend"] = "chat"
        return line

    changed(own, of(record.key.case, "careful", record.key.trial, by_a_model))
    page = await page_of(own_client, LINKS.prompt("own", record.key, 1))
    given = [one["text"] for one in page.all("pre")]
    assert any(record.turns[0].text in one for one in given[:-1]), page.all("main")[0]["text"]
    assert given[-1] == record.turns[1].text
    assert (await own_client.get(LINKS.prompt("own", record.key, 999))).status_code == 404


async def test_what_a_judge_was_asked_is_linked_from_its_verdict(
    own: Path, own_client: httpx.AsyncClient, records: list[Consultation]
) -> None:
    record = careful(records, "en")
    page = await page_of(own_client, LINKS.consultation("own", record.key))
    address = LINKS.judge_prompt("own", record.key, "rubric")
    assert address in [one.get("href") for one in page.all("a")]
    assert "asks no model" in (await page_of(own_client, address)).all("main")[0]["text"]
    described = json.loads((own / "run.json").read_text("utf-8"))
    described["batch"]["judges"] = [
        {"backend": "llm", "name": "rubric", "model": "m", "base_url": "http://127.0.0.1:1/v1"}]
    (own / "run.json").write_text(json.dumps(described), "utf-8")
    given = "".join(one["text"] for one in (await page_of(own_client, address)).all("pre"))
    assert all(turn.text.split(".")[0] in given for turn in record.turns[:2])
    assert (await own_client.get(LINKS.judge_prompt("own", record.key, "nobody"))).status_code == 404


async def test_what_is_not_there_is_not_found_and_what_does_not_fit_is_refused(
    client: httpx.AsyncClient, records: list[Consultation]
) -> None:
    case = records[0].key.case
    missing = ["none/c/{case}/careful/0", "small/c/none/careful/0", "small/c/{case}/none/0", "small/c/{case}/careful/9",
               "small/c/{case}/careful/0/audio/0", "..%2Fsmall/c/{case}/careful/0"]
    strange = ["small/c/{case}/careful/-1", "small/c/{case}/careful/x", "small/c/{case}/.careful/0",
               "small/c/{case}/careful/0?t=x", "small/c/{case}/careful/0?t=-1"]
    found = {one: (await client.get(f"/runs/{one.format(case=case)}")).status_code for one in (*missing, *strange)}
    assert found == {**dict.fromkeys(missing, 404), **dict.fromkeys(strange, 400)}


def test_time_and_tokens_are_added_up_by_party(records: list[Consultation]) -> None:
    record = careful(records, "en")
    turns = tuple(
        turn.model_copy(update={"latency": Latency(first_s=0.1 * turn.index, total_s=turn.index),
                                "usage": Usage(prompt=10, completion=2, cached=5)})
        if turn.role == "doctor" else turn.model_copy(update={"latency": Latency()})
        for turn in record.turns[:6]
    )
    rows = {row.who: row for row in timings(record.model_copy(update={"turns": turns}))}
    spoken = [turn.index for turn in turns if turn.role == "doctor"]
    doctor = rows["doctor"]
    assert doctor.total is not None and doctor.first is not None and doctor.usage is not None
    assert (doctor.turns, doctor.total.longest_s, doctor.total.sum_s) == (len(spoken), max(spoken), sum(spoken))
    assert doctor.first.median_s == pytest.approx(0.1 * sorted(spoken)[len(spoken) // 2])
    assert (doctor.usage.prompt, doctor.usage.cached) == (10 * len(spoken), 5 * len(spoken))
    assert (rows["patient"].total, rows["patient"].usage) == (None, None)
