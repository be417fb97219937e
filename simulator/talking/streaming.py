"""From a call that tells its words while it runs to a stream of events; it knows no model and no server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from agents.llm.hearing import heard_by
from simulator.talking.partner import Anew, Event, Words

Tell = Callable[[Event], None]


class _Told:
    """Passes on what a model's client tells a listener."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def words(self, text: str) -> None:
        self._tell(Words(text))

    def again(self) -> None:
        self._tell(Anew())


async def streamed(call: Callable[[Tell], Awaitable[Event]]) -> AsyncGenerator[Event, None]:
    """Yield what ``call`` tells, and the words that models say in it, as they come; last, what it returns.

    Leaving early cancels the call and waits until it has let go. What it raises is raised here.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()

    async def run() -> Event:
        with heard_by(_Told(queue.put_nowait)):
            return await call(queue.put_nowait)

    task = asyncio.ensure_future(run())
    task.add_done_callback(lambda done: queue.put_nowait(None))
    try:
        while (event := await queue.get()) is not None:
            yield event
        yield await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
