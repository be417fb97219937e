"""A session's branches as files, and as a run folder that everything which reads runs can read."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from scenarios.errors import InputError, RunFolderError, UnknownName
from scenarios.loader import library_cases
from scenarios.schema import BackendRef, Case
from simulator.cli import main
from simulator.compare import compare_runs
from simulator.finish import finish_run
from simulator.rejudge import rejudge
from simulator.run_list import RunList
from simulator.session import Casting, Session, SessionBook, open_book
from simulator.session.export import export_session
from simulator.store import read_cases, read_consultations, read_run


@pytest.fixture(params=["zh", "en"])
def case(request: pytest.FixtureRequest) -> Case:
    return library_cases(request.param, limit=1)[0]


async def forked(book: SessionBook, case: Case) -> Session:
    """Return a session with four branches: two over, one by the same doctor again, one that is not over."""
    casting = Casting(doctor=BackendRef(backend="history-taker"), doctor_name="careful", seed=3)
    session = await book.create(case, casting)
    await session.run()
    await session.run((await session.fork("main", 2, doctor=BackendRef(backend="checklist"), doctor_name="list")).id)
    await session.run((await session.fork("main", 0, name="again", seed=4)).id)
    await session.next((await session.fork("main", 2, name="open", doctor=BackendRef(backend="human"))).id)
    return session


async def test_a_run_folder_is_read_by_everything_that_reads_runs(tmp_path: Path, case: Case) -> None:
    folder = tmp_path / "runs" / "stepped"
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        session = await forked(book, case)
        said = await export_session(session, folder, "run")
        assert "4 branches" in said and "4 of them judged now" in said and "1 not over and therefore not scored" in said
        assert (await session.snapshot("b2")).judged, "the verdicts are kept with the session"
        turns = {branch.id: (await session.snapshot(branch.id)).turns for branch in (await session.info()).branches}
    names = {"main": "careful.main", "b2": "list.b2", "again": "careful.again", "open": "human.open"}
    records = {record.key.doctor: record for record in read_consultations(folder)}
    assert {branch: records[name].turns for branch, name in names.items()} == turns
    assert {record.key.trial for record in records.values()} == {0}
    described = read_run(folder)
    assert set(described["batch"]["doctors"]) == set(names.values()) and described["planned"] == 4
    assert "the first 2 turns are those of main" in described["batch"]["description"]
    assert read_cases(folder)[case.id] == case

    summary = finish_run(folder).summary
    assert summary["consultations"] == {
        "planned": 4, "finished": 4, "scored": 3, "by_stop_reason": summary["consultations"]["by_stop_reason"]}
    assert (folder / "report.html").stat().st_size > 20_000
    assert compare_runs((folder,))["paired"], "branches meet each other on the case"
    run = RunList(tmp_path / "runs").find("stepped")
    assert run.consultation(case.id, "list.b2", 0).turns == turns["b2"]
    again = tmp_path / "again"
    assert await asyncio.to_thread(rejudge, folder, again) == ""
    metrics = {record.key.doctor: record.metrics for record in read_consultations(again)}
    assert metrics == {name: record.metrics for name, record in records.items()}


async def test_what_is_not_over_scores_nobody(tmp_path: Path, case: Case) -> None:
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        session = await forked(book, case)
        await export_session(session, tmp_path / "run", "run", ("open", "main"))
    records = {record.key.doctor: record for record in read_consultations(tmp_path / "run")}
    unfinished = records["human.open"]
    assert not unfinished.scored and unfinished.stop_reason == "failed"
    assert [(one.owner, one.kind) for one in unfinished.failures[:1]] == [("infrastructure", "unfinished")]
    assert "before the doctor spoke" in unfinished.failures[0].message
    assert records["careful"].scored and records["careful"].metrics["total"] > 0, "alone, a doctor keeps its name"


async def test_a_doctor_is_not_named_alone_for_words_that_others_spoke(tmp_path: Path, case: Case) -> None:
    casting = Casting(doctor=BackendRef(backend="one-shot"), doctor_name="quick", seed=3)
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        for number, meddle in enumerate(("nobody", "edit", "say", "patient", "swap")):
            session = await book.create(case, casting)
            await session.next()
            if meddle == "edit":
                await session.next()
                await session.edit("main", 2, "Where does it hurt? 哪里疼？")
            elif meddle == "say":
                await session.say("main", "doctor", "Where does it hurt? 哪里疼？")
            elif meddle == "patient":
                await session.next()
                await session.say("main", "patient", "Thank you. 谢谢。")
            elif meddle == "swap":
                await session.cast("main", doctor=BackendRef(backend="checklist"), doctor_name="quick")
                await session.next()
                await session.cast("main", doctor=BackendRef(backend="one-shot"), doctor_name="quick")
            await session.run()
            folder = tmp_path / str(number)
            await export_session(session, folder, "run")
            batch = read_run(folder)["batch"]
            whole = meddle == "nobody"
            assert list(batch["doctors"]) == (["quick"] if whole else ["quick.main"]), meddle
            assert ("a person's or another backend's" in batch["description"]) is not whole


async def test_lines_and_dialogues_hold_the_branches_asked_for(tmp_path: Path, case: Case) -> None:
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        session = await forked(book, case)
        await export_session(session, tmp_path / "all.jsonl", "jsonl")
        await export_session(session, tmp_path / "two.json", "sharegpt", ("b2", "main", "b2"))
        texts = [turn.text for turn in (await session.snapshot("b2")).turns if turn.role == "doctor"]
        assert not (await session.snapshot("main")).judged, "nobody is judged for this"
        with pytest.raises(UnknownName, match="unknown branch of this session 'b9'"):
            await export_session(session, tmp_path / "x", "jsonl", ("b9",))
        with pytest.raises(UnknownName, match="unknown format"):
            await export_session(session, tmp_path / "x", "csv")
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    assert [(line["key"]["doctor"], line["key"]["trial"]) for line in lines] == [
        ("careful", 0), ("list", 1), ("careful", 2), ("human", 3)]
    dialogues = json.loads((tmp_path / "two.json").read_text("utf-8"))
    assert len(dialogues) == 2
    assert [one["value"] for one in dialogues[0]["conversations"] if one["from"] == "gpt"] == texts


async def test_a_run_folder_is_never_written_over_nor_written_for_nothing(tmp_path: Path, case: Case) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    async with open_book(str(tmp_path / "s.sqlite")) as book:
        casting = Casting(doctor=BackendRef(backend="one-shot"), doctor_name="one-shot")
        session = await book.create(case, casting)
        with pytest.raises(InputError, match="nothing has been said"):
            await export_session(session, tmp_path / "new", "run")
        await session.next()
        with pytest.raises(RunFolderError, match="not empty"):
            await export_session(session, tmp_path / "there", "run")
    assert not (tmp_path / "new").exists() and [one.name for one in (tmp_path / "there").iterdir()] == ["mine.txt"]


def clinic(*words: str | Path) -> tuple[int, str, str]:
    out, problems = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(problems):
        try:
            main.main([str(word) for word in words])
        except SystemExit as end:
            return int(end.code or 0), out.getvalue(), problems.getvalue()
    raise AssertionError("a command ends with an exit code")


async def make(place: Path, case: Case) -> str:
    async with open_book(str(place)) as book:
        session = await forked(book, case)
        await session.label("[red]\x1b[2Jfirst try", "b2")
        return session.id


def test_sessions_are_listed_shown_exported_and_deleted(tmp_path: Path, case: Case) -> None:
    place = tmp_path / "s.sqlite"
    there = ("--sessions", place)
    assert clinic("session", "list", *there)[0] == 2 and not place.exists(), "looking makes no file"
    name = asyncio.run(make(place, case))
    code, out, _ = clinic("session", "list", *there)
    assert code == 0 and name in out and case.id[:20] in out
    listed = json.loads(clinic("session", "list", "--json", *there)[1])
    assert [branch["doctor"] for branch in listed[0]["branches"]] == ["careful", "list", "careful", "human"]
    code, out, _ = clinic("session", "show", name, "--branch", "b2", *there)
    assert code == 0 and "[b2 1 patient] " in out and "b2: from turn 2 · list" in out
    assert "\x1b" not in out and r"[red]\x1b[2Jfirst try" in out
    code, _, problem = clinic("session", "export", name, "-o", tmp_path / "x.jsonl", "--branch", "main", *there)
    assert code == 0 and "1 branch written" in problem
    code, _, problem = clinic("session", "show", "nobody", *there)
    assert code == 2 and "unknown session 'nobody'" in problem
    assert clinic("session", "delete", name, "--yes", *there)[0] == 0
    assert "no session yet" in clinic("session", "list", *there)[1]
