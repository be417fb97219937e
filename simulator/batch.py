"""Layer 3, batch: a plan, an engine and a run folder; resumes, counts and reports, decides nothing about content."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog

from agents.llm.tape import on_tape
from agents.sound.shelf import SoundShelf, shelved
from scenarios.errors import InputError, Interrupted
from scenarios.schema import Case, Consultation, Key, KeyId, Turn
from simulator.budget import Budget, BudgetSpent, Meter, raise_spent, spent_before
from simulator.build import Staff
from simulator.engines.local import LocalEngine
from simulator.engines.ray import RayEngine
from simulator.engines.ray_cluster import cluster
from simulator.plan import Plan
from simulator.preflight import preflight
from simulator.run_one import Held, conclude, hold
from simulator.store import RunWriter
from simulator.tape import RunTape
from simulator.usage import Spent

log = structlog.get_logger(__name__)


class Progress(Protocol):
    """What a progress display must be able to do."""

    def start(self, total: int, already: int) -> None:
        """Say how many consultations there are and how many an earlier run finished."""

    def consultation(self, done: Consultation) -> None:
        """Note one finished consultation."""


@dataclass
class Tally:
    """What happened in this process: counts only, so that memory stays bounded.

    ``spent`` counts earlier processes of the run too when there is a budget. ``budget_note`` says how to go on after
    a budget that ended the batch, ``replay_note`` what a replay did not find; both are '' otherwise.
    """

    total: int = 0
    already: int = 0
    held: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    stopped: bool = False
    spent: Spent = field(default_factory=Spent)
    budget_note: str = ""
    replay_note: str = ""

    def note(self, done: Consultation) -> None:
        """Count one finished consultation."""
        self.held += 1
        self.failures.update(failure.owner for failure in done.failures)


@dataclass(frozen=True)
class Terms:
    """What a batch may use and ask.

    Args:
        budget: nothing new starts once it is spent.
        preflight: ask every server first whether it can serve the batch.
        replay: a run folder whose recorded replies stand in for every model.
    """

    budget: Budget | None = None
    preflight: bool = False
    replay: Path | None = None


@dataclass(frozen=True)
class Quiet:
    """A progress display that shows nothing."""

    def start(self, total: int, already: int) -> None:
        """Show nothing."""

    def consultation(self, done: Consultation) -> None:
        """Show nothing."""


def run_batch(
    plan: Plan,
    staff: Staff,
    folder: Path,
    info: dict[str, Any],
    *,
    resume: bool = False,
    progress: Progress | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    terms: Terms | None = None,
) -> Tally:
    """Hold every consultation of ``plan`` that ``folder`` has not finished yet.

    ``engine`` says where: in this process, or by actors on the Ray cluster at ``address`` (None: one is started here).

    Raises:
        ClinicError: a server that cannot serve the batch (with ``terms.preflight``); nothing was written.
        InputError: an address that no Ray cluster answers, or that the engine has no use for.
        MissingExtra: Ray is not installed.
        RunFolderError: the folder is unsuitable or cannot be written; what was finished is kept.
        Interrupted: Ctrl-C or SIGTERM; the journal is whole and the message says how to go on.
    """
    if address and engine != "ray":
        raise InputError("--address is the address of a Ray cluster: add --engine ray")
    terms = terms or Terms()
    if terms.replay and engine == "ray":
        raise InputError("--replay asks no model, so there is nothing to spread over a cluster: leave out --engine ray")
    tape, shelf = RunTape(folder, terms.replay), SoundShelf(folder, terms.replay)
    with (
        cluster(address) if engine == "ray" else nullcontext() as ray,
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        try:
            if terms.preflight and not terms.replay:
                runner.run(preflight(plan, staff))
            writer = RunWriter(folder, plan.identity(), info, resume=resume)
            try:
                writer.write_cases(plan.all_cases)
                meter = Meter(terms.budget, spent_before(folder) if terms.budget else Spent())
                with _settled_memory():
                    tally = runner.run(_run(plan, staff, writer, progress or Quiet(), meter, tape, shelf, ray))
            finally:
                writer.close()
                tape.close()
                shelf.close()
        finally:
            runner.run(staff.close())
    if tally.stopped:
        raise Interrupted(
            f"stopped after {tally.already + tally.held} of {tally.total} consultations; everything finished is in "
            f"{folder}. Run the same command with --resume to go on."
        )
    return tally


async def _run(
    plan: Plan, staff: Staff, writer: RunWriter, progress: Progress, meter: Meter, tape: RunTape, shelf: SoundShelf,
    ray: Any = None,
) -> Tally:
    finished = writer.finished()
    begun = writer.unfinished(finished)
    tally = Tally(total=len(plan), spent=meter.spent)
    tally.already = sum(1 for key, _ in plan.jobs() if _name(key) in finished) if finished else 0
    log.info("batch starts", consultations=tally.total, finished=tally.already, begun=len(begun))
    progress.start(tally.total, tally.already)

    def said(key: Key) -> tuple[Turn, ...]:
        return begun.pop(_name(key), ())

    stop = asyncio.Event()

    def journal(key: Key) -> Callable[[Turn], None]:
        return meter.journal(writer.turn_writer(key), raise_spent if ray is None else stop.set)

    async def converse(job: tuple[Key, Case]) -> Held | None:
        key, case = job
        try:
            return await hold(staff.rooms[key.doctor], case, key, said=said(key), on_turn=journal(key))
        except BudgetSpent:
            return None

    def done(record: Consultation | None) -> None:
        if record is None:
            return
        writer.consultation(record)
        meter.judged(record)
        tally.note(record)
        progress.consultation(record)

    let_go = _stop_on_signals(stop)
    try:
        jobs = meter.while_left(_open_jobs(plan, finished))
        workers = max(1, min(plan.batch.concurrency, tally.total - tally.already))
        if ray is None:
            with on_tape(tape), shelved(shelf):
                await LocalEngine(converse, meter.while_left_to(conclude), done, workers).run(jobs, stop)
        else:
            await RayEngine(
                ray, plan.batch, staff.fingerprints, said=said, journal=journal, done=done,
                concurrency=workers, keep=tape.keep, shelf=shelf,
            ).run(jobs, stop)
    finally:
        let_go()
    finished_now = tally.already + tally.held
    if meter.reached and finished_now < tally.total:
        tally.budget_note = meter.how_to_go_on(finished_now, tally.total)
    tally.stopped = stop.is_set() and not tally.budget_note
    tally.replay_note = tape.why_missing(plan.identity())
    return tally


def _open_jobs(plan: Plan, finished: set[KeyId]) -> Iterator[tuple[Key, Case]]:
    return ((key, case) for key, case in plan.jobs() if _name(key) not in finished)


def _name(key: Key) -> KeyId:
    return KeyId(key.case, key.doctor, key.trial)


def _stop_on_signals(stop: asyncio.Event) -> Callable[[], None]:
    """Let SIGINT and SIGTERM set ``stop``; returns what undoes it. Does nothing outside the main thread."""
    loop = asyncio.get_running_loop()
    caught = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
            caught.append(number)
        except (NotImplementedError, RuntimeError, ValueError):
            log.debug("signal not caught", signal=number)

    def let_go() -> None:
        for number in caught:
            loop.remove_signal_handler(number)

    return let_go


@contextmanager
def _settled_memory() -> Iterator[None]:
    """Keep the garbage collector from visiting what lives as long as the batch: modules, cases, knowledge."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


