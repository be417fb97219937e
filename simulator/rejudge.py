"""Judges stored consultations again into a new run folder; it simulates nothing and leaves the old run as it is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from agents import catalog
from scenarios.errors import InputError, RunFolderError
from scenarios.loader import load_batch
from scenarios.schema import BackendRef, Case, Consultation
from simulator.build import build_judges
from simulator.run_one import NOT_THE_DOCTORS, Machine, is_scored, judge_turns, merge_metrics
from simulator.store import RunWriter, read_cases, read_consultations, read_run

JUDGING_KINDS = frozenset({"judge"})


def rejudge(run: Path, out: Path, *, names: tuple[str, ...] = (), judges_from: Path | None = None) -> None:
    """Write ``out`` with the turns of ``run`` and new verdicts. Raises RunFolderError, InputError."""
    described = read_run(run)
    cases = read_cases(run)
    refs = _judges(described, names, judges_from)
    for ref in refs:
        catalog.validate_options(catalog.find("judge", ref.backend), ref.options)
    shown = [ref.model_dump(mode="json") for ref in refs]
    info = {**described, "judged_from": str(run), "batch": {**described["batch"], "judges": shown}}
    identity = {**info.pop("identity"), "judges": shown}
    writer = RunWriter(out, identity, info, resume=False)
    try:
        writer.write_cases(tuple(cases.values()))
        asyncio.run(_judge_all(run, cases, build_judges(refs, timeout_s=600, retries=2), writer))
    finally:
        writer.close()


async def _judge_all(run: Path, cases: dict[str, Case], machine: Machine, writer: RunWriter) -> None:
    for old in read_consultations(run):
        if old.key.case not in cases:
            raise RunFolderError(f"{run} holds a consultation of case {old.key.case!r}, which its cases.jsonl lacks")
        writer.consultation(await _judge_again(machine, cases[old.key.case], old))


async def _judge_again(machine: Machine, case: Case, old: Consultation) -> Consultation:
    verdicts, found = await judge_turns(machine, case, old.turns, old.key.seed)
    gate_and_judges = {(f.owner, f.kind, f.turn) for f in found}
    kept = tuple(
        f for f in old.failures
        if f.owner != "judge" and (f.owner, f.kind, f.turn) not in gate_and_judges and not _from_gate(f.owner, old)
    )
    failures = (*kept, *found)
    return old.model_copy(update={
        "verdicts": verdicts, "metrics": merge_metrics(verdicts, old.turns), "failures": failures,
        "scored": is_scored(failures),
    })


def _from_gate(owner: str, old: Consultation) -> bool:
    """Whether a patient's failure came from the fidelity gate (the consultation itself did not break off)."""
    return owner == "patient" and old.stop_reason != "failed" and owner in NOT_THE_DOCTORS


def _judges(described: dict[str, Any], names: tuple[str, ...], judges_from: Path | None) -> list[BackendRef]:
    if names and judges_from:
        raise InputError("give either --judge or --judges-from, not both")
    if names:
        return [BackendRef(backend=name) for name in names]
    if judges_from:
        return list(load_batch(judges_from)[0].judges)
    return [BackendRef.model_validate(ref) for ref in described["batch"]["judges"]]
