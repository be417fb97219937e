"""Judges stored consultations again into a new run folder; it simulates nothing and leaves the old run as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents import catalog
from agents.llm.tape import on_tape
from scenarios.errors import InputError, RunFolderError
from scenarios.loader import load_batch
from scenarios.schema import Case, Consultation, JudgeRef
from simulator.batch import Progress, Quiet
from simulator.build import build_judges, close_all
from simulator.carried import carry_sound
from simulator.engines.local import LocalEngine
from simulator.preflight import ask_all
from simulator.run_one import Machine, is_scored, judge_turns, merge_metrics
from simulator.store import RunWriter, read_cases, read_consultations, read_run
from simulator.tape import RunTape


def rejudge(
    run: Path, out: Path, *, names: tuple[str, ...] = (), judges_from: Path | None = None,
    progress: Progress | None = None, replay: Path | None = None, ask_first: bool = False,
) -> str:
    """Write ``out`` with the turns of ``run`` and new verdicts.

    Args:
        run: the run folder to be judged; it stays as it is.
        out: a new run folder.
        names: backends to judge by.
        judges_from: a batch file to take the judges from.
        progress: shown as consultations are judged.
        replay: a run folder whose recorded replies stand in for every model.
        ask_first: ask the judges' servers first whether they can serve this.

    Returns:
        What a replay did not find, or ''.

    Raises:
        ClinicError: a server that cannot serve the judges (with ``ask_first``); nothing was written.
        RunFolderError, InputError: unsuitable folders or judges.
    """
    described = read_run(run)
    cases = read_cases(run)
    refs = _judges(described, names, judges_from)
    for ref in refs:
        catalog.validate_options(catalog.find("judge", ref.backend), ref.options)
    shown = [ref.model_dump(mode="json") for ref in refs]
    info = {**described, "judged_from": str(run), "batch": {**described["batch"], "judges": shown}}
    identity = {**info.pop("identity"), "judges": shown}
    batch, tape = described["batch"], RunTape(out, replay)
    machine, judges = build_judges(refs, timeout_s=batch["turn_timeout_s"], retries=batch["retries"])
    shown_to = progress or Quiet()
    with asyncio.Runner() as runner:
        try:
            if ask_first and not replay:
                named = {f"judge {name}": judge for name, judge in judges.items()}
                runner.run(ask_all(named, cases.values(), batch["max_turns"]))
            writer = RunWriter(out, identity, info, resume=False)
            try:
                writer.write_cases(tuple(cases.values()))
                carry_sound(run, out)
                shown_to.start(sum(1 for _ in read_consultations(run)), 0)

                def done(record: Consultation) -> None:
                    writer.consultation(record)
                    shown_to.consultation(record)

                runner.run(_judge_all(run, cases, machine, done, batch["concurrency"], tape))
            finally:
                writer.close()
                tape.close()
        finally:
            runner.run(close_all(judges.values()))
    return tape.why_missing(identity)


async def _judge_all(
    run: Path, cases: dict[str, Case], machine: Machine, done: Callable[[Consultation], None], concurrency: int,
    tape: RunTape,
) -> None:
    async def held(old: Consultation) -> Consultation:
        if old.key.case not in cases:
            raise RunFolderError(f"{run} holds a consultation of case {old.key.case!r}, which its cases.jsonl lacks")
        return old

    async def judged(old: Consultation) -> Consultation:
        return await _judge_again(machine, cases[old.key.case], old)

    engine = LocalEngine(held, judged, done, concurrency)
    with on_tape(tape):
        await engine.run(read_consultations(run), asyncio.Event())


async def _judge_again(machine: Machine, case: Case, old: Consultation) -> Consultation:
    """Replace what judging found; a consultation that broke off keeps the failure that broke it, its first."""
    verdicts, found = await judge_turns(machine, case, old.turns, old.key.seed)
    failures = (*(old.failures[:1] if old.stop_reason == "failed" else ()), *found)
    return old.model_copy(update={
        "verdicts": verdicts, "metrics": merge_metrics(verdicts, old.turns), "failures": failures,
        "scored": is_scored(failures),
    })


def _judges(described: dict[str, Any], names: tuple[str, ...], judges_from: Path | None) -> list[JudgeRef]:
    if names and judges_from:
        raise InputError("give either --judge or --judges-from, not both")
    if names:
        return [JudgeRef(backend=name) for name in names]
    if judges_from:
        return list(load_batch(judges_from)[0].judges)
    return [JudgeRef.model_validate(ref) for ref in described["batch"]["judges"]]
