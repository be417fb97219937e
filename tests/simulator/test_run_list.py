"""The list of runs and one run opened for reading: names are never paths, broken folders break nothing."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from scenarios.errors import RunFolderError, UnknownName
from simulator.finish import finish_run
from simulator.run_folder import SEARCHES
from simulator.run_list import OPEN, RunList
from simulator.run_search import search, words_of
from simulator.store import CONSULTATIONS, RUN, SUMMARY, TURNS, read_cases, read_consultations
from simulator.summary import build_summary
from tests.simulator.report_run import shipped_cases, write_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("list")
    write_run(folder / "run", shipped_cases(folder, 6), trials=2)
    return folder / "run"


@pytest.fixture()
def root(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "runs" / "first")
    return tmp_path / "runs"


def describe(run: Path, **changes: object) -> None:
    told = json.loads((run / RUN).read_text("utf-8"))
    (run / RUN).write_text(json.dumps(told | changes), "utf-8")


def test_runs_are_listed_newest_first_with_what_is_finished(root: Path, made: Path) -> None:
    shutil.copytree(made, root / "second")
    describe(root / "first", created_at="2026-01-02T00:00:00+00:00")
    describe(root / "second", created_at="2026-01-03T00:00:00+00:00", planned=50)
    finish_run(root / "first", with_report=False)
    second, first = RunList(root).runs()
    assert (first.name, first.finished, first.planned, first.problem) == ("first", 36, 36, "")
    assert (second.name, second.finished, second.planned, second.summary) == ("second", 36, 50, None)
    assert first.summary == json.loads((root / "first" / SUMMARY).read_text("utf-8"))
    assert first.described["batch"]["doctors"]


def test_one_run_folder_is_a_list_of_one_whatever_it_is_called(root: Path) -> None:
    assert [one.name for one in RunList(root / "first").runs()] == ["first"]
    (root / "first").rename(root / "a run of mine")
    alone = RunList(root / "a run of mine")
    assert [one.name for one in alone.runs()] == ["run"] and len(alone.find("run").index()) == 36
    assert RunList(root / "nothing-there").runs() == []


def test_odd_entries_are_passed_over_and_broken_runs_say_what_is_wrong(root: Path, made: Path, tmp_path: Path) -> None:
    elsewhere = Path(shutil.copytree(made, tmp_path / "elsewhere"))
    (root / "linked").symlink_to(elsewhere)
    (root / "loop").symlink_to(root)
    (root / "linked-file").mkdir()
    (root / "linked-file" / RUN).symlink_to(elsewhere / RUN)
    (root / "notes.txt").write_text("x")
    (root / ".hidden").mkdir()
    shutil.copy(made / RUN, root / ".hidden" / RUN)
    (root / "empty").mkdir()
    for name, content in (("broken", "{"), ("list", "[]"), ("types", '{"identity": {}, "batch": 3}')):
        (root / name).mkdir()
        (root / name / RUN).write_text(content)
    (root / "lost").mkdir()
    (root / "lost" / CONSULTATIONS).touch()
    (root / "a <b> name").mkdir()
    shutil.copy(made / RUN, root / "a <b> name" / RUN)
    found = {one.name: one.problem for one in RunList(root).runs()}
    assert set(found) == {"first", "broken", "list", "types", "lost", "a <b> name"}
    assert not found["first"] and "cannot be read" in found["broken"]
    assert "description of a run" in found["list"] and "'batch'" in found["types"]
    assert "no run.json" in found["lost"] and "rename it" in found["a <b> name"]
    with pytest.raises(RunFolderError, match="rename it"):
        RunList(root).find("a <b> name")


@pytest.mark.parametrize("name", ["../elsewhere", "..", ".", "", "first/../first", "/etc", "first\0", "FIRST"])
def test_a_name_is_compared_never_joined(root: Path, made: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(made, tmp_path / "elsewhere")
    with pytest.raises(UnknownName):
        RunList(root).find(name)


def test_every_consultation_and_case_is_found_at_its_place(root: Path) -> None:
    run = RunList(root).find("first")
    for record in read_consultations(run.folder):
        assert run.consultation(record.key.case, record.key.doctor, record.key.trial) == record
    cases = read_cases(run.folder)
    assert dict(run.cases()) == cases and len(run.cases()) == len(cases) and "nobody" not in run.cases()
    assert run.cases().get("nobody") is None


def test_what_a_run_does_not_have_is_named(root: Path) -> None:
    run = RunList(root).find("first")
    case, doctor, _ = run.index().key(0)
    wrong = {"doctor": (case, "nobody", 0), "case": ("nothing", doctor, 0), "trial": (case, doctor, 7)}
    for what, asked in wrong.items():
        with pytest.raises(UnknownName, match=f"unknown {what}"):
            run.consultation(*asked)


def test_the_summary_is_the_stored_one_only_while_it_speaks_of_all(root: Path) -> None:
    folder = root / "first"
    run = RunList(root).find("first")
    computed = run.summary()
    assert computed == build_summary(folder), "computed from the index as from the journal"
    told = finish_run(folder, with_report=False).summary
    (folder / SUMMARY).write_text(json.dumps(told | {"notice": "stored"}), "utf-8")
    assert run.summary()["notice"] == "stored"
    for spoiled in ("{", "[]", json.dumps({"doctors": {}}), json.dumps(told | {"notice": "stored", "doctors": {}})):
        (folder / SUMMARY).write_text(spoiled, "utf-8")
        assert RunList(root).find("first").summary() == computed
    (folder / SUMMARY).write_text(json.dumps(told | {"notice": "stored"}), "utf-8")
    lines = (folder / CONSULTATIONS).read_bytes().splitlines(keepends=True)
    (folder / CONSULTATIONS).write_bytes(b"".join(lines[:-4]))
    assert run.summary()["consultations"]["finished"] == 32 and run.stored_summary(32) is None


def test_a_growing_run_is_counted_and_under_way_until_nothing_is_written(root: Path) -> None:
    folder = root / "first"
    lines = (folder / CONSULTATIONS).read_bytes().splitlines(keepends=True)
    (folder / CONSULTATIONS).write_bytes(b"".join(lines[:3]) + lines[3][:40])
    runs = RunList(root)
    assert runs.runs()[0].finished == 3 and runs.runs()[0].underway
    with (folder / CONSULTATIONS).open("ab") as journal:
        journal.write(lines[3][40:] + lines[4])
    assert runs.runs()[0].finished == 5 == len(runs.find("first").index())
    short, *_, long = sorted(lines[2:], key=len)
    (folder / CONSULTATIONS).write_bytes(b"".join(lines[:2]) + long[:-1])
    assert runs.runs()[0].finished == 2
    os.truncate(folder / CONSULTATIONS, sum(len(line) for line in lines[:2]))
    with (folder / CONSULTATIONS).open("ab") as journal:
        journal.write(short + long)
    assert runs.runs()[0].finished == 4 == len(runs.find("first").index()), "a torn line was cut off by a resumed run"
    for name in (CONSULTATIONS, RUN, TURNS):
        os.utime(folder / name, (time.time() - 900,) * 2)
    assert not runs.runs()[0].underway
    (folder / CONSULTATIONS).write_bytes(b"".join(lines))
    assert runs.runs()[0].finished == 36 and not runs.runs()[0].underway


def test_few_runs_stay_in_memory(root: Path) -> None:
    for number in range(OPEN + 2):
        (root / f"r{number}").mkdir()
        shutil.copy(root / "first" / RUN, root / f"r{number}" / RUN)
    runs = RunList(root)
    first = runs.find("first")
    held = first.index()
    for number in range(OPEN - 1):
        runs.find(f"r{number}").index()
    assert first.index() is held
    runs.find(f"r{OPEN}")
    assert first.index() is not held and len(first.index()) == 36, "let go of, and read again when asked for"


def test_words_are_looked_for_in_what_was_said_and_in_titles(root: Path) -> None:
    run = RunList(root).find("first")
    index, cases = run.index(), run.cases()

    def expected(*words: str) -> list[bool]:
        found = []
        for row in range(len(index)):
            record = run.consultation(*index.key(row))
            case = cases[record.key.case]
            heads = [case.id, case.title, case.diagnosis.name if case.diagnosis else ""]
            texts = [text.lower() for text in (*heads, *(turn.text for turn in record.turns))]
            found.append(all(any(word in text for text in texts) for word in words))
        return found

    for query in ("When did it begin", "WHEN", "什么时候", "fever weight", "caf\\", '"', "{", "疼", "doctor", "agenda"):
        found = run.search(query, index)
        assert found is not None and found.whole
        assert found.rows.tolist() == expected(*words_of(query)), query
    rewritten = [json.dumps(json.loads(line)) + "\n" for line in (run.folder / CONSULTATIONS).open(encoding="utf-8")]
    (run.folder / CONSULTATIONS).write_text("".join(rewritten), "utf-8")
    again = run.search("什么时候", run.index())
    assert again is not None and again.rows.tolist() == expected("什么时候"), "a file that other tools wrote"
    assert any(expected("when")) and any(expected("什么时候")) and not any(expected("agenda"))
    assert run.search("  ", index) is None and len(words_of("a " * 900)) == 1


def test_a_search_is_bounded_and_says_how_far_it_came(root: Path) -> None:
    run = RunList(root).find("first")
    index, journal = run.index(), root / "first" / CONSULTATIONS
    part = search(journal, index, ("e",), most_bytes=journal.stat().st_size // 2)
    assert not part.whole and 10 < part.searched < 26
    for number in range(3 * SEARCHES):
        run.search(f"word{number}", index)
    assert len(run._searches) == SEARCHES
