"""A thread that steps an engine while there is work, and iterators over an answer's events; it knows no model."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial

from model.streaming.answer import Answer
from model.streaming.counters import Counters
from model.streaming.engine import Engine
from model.streaming.types import Ended, Event, Message, Settings


class Worker:
    """Runs an engine; close it when done."""

    def __init__(self, engine: Engine) -> None:
        """Start the thread; it ends with ``close`` or with the program."""
        self.engine = engine
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="speechlm-engine", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why the engine takes no more answers; empty while it does."""
        return self.engine.problem

    @property
    def counters(self) -> Counters:
        """The engine's."""
        return self.engine.counters

    async def stream(self, messages: Sequence[Message], settings: Settings) -> AsyncGenerator[Event, None]:
        """Yield an answer's events; leaving early cancels it. Raises as ``Engine.submit`` at first."""
        loop, events = asyncio.get_running_loop(), asyncio.Queue[Event]()
        answer = await in_thread(partial(self.engine.submit, messages, settings, partial(put, loop, events)))
        try:
            while True:
                event = await events.get()
                yield event
                if isinstance(event, Ended):
                    return
        finally:
            answer.cancel()

    def answer(self, messages: Sequence[Message], settings: Settings) -> Iterator[Event]:
        """Yield an answer's events, blocking; leaving early cancels it. Raises as ``Engine.submit`` at first."""
        events = queue.SimpleQueue[Event]()
        answer = self.engine.submit(messages, settings, events.put)
        try:
            while True:
                event = events.get()
                yield event
                if isinstance(event, Ended):
                    return
        finally:
            answer.cancel()

    def close(self) -> None:
        """End all answers, free the engine and wait for the thread; closing twice is fine."""
        self._closing = True
        self.engine.work.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self.engine.close()

    def _run(self) -> None:
        while not self._closing:
            if not self.engine.step() and not self._closing:
                self.engine.work.wait()


async def in_thread(submit: Callable[[], Answer]) -> Answer:
    """Submit without holding up the loop: a long dialogue takes time to tokenize. Cancelled, nothing is left behind."""
    pending = asyncio.get_running_loop().run_in_executor(None, submit)
    try:
        return await asyncio.shield(pending)
    except asyncio.CancelledError:
        pending.add_done_callback(lambda done: None if done.exception() else done.result().cancel())
        raise


def put(loop: asyncio.AbstractEventLoop, events: asyncio.Queue[Event], event: Event) -> None:
    """Hand an event to a loop in another thread."""
    loop.call_soon_threadsafe(events.put_nowait, event)
