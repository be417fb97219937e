"""The Ray engine: consultations are held by actors on any number of nodes; this process alone hands over results.

Ray places the actors and restarts those whose node is gone. What they had in hand is held again elsewhere, from the
last turn that reached this process: a turn and a record are handed over once, however often Ray runs a consultation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from agents.llm.tape import Reply
from agents.sound.shelf import SoundShelf
from graphs.routing import stop_reason
from scenarios.errors import ClinicError
from scenarios.schema import Batch, Case, Consultation, Failure, Key, Timing, Turn
from simulator.engines.local import LocalEngine
from simulator.engines.ray_cluster import Place, Places, answer
from simulator.engines.ray_node import TURNS, News, sounds_of, unpack
from simulator.run_one import OnTurn, merge_metrics

log = structlog.get_logger(__name__)

Job = tuple[Key, Case]
LOST = ("RayActorError", "ObjectLostError", "NodeDiedError", "WorkerCrashedError")
"""Ray's errors that speak of where a consultation was, not of the consultation."""
MAX_LOSSES = 5
"""Losses of one consultation without a new turn, after which it is suspected to be their cause."""


@dataclass
class Visit:
    """One consultation as it reaches this process."""

    key: Key
    case: Case
    turns: list[Turn]
    tell: OnTurn
    record: Consultation | None = None
    held: bool = False
    losses: int = 0
    place: Place | None = None
    news: AsyncIterator[News] | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def hear(self, news: News) -> None:
        """Take in news; a turn that is known already is not told again."""
        for text in news.turns:
            turn = Turn.model_validate_json(text)
            if turn.index == len(self.turns):
                self.tell(turn)
                self.turns.append(turn)
                self.losses = 0
        self.held = self.held or news.held
        if news.record:
            self.record = Consultation.model_validate_json(news.record)


class RayEngine:
    """Does on a cluster what ``LocalEngine`` does in one process, at the same ``concurrency``."""

    def __init__(
        self,
        ray: Any,
        batch: Batch,
        fingerprints: dict[str, str],
        *,
        said: Callable[[Key], tuple[Turn, ...]],
        journal: Callable[[Key], OnTurn],
        done: Callable[[Consultation], None],
        concurrency: int,
        keep: Callable[[str, Reply], None] | None = None,
        shelf: SoundShelf | None = None,
    ) -> None:
        """Keep everything; nothing runs yet.

        Args:
            ray: the connected module, from ``ray_cluster.cluster``.
            batch: what the actors make their agents from.
            fingerprints: of this process's agents; actors must have the same.
            said: returns the turns that an earlier run had reached.
            journal: returns what is called with each new turn of a consultation.
            done: called once with each finished record.
            concurrency: consultations held at once, over all nodes.
            keep: called with hash and text of every model reply; None: replies stay where they are.
            shelf: the run's sound.
        """
        self._ray, self._batch, self._fingerprints = ray, batch, fingerprints
        self._said, self._journal, self._done, self._keep = said, journal, done, keep
        self._concurrency, self._shelf = concurrency, shelf
        self._lost = tuple(getattr(ray.exceptions, name) for name in LOST)

    async def run(self, jobs: Iterator[Job], stop: asyncio.Event) -> None:
        """Work off ``jobs``; when ``stop`` is set, end what is in flight on all nodes and return.

        Raises:
            ClinicError: no node can hold the batch, or the cluster is gone; what was finished is kept.
        """
        self._places = Places(
            self._ray, self._batch.model_dump_json(by_alias=True), self._fingerprints,
            at_once=2 * self._concurrency, taping=self._keep is not None,
        )
        try:
            here: LocalEngine[Job, Visit, Consultation] = LocalEngine(
                self._hold, self._conclude, self._done, self._concurrency, head_start_s=0.0
            )
            await here.run(jobs, stop)
        except self._ray.exceptions.RaySystemError as error:
            raise ClinicError(f"the Ray cluster is gone: {error}. Run the same command with --resume.") from error
        finally:
            await self._places.close()

    async def _hold(self, job: Job) -> Visit:
        key, case = job
        visit = Visit(key, case, list(self._said(key)), self._journal(key))
        await self._attend(visit, lambda: visit.held)
        return visit

    async def _conclude(self, visit: Visit) -> Consultation:
        await self._attend(visit, lambda: visit.record is not None)
        assert visit.record is not None
        return visit.record

    async def _attend(self, visit: Visit, reached: Callable[[], bool]) -> None:
        """Follow a consultation until it is as far as asked; where it was lost it is held again elsewhere."""
        while not reached() and visit.record is None:
            try:
                if visit.news is None:
                    visit.place = await self._places.take()
                    visit.news = self._consult(visit, visit.place)
                news = await anext(visit.news)
            except (*self._lost, StopAsyncIteration) as error:
                await self._lose(visit, error)
                continue
            for request, reply in news.kept:
                if self._keep:
                    self._keep(request, reply)
            if news.sounds and self._shelf is not None:
                await asyncio.to_thread(unpack, self._shelf, news.sounds)
            visit.hear(news)
        if visit.record is not None and visit.place is not None:
            self._places.leave(visit.place)
            visit.place = None

    async def _consult(self, visit: Visit, place: Place) -> AsyncIterator[News]:
        """Yield a consultation's news, from where it stands."""
        words = (
            visit.key.model_dump_json(), visit.case.model_dump_json(), TURNS.dump_json(tuple(visit.turns)).decode(),
            await asyncio.to_thread(self._sounds, tuple(visit.turns)),
        )
        if self._ray.util.client.ray.is_connected():
            for news in await answer(place.actor.consult_whole.remote(*words)):
                yield news
            return
        async for ref in place.actor.consult.options(num_returns="streaming").remote(*words):
            yield await ref

    def _sounds(self, turns: tuple[Turn, ...]) -> tuple[tuple[str, bytes], ...]:
        return sounds_of(self._shelf, turns) if self._shelf is not None else ()

    async def _lose(self, visit: Visit, error: Exception) -> None:
        """Let go of a place that is gone; the next try waits a little, for Ray to notice what else is gone."""
        log.info("consultation lost", case=visit.key.case, doctor=visit.key.doctor, turns=len(visit.turns))
        if visit.place is not None:
            self._places.lost(visit.place)
            self._places.leave(visit.place)
        visit.place = visit.news = None
        visit.losses += 1
        if visit.losses >= MAX_LOSSES:
            visit.record = self._given_up(visit, error)
            return
        await asyncio.sleep(0.2 * 2**visit.losses)

    def _given_up(self, visit: Visit, error: Exception) -> Consultation:
        """Return the record of a consultation whose actors all died: unscored, so that the batch goes on."""
        turns = tuple(visit.turns)
        message = " ".join(f"its process died {visit.losses} times: {error}".split())[:500]
        now = datetime.now(UTC)
        return Consultation(
            key=visit.key, language=visit.case.language, turns=turns,
            stop_reason=stop_reason(turns, self._batch.max_turns), verdicts=(), metrics=merge_metrics((), turns),
            failures=(Failure(owner="infrastructure", kind="node_lost", message=message, turn=len(turns)),),
            scored=False,
            timing=Timing(
                started_at=visit.started_at.isoformat(timespec="milliseconds"),
                wall_s=round((now - visit.started_at).total_seconds(), 6),
            ),
        )
