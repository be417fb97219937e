from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import mean
from typing import Any

import httpx
import pytest
from scipy import stats

from scenarios.schema import Consultation
from scenarios.schema.pairing import Asked, Pairing, Preference
from simulator.pages import signed
from simulator.showing.case_pairs import case_difference, over_trials, run_differences
from simulator.store import read_cases, read_consultations
from simulator.summary import build_summary
from simulator.web.links import ServerLinks
from simulator.web.settings import Settings
from tests.web.conftest import opened
from tests.web.stored_runs import Page, changed, changed_case, copied

LINKS = ServerLinks("0")
BOTH = ("careful", "quick")


@pytest.fixture(scope="session")
def records(small_runs: Path) -> list[Consultation]:
    return list(read_consultations(small_runs / "small"))


@pytest.fixture(scope="session")
def case(small_runs: Path) -> str:
    return min(read_cases(small_runs / "small"))


@pytest.fixture
def runs(small_runs: Path, tmp_path: Path) -> Path:
    for name in ("own", "other"):
        copied(small_runs / "small", tmp_path / "runs" / name)
    return tmp_path / "runs"


@pytest.fixture
async def own_client(runs: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(Settings(runs=runs, sessions=str(tmp_path / "own.sqlite"))) as found:
        yield found.client


async def page_of(client: httpx.AsyncClient, address: str) -> Page:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def names(page: Page) -> list[str]:
    return [one["text"] for one in page.all("a", class_="name")]


def trials(records: list[Consultation], case: str, doctor: str) -> dict[int, Consultation]:
    return {one.key.trial: one for one in records if (one.key.case, one.key.doctor) == (case, doctor)}


async def test_exchange_k_of_all_doctors_stands_on_one_row(
    client: httpx.AsyncClient, records: list[Consultation], case: str
) -> None:
    page = await page_of(client, LINKS.compare("small", case, BOTH, 1))
    shown = [trials(records, case, doctor)[1] for doctor in BOTH]
    cells = [(int(one["data-exchange"]), int(one["data-column"])) for one in page.all("div", class_="cell")]
    longest = max(one.turns[-1].exchange for one in shown)
    assert cells == [(exchange, at) for exchange in range(1, longest + 2) for at in (0, 1)]
    said = {one["id"]: one["text"] for one in page.all("div", class_="turn")}
    for at, record in enumerate(shown):
        for turn in record.turns:
            assert turn.text in said[f"turn-{at}-{turn.index}"]
    assert set(page.cited()) <= page.anchors()
    assert names(page) == list(BOTH)
    assert [one["href"] for one in page.all("a", class_="name")] == [
        LINKS.consultation("small", record.key) for record in shown]


async def test_sentences_that_all_share_step_back(
    client: httpx.AsyncClient, records: list[Consultation], case: str
) -> None:
    page = await page_of(client, LINKS.compare("small", case, BOTH))
    a, b = (trials(records, case, doctor)[0] for doctor in BOTH)
    assert a.turns[0].text == b.turns[0].text and a.turns[1].text != b.turns[1].text
    shared = {one["id"] for one in page.all("div", class_="shared")}
    assert {"turn-0-0", "turn-1-0"} <= shared and not {"turn-0-1", "turn-1-1"} & shared


async def test_heads_tell_the_total_and_how_it_varies(
    client: httpx.AsyncClient, records: list[Consultation], case: str
) -> None:
    page = await page_of(client, LINKS.compare("small", case, BOTH))
    for head, doctor in zip(page.all("span", class_="score"), BOTH, strict=True):
        theirs = trials(records, case, doctor)
        assert head["text"].split()[0] == f"{theirs[0].metrics['total']:.1f}"
        assert over_trials(theirs) in head["text"] and "2 trials" in over_trials(theirs)


async def test_differences_of_the_case_stand_beside_those_of_the_run(
    client: httpx.AsyncClient, small_runs: Path, records: list[Consultation], case: str
) -> None:
    a, b = (trials(records, case, doctor) for doctor in BOTH)
    page = await page_of(client, LINKS.compare("small", case, BOTH))
    table = page.all("table", class_="paired")[0]["text"]
    here = mean(a[trial].metrics["total"] - b[trial].metrics["total"] for trial in a)
    run = next(row for row in build_summary(small_runs / "small")["paired"] if row["metric"] == "total")
    for value in (here, run["mean"], *run["ci95"]):
        assert signed(value, "total") in table
    turned = (await page_of(client, LINKS.compare("small", case, BOTH[::-1]))).all("table", class_="paired")[0]["text"]
    for value in (-here, -run["mean"], -run["ci95"][0]):
        assert signed(value, "total") in turned


def test_an_interval_of_one_case_is_students_over_its_trials(records: list[Consultation], case: str) -> None:
    def scored(total: float, trial: int) -> Consultation:
        model = records[0]
        return model.model_copy(update={"metrics": {"total": total}, "scored": True,
                                        "key": model.key.model_copy(update={"trial": trial})})

    a = {trial: scored(total, trial) for trial, total in enumerate((80.0, 84.0, 79.0))}
    b = {trial: scored(total, trial) for trial, total in enumerate((70.0, 71.0, 90.0))}
    found = case_difference("total", a, b)
    assert found is not None and found.interval is not None
    paired = stats.ttest_rel([80, 84, 79], [70, 71, 90]).confidence_interval()
    assert found.interval == pytest.approx((paired.low, paired.high))
    assert found.mean == pytest.approx(4.0)
    assert (found.won, found.tied, found.lost) == (2, 0, 1)
    one = case_difference("total", a, {0: b[0]})
    assert one is not None and (one.interval, one.why, one.n) == (None, "one trial has no interval", 1)
    same = case_difference("total", a, a)
    assert same is not None and (same.interval, same.why, same.tied) == (None, "same in 3 trials", 3)
    spoiled = {trial: record.model_copy(update={"scored": False}) for trial, record in b.items()}
    assert case_difference("total", a, spoiled) is None
    assert (over_trials(a), over_trials({0: a[0]}), over_trials(spoiled)) == ("3 trials: 81.0 ±2.6", "", "")


def test_a_runs_difference_is_turned_with_the_doctors() -> None:
    row = {"a": "x", "b": "y", "metric": "total", "mean": 2.0, "ci95": [-1.0, 5.0], "n_cases": 4, "wins": 3, "ties": 1,
           "losses": 0}
    forth, back = (run_differences({"paired": [row]}, *pair)["total"] for pair in (("x", "y"), ("y", "x")))
    assert (forth.mean, forth.interval, forth.won, forth.lost) == (2.0, (-1.0, 5.0), 3, 0)
    assert (back.mean, back.interval, back.won, back.lost) == (-2.0, (-5.0, 1.0), 0, 3)
    assert run_differences({"paired": [row]}, "x", "z") == {} == run_differences({"paired": [row]}, "x", "x")


async def test_who_elicited_what_leads_to_the_sentence(
    client: httpx.AsyncClient, small_runs: Path, records: list[Consultation], case: str
) -> None:
    page = await page_of(client, LINKS.compare("small", case, BOTH))
    table = page.all("details", class_="elicited")[0]["text"]
    critical = read_cases(small_runs / "small")[case].critical_ids
    told = {item: turn for turn in reversed(trials(records, case, "careful")[0].turns) if turn.role == "patient"
            for item in turn.disclosed if item in critical}
    assert told and table.count("exchange") >= len(told)
    cited = [one for one in page.cited() if one.startswith("turn-0-")]
    assert {f"turn-0-{turn.index}" for turn in told.values()} <= set(cited)
    assert table.count("never") + table.count("exchange") == 2 * len(critical)


async def test_another_run_is_shown_when_its_case_is_the_same(own_client: httpx.AsyncClient, case: str) -> None:
    page = await page_of(own_client, LINKS.compare("own", case, ("careful", "other/careful")))
    assert names(page) == ["careful", "other/careful"]
    assert page.all("a", class_="name")[1]["href"].startswith("/runs/other/c/")
    assert "different runs" in page.all("section", class_="pairing")[0]["text"]
    offered = [one["value"] for one in page.all("input", type="checkbox")]
    assert offered == ["careful", "quick", "other/careful", "other/quick"]
    assert [one["value"] for one in page.all("input", type="checkbox") if "checked" in one] == [
        "careful", "other/careful"]


async def test_another_patient_of_the_same_name_is_not_set_beside(
    runs: Path, own_client: httpx.AsyncClient, case: str
) -> None:
    changed_case(runs / "other", case, chief_complaint="Something else altogether.")
    described = json.loads((runs / "other" / "run.json").read_text("utf-8"))
    described["identity"]["cases"][case] = "0" * 16
    (runs / "other" / "run.json").write_text(json.dumps(described), "utf-8")
    page = await page_of(own_client, LINKS.compare("own", case, ("careful", "other/careful")))
    assert names(page) == ["careful"]
    assert "content differs" in page.all("p", role="status")[0]["text"]
    assert all("other" not in one["value"] for one in page.all("input", type="checkbox"))


async def test_a_missing_trial_is_replaced_and_said(runs: Path, own_client: httpx.AsyncClient, case: str) -> None:
    gone = {"case": case, "doctor": "quick", "trial": 1}
    changed(runs / "own", lambda line: None if gone.items() <= line["key"].items() else line)
    page = await page_of(own_client, LINKS.compare("own", case, BOTH, 1))
    heads = [one["text"] for one in page.all("div", class_="head")]
    assert "trial 2 is not there" in heads[1] and "not there" not in heads[0]
    assert "mean of 1 trial " in page.all("table", class_="paired")[0]["text"]
    assert "one trial has no interval" in page.all("table", class_="paired")[0]["text"]


async def test_a_doctor_without_the_case_is_said_and_the_rest_shown(
    runs: Path, own_client: httpx.AsyncClient, case: str
) -> None:
    gone = {"case": case, "doctor": "quick"}
    changed(runs / "own", lambda line: None if gone.items() <= line["key"].items() else line)
    page = await page_of(own_client, LINKS.compare("own", case, BOTH))
    assert names(page) == ["careful"]
    assert "quick has no finished consultation" in page.all("p", role="status")[0]["text"]


async def test_no_more_columns_than_can_be_read(
    runs: Path, small_runs: Path, own_client: httpx.AsyncClient, case: str
) -> None:
    for name in ("third", "fourth"):
        copied(small_runs / "small", runs / name)
    asked = [f"{run}/{doctor}" for run in ("own", "other", "third", "fourth") for doctor in BOTH]
    page = await page_of(own_client, LINKS.compare("own", case, asked))
    assert len(names(page)) == 6
    assert "first 6 of 8" in page.all("p", role="status")[0]["text"]


async def test_cases_are_leafed_through_with_the_same_doctors(client: httpx.AsyncClient, small_runs: Path) -> None:
    order = sorted(read_cases(small_runs / "small"))
    page = await page_of(client, LINKS.compare("small", order[1], ("quick", "careful"), 1))
    assert page.all("a", rel="prev")[0]["href"] == LINKS.compare("small", order[0], ("quick", "careful"), 1)
    assert page.all("a", rel="next")[0]["href"] == LINKS.compare("small", order[2], ("quick", "careful"), 1)
    assert not (await page_of(client, LINKS.compare("small", order[-1]))).all("a", rel="next")


async def test_a_referees_preference_is_shown(runs: Path, own_client: httpx.AsyncClient, case: str) -> None:
    bad = "<b>asks more</b>"
    sure = Preference.of(
        Asked(better="first", dimensions={"inquiry": "first"}, reasons={"overall": bad}), Asked(better="second"))
    torn = Preference.of(Asked(better="first"), Asked(better="first"))
    lines: list[Any] = [
        Pairing(case=case, trial=trial, doctor_a="careful", doctor_b="quick", config_hash="0", preference=preference)
        for trial, preference in enumerate((sure, torn))
    ]
    lines.append(lines[0].model_copy(update={"case": "another"}))
    (runs / "own" / "pairings.jsonl").write_text("".join(one.model_dump_json() + "\n" for one in lines), "utf-8")
    address = LINKS.compare("own", case, BOTH)
    page = await page_of(own_client, address)
    section = page.all("section", class_="preferred")[0]["text"]
    assert bad in section and "the two orders of showing disagree" in section
    assert section.count("careful against quick") == 2
    assert not (await page_of(own_client, LINKS.compare("own", case, ("careful",)))).all("section", class_="preferred")


async def test_what_does_not_exist_or_fit_is_refused(client: httpx.AsyncClient, case: str) -> None:
    wanted = {
        f"{case}?doctor=nobody": 404, "nothing": 404, f"{case}?doctor=none/careful": 404,
        f"{case}?doctor=..%2Fx": 400, f"{case}?doctor=a%2Fb%2Fc": 400, f"{case}?trial=-1": 400,
        f"{case}?trial=x": 400, f"{case}?doctor=%3Cscript%3E": 400,
    }
    assert {tail: (await client.get(f"/runs/small/compare/{tail}")).status_code for tail in wanted} == wanted
