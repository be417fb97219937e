"""Sends a streamed answer as it is made: chunks, a comment when nothing comes, an error in the middle; it is ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agents.doctors.speechlm import Ended, Event, SoundPiece, TextPiece
from simulator.doctor_server.answering import Answer
from simulator.doctor_server.errors import Gone, Refused, ending, error_body
from simulator.doctor_server.replying import Events, Reply, event
from simulator.doctor_server.settings import ServerSettings

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Type": "text/event-stream; charset=utf-8"}
STILL_HERE = b": still here\n\n"
log = structlog.get_logger(__name__)


class StreamedAnswer(Response):
    """Sends one answer; whatever way the connection ends, ``held`` is left and with it the answer."""

    def __init__(
        self, answer: Answer, held: AsyncExitStack, reply: Reply, settings: ServerSettings,
        server_ends: Callable[[], bool],
    ) -> None:
        """``held``: what is to be let go of at the end; entered already. ``server_ends``: asked when it breaks off."""
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]  # of no body, which it is not
        self._answer, self._held, self._reply = answer, held, reply
        self._settings, self._server_ends = settings, server_ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything. A client that takes nothing for ``write_s`` has left."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece in self._pieces():
                if not piece:
                    continue
                async with asyncio.timeout(self._settings.write_s):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except (Gone, OSError):  # TimeoutError is one
            self._reply.metrics.left()
        finally:
            await self._held.aclose()

    async def _pieces(self) -> AsyncIterator[bytes]:
        """Yield what goes over the wire; what goes wrong becomes a last event, and no ``[DONE]`` follows."""
        events = Events(self._reply)
        yield events.opening()
        try:
            found: Event | None = None
            while not isinstance(found, Ended):
                try:
                    found = await asyncio.wait_for(self._answer.next(), self._settings.heartbeat_s)
                except TimeoutError:
                    yield STILL_HERE
                    continue
                yield self._written(events, found)
        except Refused as error:
            yield event(error.body)
        except Gone:
            if not self._server_ends():
                raise
            self._reply.metrics.left()
            yield event(ending().body)
        except Exception:
            log.exception("unexpected error in the middle of an answer")
            yield event(error_body(500, "something went wrong inside the server; its log says what"))

    def _written(self, events: Events, found: Event | None) -> bytes:
        match found:
            case TextPiece():
                return events.text(found.text)
            case SoundPiece():
                return events.sound(self._reply.pcm(found))
            case Ended():
                return events.ending(found)
            case None:
                raise Refused(500, "the answer broke off before its end", code="model_failed")
        return b""
