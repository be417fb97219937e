from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenarios.schema import Case, Consultation
from simulator import pages
from simulator.showing.consultation_page import case_card, column_of
from simulator.store import read_cases, read_consultations
from simulator.web.links import ServerLinks
from tests.web.stored_runs import Page

LINKS = ServerLinks("0")


@pytest.fixture(scope="session")
def record(small_runs: Path) -> Consultation:
    return next(one for one in read_consultations(small_runs / "small") if one.key.doctor == "careful")


@pytest.fixture(scope="session")
def case(small_runs: Path, record: Consultation) -> Case:
    return read_cases(small_runs / "small")[record.key.case]


def drawn(record: Consultation, case: Case, turns: int, next_: str, **live: Any) -> Page:
    so_far = record.model_copy(update={"turns": record.turns[:turns], "verdicts": (), "metrics": {}})
    column = column_of(so_far, case, LINKS, "", ended=next_ == "end")
    source = '{% import "web/chat.html.j2" as draw %}{{ draw.chat([column], live) }}'
    return Page(pages.environment().from_string(source).render(column=column, live={"next": next_, **live}))


@pytest.mark.parametrize(("turns", "next_"), [(0, "patient"), (1, "doctor"), (2, "patient")])
def test_the_cursor_stands_where_the_next_sentence_comes(
    record: Consultation, case: Case, turns: int, next_: str
) -> None:
    page = drawn(record, case, turns, next_)
    spoken = page.all("div", class_="turn")
    assert [one["id"] for one in spoken] == [*(f"turn-0-{index}" for index in range(turns)), "cursor"]
    assert spoken[-1]["data-role"] == next_
    cells = page.all("div", class_="cell")
    assert len([one for one in cells if "empty" not in one["class"]]) == (2 if turns == 2 else 1)
    assert not page.all("div", class_="end")


def test_every_turn_can_be_gone_back_to(record: Consultation, case: Case) -> None:
    page = drawn(record, case, 4, "patient")
    assert [one["data-keep"] for one in page.all("button")] == ["1", "2", "3", "4"]
    assert not drawn(record, case, 4, "patient", keep=False).all("button")


def test_a_consultation_that_is_over_says_why_and_has_no_cursor(record: Consultation, case: Case) -> None:
    page = drawn(record, case, len(record.turns), "end")
    assert record.stop_reason.replace("_", " ") in page.all("div", class_="end")[0]["text"]
    assert "cursor" not in page.anchors()


def test_nothing_of_a_run_is_offered(record: Consultation, case: Case) -> None:
    assert not drawn(record, case, 4, "patient").all("a")


def test_a_case_that_the_run_does_not_hold_still_has_a_strip() -> None:
    card = case_card(None, "lost", {"recall": "low", "personality": "talkative", "confusion": "none"})
    assert (card.title, card.persona, card.lang) == ("lost", "recall low · talkative", "")
    source = '{% import "web/chat.html.j2" as draw %}{{ draw.case_strip(card) }}'
    assert "not in this run" in pages.environment().from_string(source).render(card=card)
