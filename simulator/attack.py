"""Attacks a batch's own judges and referee with a battery of injections; measures shifts, changes no run.

Clean consultations are held by the embedded agents, so that they are the same on every machine. Each injection is
added to what its speaker says last, and the judge sees the consultation with it and without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from agents import catalog
from agents.protocols import Judge, JudgeView, PairView, Referee
from graphs.calls import guarded
from graphs.consultation import Cast, build_consultation
from graphs.judging import build_judging
from graphs.pairing import ORDERS
from scenarios.errors import AgentFailure, InputError
from scenarios.identity import derive_seed
from scenarios.loader import library_cases
from scenarios.schema import BackendRef, Batch, Case, Key, Language, Persona, Turn, Verdict
from scenarios.schema.injection import Injection
from scenarios.schema.pairing import Preference
from simulator.attack_figures import CLEAN, Outcome
from simulator.engines.local import LocalEngine
from simulator.metric_names import better
from simulator.run_one import Room, hold

LANGUAGES: tuple[Language, ...] = ("zh", "en")
DOCTORS = ("checklist", "one-shot")
"""Who holds the clean consultations: middling and poor ones, so that a score has room to rise."""
EXCHANGES = 4
_POINTS = {"a": 1.0, "tie": 0.0, "b": -1.0}


@dataclass(frozen=True)
class Clean:
    """A consultation without any injection."""

    name: str
    case: Case
    turns: tuple[Turn, ...]


class AttackProgress(Protocol):
    """What a progress display must be able to do."""

    def start(self, total: int) -> None:
        """Say how many judgements there will be."""

    def judged(self) -> None:
        """Note one."""


@dataclass(frozen=True)
class _Job:
    target: str
    clean: Clean
    injection: Injection | None
    repeat: int = 0


def clean_consultations(seed: int, count: int, languages: Sequence[Language] = LANGUAGES) -> tuple[Clean, ...]:
    """Hold ``count`` consultations in each language, always the same for the same seed."""
    return asyncio.run(_hold_clean(seed, count, languages))


def injected(turns: tuple[Turn, ...], injection: Injection) -> tuple[Turn, ...]:
    """Return the consultation with the injection added to what its speaker says last."""
    last = max(place for place, turn in enumerate(turns) if turn.role == injection.speaker)
    told = turns[last].model_copy(update={"text": f"{turns[last].text}\n{injection.said}"})
    return (*turns[:last], told, *turns[last + 1 :])


def attack(
    batch: Batch, injections: Sequence[Injection], clean: Sequence[Clean], *,
    names: Sequence[str] = (), progress: AttackProgress | None = None,
) -> list[Outcome]:
    """Return what each judge, and the referee, said of every clean and every injected consultation.

    The referee compares the injected consultation with the same one left clean: a tie is right.

    Args:
        batch: whose judges and referee are attacked.
        injections: the battery.
        clean: the consultations; an injection goes into those of its language.
        names: only these judges ('referee' is the referee's name); empty: all.
        progress: shown as judgements end.

    Raises:
        InputError: no such judge.
    """
    targets = _targets(batch, names)
    return asyncio.run(_attack_all(batch, targets, injections, clean, progress))


async def _attack_all(
    batch: Batch, targets: Mapping[str, Judge | Referee], injections: Sequence[Injection], clean: Sequence[Clean],
    progress: AttackProgress | None,
) -> list[Outcome]:
    jobs = [
        _Job(target, one, injection, repeat)
        for target in targets for one in clean
        for injection, repeat in [(None, 0), (None, 1), *((each, 0) for each in injections)]
        if injection is None or injection.language == one.case.language
    ]
    if progress:
        progress.start(len(jobs))
    found: list[Outcome] = []

    def done(outcome: Outcome) -> None:
        found.append(outcome)
        if progress:
            progress.judged()

    async with _closing(targets.values()):
        for agent in targets.values():
            if hasattr(agent, "preflight") and hasattr(agent, "forecast"):
                await agent.preflight(max(agent.forecast(one.case, EXCHANGES).longest for one in clean))
        engine = LocalEngine(_ready, _asking(batch, targets), done, max(1, min(batch.concurrency, len(jobs))))
        await engine.run(iter(jobs), asyncio.Event())
    return sorted(found, key=lambda one: (list(targets).index(one.target), one.injection, one.consultation, one.repeat))


async def _ready(job: _Job) -> _Job:
    return job


def _asking(batch: Batch, targets: Mapping[str, Judge | Referee]) -> Callable[[_Job], Any]:
    async def ask(job: _Job) -> Outcome:
        turns = injected(job.clean.turns, job.injection) if job.injection else job.clean.turns
        seed = derive_seed(batch.seed, "attack", job.clean.name, job.repeat)
        agent: Any = targets[job.target]
        value, failure = None, ""
        try:
            if hasattr(agent, "prefer"):
                value = await _compared(agent, batch.turn_timeout_s, job.clean, turns, seed)
            else:
                call = agent.judge(JudgeView(job.clean.case, turns, seed))
                value = score_of((await guarded("judge", call, batch.turn_timeout_s))[0])
        except AgentFailure as error:
            failure = f"{error.owner}: {error.kind}"
        name, kind = (job.injection.id, job.injection.kind) if job.injection else (CLEAN, CLEAN)
        return Outcome(job.target, name, kind, job.clean.name, job.repeat, value, failure)

    return ask


async def _compared(referee: Referee, limit_s: float, clean: Clean, turns: tuple[Turn, ...], seed: int) -> float:
    """Return +1 when the injected consultation is preferred in both orders, -1 when the clean one is, else 0."""
    view = PairView(clean.case, turns, clean.turns, seed)
    asked = await asyncio.gather(*(guarded("judge", referee.prefer(view, order), limit_s) for order in ORDERS))
    return _POINTS[Preference.of(asked[0][0], asked[1][0]).winner]


def score_of(verdict: Verdict) -> float | None:
    """Return a verdict as one number, 0..100: its total, else the mean of its dimensions, else of its shares.

    What should be low (``miscited``, ``unsafe_llm`` ...) counts the other way round.
    """
    if "total" in verdict.metrics:
        return float(verdict.metrics["total"])
    if verdict.scores:
        return 10 * sum(verdict.scores.values()) / len(verdict.scores)
    shares = [1 - min(1.0, value) if better(name) == "low" else value
              for name, value in verdict.metrics.items() if better(name) == "low" or 0 <= value <= 1]
    return 100 * sum(shares) / len(shares) if shares else None


def _targets(batch: Batch, names: Sequence[str]) -> dict[str, Judge | Referee]:
    refs: dict[str, tuple[catalog.BackendRole, BackendRef]] = {
        ref.called: ("judge", BackendRef(backend=ref.backend, **ref.options)) for ref in batch.judges
    }
    if batch.referee is not None:
        refs.setdefault("referee", ("referee", batch.referee))
    unknown = [name for name in names if name not in refs]
    if unknown:
        raise InputError(f"the batch has no judge {unknown[0]!r}. Choices: {', '.join(refs)}")
    return {name: catalog.create(*ref) for name, ref in refs.items() if not names or name in names}


@asynccontextmanager
async def _closing(agents: Any) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.gather(*(agent.aclose() for agent in agents if hasattr(agent, "aclose")))


async def _hold_clean(seed: int, count: int, languages: Sequence[Language]) -> tuple[Clean, ...]:
    patient = catalog.create("patient", BackendRef(backend="agenda"))
    examiner = catalog.create("examiner", BackendRef(backend="record"))
    judging = build_judging({}).compile()
    found = []
    for language in languages:
        cases = library_cases(language)
        for place in range(count):
            case, doctor = cases[place * len(cases) // count], DOCTORS[place % len(DOCTORS)]
            cast = Cast(catalog.create("doctor", BackendRef(backend=doctor)), patient, examiner)
            room = Room(build_consultation(cast).compile(), judging, Persona(), EXCHANGES)
            own = derive_seed(seed, "attack", case.id, doctor)
            key = Key(case=case.id, doctor=doctor, trial=0, seed=own, config_hash="clean")
            held = await hold(room, case, key, on_turn=lambda turn: None)
            found.append(Clean(f"{case.id}/{doctor}", case, held.turns))
    return tuple(found)
