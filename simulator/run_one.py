"""Layer 1, execute: machines and one case become one Consultation; knows no registry, config file or disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from graphs.routing import stop_reason
from scenarios.errors import AgentFailure
from scenarios.schema import Case, Consultation, Failure, Key, Persona, Timing, Turn, Verdict

Machine = CompiledStateGraph[Any, Any, Any, Any]
OnTurn = Callable[[Turn], None]

NOT_THE_DOCTORS = frozenset({"infrastructure", "patient", "voice", "listener", "examiner"})
"""Failures of these owners keep a consultation out of the doctor's score."""


@dataclass(frozen=True)
class Room:
    """The compiled machines of one doctor's consulting room and the rules that hold in it."""

    consultation: Machine
    judging: Machine
    persona: Persona
    max_turns: int


@dataclass(frozen=True)
class Held:
    """A consultation that has been held and not yet judged; ``wall_s`` is the time it took to hold."""

    room: Room
    case: Case
    key: Key
    turns: tuple[Turn, ...]
    failures: tuple[Failure, ...]
    started_at: datetime
    wall_s: float


async def run_one(room: Room, case: Case, key: Key, *, said: tuple[Turn, ...] = (), on_turn: OnTurn) -> Consultation:
    """Hold one consultation and judge it; see ``hold`` and ``conclude``."""
    return await conclude(await hold(room, case, key, said=said, on_turn=on_turn))


async def hold(room: Room, case: Case, key: Key, *, said: tuple[Turn, ...] = (), on_turn: OnTurn) -> Held:
    """Let doctor and patient talk until the consultation ends.

    Args:
        room: the machines.
        case: the patient.
        key: what this consultation is called; ``key.seed`` seeds every turn.
        said: turns already spoken, when an interrupted consultation goes on.
        on_turn: called with each finished turn, before the next begins (the journal).

    Returns:
        What was said. An agent's failure is part of it; only what ``on_turn`` raises gets out.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    start = {"case": case, "persona": room.persona, "seed": key.seed, "max_turns": room.max_turns, "turns": said}
    turns, failures = list(said), list[Failure]()
    try:
        stream = room.consultation.astream(start, {"recursion_limit": 4 * room.max_turns + 10}, stream_mode="updates")
        async for update in stream:
            for change in update.values():
                for turn in change.get("turns", ()):
                    on_turn(turn)
                    turns.append(turn)
    except AgentFailure as error:
        failures.append(Failure(owner=error.owner, kind=error.kind, message=error.message, turn=len(turns)))
    wall_s = round(time.perf_counter() - clock, 6)
    return Held(room, case, key, tuple(turns), tuple(failures), started, wall_s)


async def conclude(held: Held) -> Consultation:
    """Judge what was held and return the whole record."""
    verdicts, found = await judge_turns(held.room.judging, held.case, held.turns, held.key.seed)
    failures = (*held.failures, *found)
    return Consultation(
        key=held.key, language=held.case.language, turns=held.turns,
        stop_reason=stop_reason(held.turns, held.room.max_turns), verdicts=verdicts,
        metrics=merge_metrics(verdicts, held.turns), failures=failures, scored=is_scored(failures),
        timing=Timing(started_at=held.started_at.isoformat(timespec="milliseconds"), wall_s=held.wall_s),
    )


async def judge_turns(
    judging: Machine, case: Case, turns: tuple[Turn, ...], seed: int
) -> tuple[tuple[Verdict, ...], tuple[Failure, ...]]:
    """Return the verdicts on a transcript and what the judging found wrong (patient's breaches, silent judges)."""
    state = await judging.ainvoke({"case": case, "turns": turns, "seed": seed})
    return tuple(state["verdicts"]), tuple(state["failures"])


def merge_metrics(verdicts: Iterable[Verdict], turns: tuple[Turn, ...]) -> dict[str, float]:
    """Return one flat table row: the first judge's metrics and scores by their own names, the others' as judge.name."""
    row: dict[str, float] = {"exchanges": float(turns[-1].exchange) if turns else 0.0}
    for index, verdict in enumerate(verdicts):
        prefix = "" if index == 0 else f"{verdict.judge}."
        for name, value in (*verdict.scores.items(), *verdict.metrics.items()):
            row[prefix + name] = round(float(value), 6)
    return row


def is_scored(failures: Iterable[Failure]) -> bool:
    """Whether the consultation says something about its doctor."""
    return not any(failure.owner in NOT_THE_DOCTORS for failure in failures)
