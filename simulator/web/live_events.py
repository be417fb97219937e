"""Who looks at which branch, what is under way in it, and what everybody who looks is told; it knows no HTML.

One process has one hub. What happens elsewhere (a terminal, the API) is found by looking at the branch every
``LOOK_S`` seconds as long as somebody watches it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from fastapi import FastAPI

from scenarios.errors import AgentFailure, ClinicError, NotNow, UnknownName
from simulator.session import Snapshot
from simulator.web.sse import Event

LOOK_S = 2.0
HELD = 1000
"""Events that wait for one browser; one that is further behind is told to load the page again."""
log = structlog.get_logger(__name__)

State = Callable[[], Awaitable[dict[str, Any]]]
Queue = asyncio.Queue[Event | None]


class Topic(NamedTuple):
    """One branch of one session."""

    session: str
    branch: str


@dataclass
class _Watched:
    """A branch that somebody looks at; ``last`` is the newest state that was told."""

    listeners: set[Queue] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    follower: asyncio.Task[None] | None = None
    last: dict[str, Any] | None = None


@dataclass
class _Busy:
    """What is under way; ``role`` speaks and has said ``words``."""

    kind: str
    task: asyncio.Task[Snapshot]
    role: str = ""
    words: str = ""


class Hub:
    """Tells every browser that looks at a branch what happens in it, and runs one thing at a time in each branch."""

    def __init__(self, look_s: float = LOOK_S) -> None:
        """Know nobody yet."""
        self._look_s = look_s
        self._watched: dict[Topic, _Watched] = {}
        self._busy: dict[Topic, _Busy] = {}

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Serve as the lifespan of a router: is there as ``app.state.hub``, and ends everything with the server."""
        app.state.hub = self
        try:
            yield
        finally:
            await self.aclose()

    # -- what is under way -------------------------------------------------------------------------------------------

    def under_way(self, topic: Topic) -> str:
        """Return what is under way in a branch: ``step``, ``run`` …, or ''."""
        return self._busy[topic].kind if topic in self._busy else ""

    def free(self, topic: Topic) -> None:
        """Raise NotNow when something is under way."""
        if topic in self._busy:
            raise NotNow(f"somebody is speaking in branch {topic.branch!r}: wait for the turn, or stop it")

    def start(self, topic: Topic, kind: str, work: Coroutine[Any, Any, Snapshot]) -> asyncio.Task[Snapshot]:
        """Begin ``work`` in a task of its own, which no browser that leaves can end; raises NotNow."""
        if topic in self._busy:
            work.close()
            self.free(topic)
        task = asyncio.create_task(self._do(topic, work))
        self._busy[topic] = _Busy(kind, task)
        task.add_done_callback(lambda done: self._over(topic, done))
        self.touch(topic.session)
        return task

    async def stop(self, topic: Topic) -> bool:
        """End what is under way and wait until it has; finished turns stay. Returns whether there was anything."""
        busy = self._busy.get(topic)
        if busy is None:
            return False
        busy.task.cancel()
        await asyncio.wait({busy.task})
        return True

    async def stop_session(self, session: str) -> None:
        """End what is under way in all branches of a session."""
        for topic in [topic for topic in self._busy if topic.session == session]:
            await self.stop(topic)

    async def _do(self, topic: Topic, work: Coroutine[Any, Any, Snapshot]) -> Snapshot:
        try:
            return await work
        except AgentFailure as error:
            self.tell(topic, Event("failure", {"message": str(error)}))
            raise

    def _over(self, topic: Topic, done: asyncio.Task[Snapshot]) -> None:
        self._busy.pop(topic, None)
        if not done.cancelled() and (error := done.exception()) is not None and not isinstance(error, ClinicError):
            log.error("a step of a session failed", session=topic.session, branch=topic.branch, exc_info=error)
        self.touch(topic.session)

    # -- who is told -------------------------------------------------------------------------------------------------

    def tell(self, topic: Topic, event: Event) -> None:
        """Tell everybody who looks at a branch; never waits for one who is slow."""
        self._note(topic, event)
        watched = self._watched.get(topic)
        for queue in tuple(watched.listeners) if watched else ():
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                watched.listeners.discard(queue)  # type: ignore[union-attr]
                _end(queue, Event("reload", {}))

    def touch(self, session: str) -> None:
        """Look at the watched branches of a session now."""
        for topic, watched in self._watched.items():
            if topic.session == session:
                watched.wake.set()

    async def watch(self, topic: Topic, state: State) -> AsyncIterator[Event]:
        """Yield first how the branch stands and what is being said, then what happens; ends when it is gone.

        Args:
            topic: the branch.
            state: looks at it; what it returns is the data of the events ``state``.
        """
        watched = self._watched.setdefault(topic, _Watched())
        queue: Queue = asyncio.Queue(HELD)
        for event in self._so_far(topic, watched):
            queue.put_nowait(event)
        watched.listeners.add(queue)
        if watched.follower is None:
            watched.follower = asyncio.create_task(self._follow(topic, watched, state))
        try:
            while (said := await queue.get()) is not None:
                yield said
        finally:
            watched.listeners.discard(queue)
            if not watched.listeners:
                self._forget(topic, watched)

    @property
    def listening(self) -> int:
        """How many browsers are connected."""
        return sum(len(watched.listeners) for watched in self._watched.values())

    async def aclose(self) -> None:
        """End everything that is under way and every stream."""
        tasks = [busy.task for busy in self._busy.values()]
        for topic, watched in tuple(self._watched.items()):
            for queue in tuple(watched.listeners):
                _end(queue)
            tasks += [watched.follower] if watched.follower else []  # type: ignore[list-item]
            self._watched.pop(topic, None)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _note(self, topic: Topic, event: Event) -> None:
        """Remember what is being said, for those who come while it is."""
        busy = self._busy.get(topic)
        if busy is None:
            return
        if event.name == "speaking":
            busy.role, busy.words = event.data["role"], ""
        elif event.name == "words":
            busy.words += event.data["text"]
        elif event.name in ("again", "turn"):
            busy.words = ""
            busy.role = busy.role if event.name == "again" else ""

    def _so_far(self, topic: Topic, watched: _Watched) -> list[Event]:
        told = [Event("state", watched.last)] if watched.last is not None else []
        busy = self._busy.get(topic)
        if busy is not None and busy.role:
            told += [Event("speaking", {"role": busy.role}), Event("words", {"text": busy.words})]
        return told

    def _forget(self, topic: Topic, watched: _Watched) -> None:
        if watched.follower is not None:
            watched.follower.cancel()
        if self._watched.get(topic) is watched:
            del self._watched[topic]

    async def _follow(self, topic: Topic, watched: _Watched, state: State) -> None:
        """Tell how the branch stands whenever that has changed."""
        try:
            while True:
                watched.wake.clear()
                with _Trouble():
                    now = {**await state(), "running": self.under_way(topic)}
                    if now != watched.last:
                        watched.last = now
                        self.tell(topic, Event("state", now))
                with suppress(TimeoutError):
                    await asyncio.wait_for(watched.wake.wait(), self._look_s)
        except UnknownName:
            self.tell(topic, Event("gone", {}))
        finally:
            if self._watched.get(topic) is watched:
                del self._watched[topic]
            for queue in tuple(watched.listeners):
                _end(queue)


class _Trouble:
    """Passes over an expected error, which the next look may not meet; not over what is gone for good."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Tell whether the error is passed over."""
        return isinstance(error, ClinicError) and not isinstance(error, UnknownName)


def _end(queue: Queue, last: Event | None = None) -> None:
    """Let a stream end, with ``last`` in the place of what waits in it."""
    if last is not None or queue.full():
        while not queue.empty():
            queue.get_nowait()
    if last is not None:
        queue.put_nowait(last)
    queue.put_nowait(None)
