"""One answer under way: its events, and whether the client still listens; leaving early cancels it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from starlette.types import Receive

from agents.doctors.speechlm import BadSound, ContextFull, EngineBusy, EngineClosed, Event, SpeechLMError
from simulator.doctor_server.errors import CONTEXT_FULL, MODEL_GONE, Gone, Refused


class Answer:
    """Hands out the events of one answer, in order."""

    def __init__(self, queue: asyncio.Queue[Event | BaseException | None]) -> None:
        """Read from ``queue``, where an error or None is the end."""
        self._queue = queue
        self._first: Event | BaseException | None = None
        self._peeked = False

    async def begun(self, within_s: float) -> None:
        """Wait until the first event is there, at most ``within_s``. Raises as ``next`` does when there is none."""
        try:
            self._first = await asyncio.wait_for(self._queue.get(), within_s)
        except TimeoutError:
            return
        if isinstance(self._first, BaseException):
            raise self._first
        self._peeked = True

    async def next(self) -> Event | None:
        """Return the next event, None after the last.

        Raises:
            Gone: the client left, or the server is to end.
            Refused: the model cannot take the request, has no room, or failed.
        """
        if self._peeked:
            self._peeked, found = False, self._first
        else:
            found = await self._queue.get()
        if isinstance(found, BaseException):
            raise found
        return found


@asynccontextmanager
async def answering(events: AsyncIterator[Event], receive: Receive) -> AsyncIterator[Answer]:
    """Let an answer be made while the body runs; it is cancelled when the body ends first or the client leaves."""
    queue: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
    pump = asyncio.create_task(_pump(cast("AsyncGenerator[Event, None]", events), queue))
    watch = asyncio.create_task(_watch(receive, pump, queue))
    try:
        yield Answer(queue)
    finally:
        pump.cancel()
        watch.cancel()
        await asyncio.shield(asyncio.wait((pump, watch)))


async def _pump(events: AsyncGenerator[Event, None], queue: asyncio.Queue[Any]) -> None:
    """Move events into the queue, all in one task (a generator must not change tasks between two events)."""
    try:
        async for event in events:
            queue.put_nowait(event)
        queue.put_nowait(None)
    except SpeechLMError as error:
        queue.put_nowait(refusal_of(error))
    except Exception as error:  # noqa: BLE001 - whoever reads the queue raises it
        queue.put_nowait(error)
    finally:
        await events.aclose()


async def _watch(receive: Receive, pump: asyncio.Task[None], queue: asyncio.Queue[Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    pump.cancel()
    queue.put_nowait(Gone())


def refusal_of(error: SpeechLMError) -> Refused:
    """Return what a client is told about an error of the model."""
    match error:
        case BadSound():
            return Refused(400, str(error), param="messages", code="invalid_audio")
        case ContextFull():
            return Refused(400, f"{error} (max_tokens). {CONTEXT_FULL}", param="messages", code=CONTEXT_FULL)
        case EngineBusy():
            return Refused(429, str(error), code="overloaded")
        case EngineClosed():
            return Refused(503, f"the model does not answer any more: {error}", code=MODEL_GONE)
        case _:
            return Refused(400, str(error))
