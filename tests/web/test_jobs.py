"""Batches started from a browser, with real child processes: checked, watched, stopped, gone on with, killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from scenarios.errors import BatchFileError, ClinicError, InputError, NotNow, UnknownName
from simulator.batch import run_batch
from simulator.cli import main
from simulator.forecasting import forecast_batch
from simulator.preparation import prepare
from simulator.store import CONSULTATIONS
from simulator.web import jobs as jobs_module
from simulator.web.job import JobView
from simulator.web.job_check import MAX_BYTES, MAX_DOCTORS, check_text
from simulator.web.job_process import is_locked, is_ours
from simulator.web.job_progress import Standing
from simulator.web.job_store import JOB, JobStore, Kept, Overrides
from simulator.web.jobs import Jobs
from simulator.web.settings import Settings

SMALL = """\
name: small
cases: [{library: zh, limit: 2}]
doctors:
  careful: {backend: history-taker}
  quick: {backend: one-shot}
seed: 7
"""
LONG = SMALL.replace("small", "long").replace("limit: 2", "limit: 6") + "trials: 8\nconcurrency: 2\n"
PLANNED = 6 * 2 * 8
SERVER = """
import asyncio, sys
from pathlib import Path
from simulator.web.jobs import Jobs
from simulator.web.settings import Settings

async def serve():
    jobs = Jobs(Settings(Path(sys.argv[1]), ""))
    await jobs.start(sys.stdin.read())
    await asyncio.sleep(3600)

asyncio.run(serve())
"""


Opening = Callable[..., Jobs]


@pytest.fixture
async def opening(tmp_path: Path) -> AsyncIterator[Opening]:
    """Makes what a server over ``tmp_path`` has; whatever a failed test left running is ended."""
    made: list[Jobs] = []

    def make(*batches: Path) -> Jobs:
        made.append(Jobs(Settings(tmp_path, "", batches)))
        return made[-1]

    yield make
    for jobs in made:
        for view in await jobs.jobs():
            if view.is_active:
                await jobs.stop(view.id)
        await jobs.aclose()


async def until(jobs: Jobs, job: str, holds: Callable[[JobView], bool], limit_s: float = 60) -> JobView:
    end = time.monotonic() + limit_s
    while not holds(view := await jobs.view(job)):
        assert time.monotonic() < end, view
        await asyncio.sleep(0.05)
    return view


def lines_of(run: Path) -> list[str]:
    return (run / CONSULTATIONS).read_text().splitlines()


def keys_of(run: Path) -> list[tuple[str, str, int]]:
    keys = [json.loads(line)["key"] for line in lines_of(run)]
    return [(key["case"], key["doctor"], key["trial"]) for key in keys]


async def test_one_batch_runs_and_is_watched_another_ends_with_the_server(tmp_path: Path, opening: Opening) -> None:
    jobs = opening()
    job, endless = await asyncio.gather(jobs.start(SMALL), jobs.start(SMALL, Overrides(trials=1000)))
    assert {job.id, endless.id} == {"small", "small-2"}
    views = [view async for view in jobs.watch(job.id)]
    last = views[-1]
    assert views[0].state == "running" and views[0].finished == 0 and not views[0].has_run
    assert (last.state, last.finished, last.planned, last.has_run) == ("finished", 4, 4, True)
    summary = json.loads((tmp_path / job.id / "summary.json").read_text())
    for mean in last.means:
        assert mean.mean == pytest.approx(summary["doctors"][mean.doctor]["metrics"]["total"]["mean"])
        assert mean.count == 2
    assert "4 consultations held." in last.log and str(tmp_path) not in "\n".join(last.log)

    await until(jobs, endless.id, lambda view: view.finished > 0)
    await jobs.aclose()
    held = lines_of(tmp_path / endless.id)
    after = {view.id: view for view in await opening().jobs()}
    assert (after[job.id].state, after[job.id].finished) == ("finished", 4)
    ended = after[endless.id]
    assert (ended.state, ended.finished, ended.planned) == ("stopped", len(held), 4000)
    assert not is_locked(tmp_path / endless.id)


async def test_a_killed_server_leaves_a_batch_that_can_be_gone_on_with(tmp_path: Path, opening: Opening) -> None:
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
    assert server.stdin
    server.stdin.write(LONG)
    server.stdin.close()
    jobs, run = opening(), tmp_path / "long"
    while not await jobs.jobs():
        await asyncio.sleep(0.05)
    await until(jobs, "long", lambda view: view.finished >= 8)
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()

    view = await jobs.view("long")
    assert view.state == "running" and view.finished < view.planned == PLANNED
    with pytest.raises(NotNow, match="is running"):
        await jobs.resume("long")
    await jobs.stop("long")
    stopped = await until(jobs, "long", lambda view: not view.is_active)
    before = lines_of(run)
    assert stopped.state == "stopped" and stopped.finished == len(before) < PLANNED and not is_locked(run)

    await jobs.resume("long")
    assert [view async for view in jobs.watch("long")][-1].state == "finished"
    assert lines_of(run)[: len(before)] == before
    assert len(keys_of(run)) == len(set(keys_of(run))) == PLANNED
    with pytest.raises(NotNow, match="finished"):
        await jobs.resume("long")


@pytest.mark.parametrize("text", [
    "", "- a list", "name: x\ncases: [", "name: x\ncases: [{library: zh}]\ndoctorz: {a: {backend: one-shot}}",
    "name: x\ncases: [{library: zh}]\ndoctors:\n  a:\n    backend: one-shott\n",
    "name: x\ncases:\n  - {library: fr}\ndoctors: {a: {backend: one-shot}}",
    "name: x\ncases: [{library: zh, ids: [nobody]}]\ndoctors: {a: {backend: one-shot}}",
    "name: x\ncases: [{library: zh}]\ndoctors:\n  a: {backend: one-shot}\n  b:\n    backend: chat\n    retries: no\n",
    "name: ../../x\ncases: [{library: zh}]\ndoctors: {a: {backend: one-shot}}",
])
def test_a_mistake_is_told_as_on_the_command_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "batch.yaml"
    file.write_text(text)
    told = CliRunner().invoke(main, ["run", str(file), "--dry-run"]).stderr.removeprefix("Error: ").strip()
    with pytest.raises(ClinicError) as error:
        check_text(text, Overrides())
    assert str(error.value) == told.replace(str(file), "batch.yaml")


@pytest.mark.parametrize("source", [
    "secret.yaml", "'*.yaml'", "/etc/passwd", "{import: agentclinic, path: secret.jsonl}",
    "{library: zh}, ./secret.yaml",
])
def test_no_path_of_a_request_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.yaml").write_text("not: a case")
    with pytest.raises(BatchFileError) as error:
        check_text(f"name: x\ncases:\n  [{source}]\ndoctors: {{a: {{backend: one-shot}}}}\n", Overrides())
    assert error.value.line == 3 and error.value.key.startswith("cases.")
    assert "takes shipped cases only" in str(error.value) and "clinic view RUNS --batch FILE" in str(error.value)


def test_what_a_request_may_not_name_is_refused_with_its_line() -> None:
    with pytest.raises(BatchFileError, match=r"^batch\.yaml:5: doctors\.far\.base_url: .*on this machine only"):
        check_text(SMALL.replace("quick: {backend: one-shot}", "far: {backend: chat, base_url: 'http://10.0.0.9/v1'}"),
                   Overrides())


def test_bombs_and_masses_are_refused_quickly() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    many = "name: x\ncases: {library: zh}\ndoctors:\n" + "".join(
        f"  d{n}: {{backend: one-shot}}\n" for n in range(MAX_DOCTORS + 1)
    )
    start = time.monotonic()
    for text, told in (
        (laughs, "too many aliases"), ("[" * 100_000, "nested deeper"), (SMALL + "#" * MAX_BYTES, "larger than"),
        (many, "from a browser at most"), ("&a [*a]", "unknown anchor"), ("a: !!python/object:os.system {}", "tag"),
    ):
        with pytest.raises(BatchFileError, match=told):
            check_text(text, Overrides())
    assert time.monotonic() - start < 5


def test_the_forecast_is_that_of_a_dry_run(tmp_path: Path) -> None:
    model = "backend: chat, model: m, base_url: 'http://127.0.0.1:9/v1'"
    text = SMALL.replace("backend: one-shot", model) + "trials: 5\n"
    (tmp_path / "batch.yaml").write_text(text)
    checked = check_text(text, Overrides(limit=1))
    ready = prepare(tmp_path / "batch.yaml")
    whole = [row for row in forecast_batch(ready.plan.narrowed(limit=1), ready.staff) if row.forecast.calls]
    assert [(row.who, row.consultations, row.forecast) for row in checked.rows] == [
        (row.who, row.consultations, row.forecast) for row in whole
    ]
    assert checked.consultations == 10 and checked.calls > 0 and checked.needs_consent
    assert not check_text(SMALL, Overrides()).needs_consent
    assert check_text(SMALL, Overrides(trials=100)).needs_consent


async def test_what_is_kept_is_not_trusted(tmp_path: Path, opening: Opening) -> None:
    store = JobStore(tmp_path)
    bad = SMALL.replace("{library: zh, limit: 2}", "/etc/passwd")
    store.add(Kept(run="evil", planned=4, created_at="2026-01-02"), bad)
    store.add(Kept(run="file", file="/etc/passwd", planned=4, created_at="2026-01-01"), "")
    lost = store.add(Kept(run="lost", planned=4, created_at="2026-01-01"), SMALL)
    (lost.folder / JOB).write_text(json.dumps({"run": "../../out", "planned": 1, "created_at": ""}))
    jobs = opening()
    assert [(view.id, view.state) for view in await jobs.jobs()] == [("evil", "stopped"), ("file", "stopped")]
    with pytest.raises(BatchFileError, match="shipped cases only"):
        await jobs.resume("evil")
    with pytest.raises(InputError, match="may not start /etc/passwd"):
        await jobs.resume("file")
    with pytest.raises(UnknownName):
        await jobs.find("../../out")


async def test_what_cannot_be_started_or_stopped(
    tmp_path: Path, root: Path, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = root / "scenarios" / "batches" / "quickstart.yaml"
    jobs = opening(quick)
    assert (await jobs.check_file(0, Overrides(trials=1))).consultations == 36
    for place in (-1, 1):
        with pytest.raises(UnknownName, match="batch file"):
            await jobs.start_file(place)
    monkeypatch.setattr(jobs_module, "MAX_RUNNING", 0)
    with pytest.raises(NotNow, match="0 batches are running"):
        await jobs.start(SMALL)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="folder above"):
        await jobs.start(SMALL)
    JobStore(tmp_path).add(Kept(run="old", planned=4, created_at="2026-01-01"), SMALL)
    with pytest.raises(NotNow, match="not running"):
        await jobs.stop("old")
    assert not (tmp_path / "small").exists()


def test_the_journal_is_read_once(tmp_path: Path, root: Path) -> None:
    ready = prepare(root / "scenarios" / "batches" / "quickstart.yaml", {"trials": 1})
    run_batch(ready.plan.narrowed(limit=2), ready.staff, tmp_path / "run", {}, resume=False)
    whole = (tmp_path / "run" / CONSULTATIONS).read_bytes()
    cut = whole.index(b"\n", len(whole) // 2) + 1
    file = tmp_path / CONSULTATIONS
    standing = Standing(tmp_path)
    standing.refresh()
    assert standing.finished == 0
    file.write_bytes(whole[: cut - 1])
    standing.refresh()
    torn = standing.finished
    file.write_bytes(b"x" * cut + whole[cut:])
    with file.open("r+b") as journal:  # what was read before is never looked at again, the torn line is
        start = whole.rindex(b"\n", 0, cut - 1) + 1
        journal.seek(start)
        journal.write(whole[start:cut])
    standing.refresh()
    assert 0 < torn < standing.finished == whole.count(b"\n") == 6
    assert sum(mean.count for mean in standing.means()) == 6


def test_a_number_that_another_process_has_now_is_not_ours(tmp_path: Path) -> None:
    assert not is_ours(os.getpid(), tmp_path)
    assert not is_ours(0, tmp_path) and not is_ours(2**22 + 1, tmp_path)
    words = [sys.executable, "-c", "input()", "simulator", str(tmp_path)]
    other = subprocess.Popen(words, stdin=subprocess.PIPE)
    try:
        while b"input()" not in Path(f"/proc/{other.pid}/cmdline").read_bytes():
            time.sleep(0.01)
        assert is_ours(other.pid, tmp_path)
    finally:
        other.communicate(b"\n")
