"""Compares the doctors of stored runs two by two with a referee; simulates nothing, resumes, counts no wins."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agents import catalog
from agents.llm.tape import current_tape, on_tape
from graphs.pairing import build_pairing
from scenarios.errors import BatchFileError, ClinicError, InputError, Interrupted
from scenarios.identity import content_hash, derive_seed
from scenarios.loader import load_batch
from scenarios.schema import BackendRef, Turn
from scenarios.schema.pairing import Pairing
from simulator.build import fingerprint
from simulator.engines.local import LocalEngine
from simulator.pairing_store import PairId, PairingBook, finished, read_pairings
from simulator.run_one import Machine
from simulator.shelf import Pair, Shelf, run_names
from simulator.tape import RunTape


class PairProgress(Protocol):
    """What a progress display must be able to do."""

    def start(self, total: int, already: int) -> None:
        """Say how many comparisons there are and how many an earlier call finished."""

    def pairing(self, done: Pairing) -> None:
        """Note one finished comparison."""


@dataclass
class PairTally:
    """What happened in this process, and what cannot be compared."""

    total: int = 0
    already: int = 0
    compared: int = 0
    unparsed: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, str] = field(default_factory=dict)

    def note(self, done: Pairing) -> None:
        """Count one comparison."""
        self.compared += 1
        self.unparsed += not done.preference.parsed
        self.failures.update(f"{one.owner}: {one.kind}" for one in done.failures)


@dataclass(frozen=True)
class _Job:
    pair: Pair
    name: PairId
    turns_a: tuple[Turn, ...]
    turns_b: tuple[Turn, ...]
    config_hash: str


def pair_runs(
    folders: tuple[Path, ...], out: Path, referee: BackendRef, progress: PairProgress | None = None, *,
    replay: Path | None = None,
) -> PairTally:
    """Let ``referee`` compare every two doctors on each case and trial that both held and that are scored.

    Comparisons that ``out`` holds already are not repeated, except those during which a server failed.

    Args:
        folders: one run, whose own doctors are compared, or several, between which doctors are compared.
        out: where the comparisons go: the run folder itself or one of their own.
        referee: the backend and its options.
        progress: shown as comparisons end.
        replay: a folder whose recorded replies stand in for the referee's model.

    Raises:
        InputError: a wrong backend or option, or fewer than two doctors.
        RunFolderError: no run folder, or ``out`` holds comparisons by another referee.
        Interrupted: Ctrl-C; what was finished is kept.
    """
    agent = catalog.create("referee", referee)
    shelf = Shelf.of(folders)
    if len(shelf.doctors) < 2 or not any(True for _ in shelf.pairs()):
        raise InputError(
            f"{', '.join(map(str, folders))}: no case that two doctors have both held and that is scored, so there is "
            "nothing to compare. A run needs two doctors; two runs need the same cases."
        )
    names = run_names(folders) if len(folders) > 1 else ("run",)  # a run may be moved or renamed
    who = {
        "referee": catalog.identity("referee", referee), "fingerprint": fingerprint(agent),
        "runs": dict(zip(names, (one.get("hash", "") for one in shelf.described), strict=True)),
    }
    book = PairingBook(out, who)
    batch = shelf.described[0].get("batch", {})
    machine = build_pairing(
        agent, timeout_s=float(batch.get("turn_timeout_s", 120.0)), retries=int(batch.get("retries", 2))
    ).compile()
    tape = RunTape(out, replay)
    try:
        with on_tape(tape):
            tally = asyncio.run(_compare_all(shelf, machine, agent, book, content_hash(who), progress))
    except KeyboardInterrupt as error:
        raise Interrupted(f"stopped; what was compared is in {out}. Run the same command again to go on.") from error
    finally:
        tape.close()
        book.close()
    return tally


def nothing_to_pair(folder: Path) -> bool:
    """Whether no two doctors of the run have held the same case and trial with a score."""
    return not any(True for _ in Shelf.of((folder,)).pairs())


def referee_of(described: dict[str, Any], batch_file: Path | None) -> BackendRef:
    """Return the referee of a batch file or, without one, of the run; raises InputError when there is none."""
    if batch_file is not None:
        batch, source = load_batch(batch_file)
        if batch.referee is None:
            raise InputError(f"{batch_file} names no referee. Add 'referee: {{backend: pairwise, model: NAME}}'.")
        try:
            catalog.validate_options(catalog.find("referee", batch.referee.backend), batch.referee.options)
        except ClinicError as error:
            line = source.line_of(("referee", "backend"))
            raise BatchFileError(source.name, str(error), line=line, key="referee") from error
        return batch.referee
    stored = described.get("batch", {}).get("referee")
    if not stored:
        raise InputError("the run's batch names no referee. Say --referee-from BATCH with one that does.")
    return BackendRef.model_validate(stored)


async def _compare_all(
    shelf: Shelf, machine: Machine, agent: Any, book: PairingBook, who: str, progress: PairProgress | None
) -> PairTally:
    known = finished(read_pairings(book.folder))
    tally = PairTally(left_out=shelf.left_out)
    pairs = [_name(pair) for pair in shelf.pairs()]
    tally.total, tally.already = len(pairs), sum(name in known for name in pairs)
    if progress:
        progress.start(tally.total, tally.already)

    def done(pairing: Pairing) -> None:
        book.add(pairing)
        tally.note(pairing)
        if progress:
            progress.pairing(pairing)

    batch = shelf.described[0].get("batch", {})
    workers = max(1, min(int(batch.get("concurrency", 32)), tally.total))
    try:
        if hasattr(agent, "preflight") and tally.already < tally.total and not _replaying():
            await agent.preflight(_longest(shelf, agent, int(batch.get("max_turns", 6))))
        engine = LocalEngine(_ready, _comparing(machine, shelf), done, workers)
        await engine.run(_jobs(shelf, known, who), asyncio.Event())
    finally:
        if hasattr(agent, "aclose"):
            await agent.aclose()
    return tally


def _replaying() -> bool:
    tape = current_tape()
    return tape is not None and tape.replaying


async def _ready(job: _Job) -> _Job:
    return job


def _comparing(machine: Machine, shelf: Shelf) -> Callable[[_Job], Any]:
    seed = int(shelf.described[0].get("seed") or 0)

    async def compare(job: _Job) -> Pairing:
        state = await machine.ainvoke({
            "case": job.pair.case, "turns_a": job.turns_a, "turns_b": job.turns_b, "seed": derive_seed(seed, *job.name),
        })
        return Pairing(
            **job.name._asdict(), config_hash=job.config_hash, preference=state["preference"],
            failures=tuple(state["failures"]),
        )

    return compare


def _jobs(shelf: Shelf, known: dict[PairId, str], who: str) -> Iterator[_Job]:
    """Yield the comparisons that are still to be made, reading two transcripts at a time."""
    for pair in shelf.pairs():
        turns_a, turns_b = shelf.fetch(pair.a).turns, shelf.fetch(pair.b).turns
        said = [[(turn.role, turn.text) for turn in turns] for turns in (turns_a, turns_b)]
        config = content_hash({"who": who, "case": pair.case, "said": said})
        if known.get(_name(pair)) != config:
            yield _Job(pair, _name(pair), turns_a, turns_b, config)


def _name(pair: Pair) -> PairId:
    return PairId(pair.case.id, pair.trial, pair.a.doctor, pair.b.doctor)


def _longest(shelf: Shelf, agent: Any, max_turns: int) -> int:
    """Return the longest prompt with reply that is expected, in tokens."""
    if not hasattr(agent, "forecast"):
        return 0
    return max(int(agent.forecast(case, max_turns).longest) for case in shelf.cases.values())
