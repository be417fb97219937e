"""One request to ``/v1/chat/completions`` from its first byte to the last of its answer."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from fastapi import Request, Response

from agents.doctors.speechlm import OpenedModel
from simulator.doctor_server.answering import answering
from simulator.doctor_server.errors import MODEL_GONE, Gone, Refused, ending
from simulator.doctor_server.metrics import Metrics
from simulator.doctor_server.parsing import parsed
from simulator.doctor_server.places import Places
from simulator.doctor_server.reading import Reader, Task
from simulator.doctor_server.replying import Reply, whole
from simulator.doctor_server.request import ChatRequest
from simulator.doctor_server.settings import ServerSettings
from simulator.doctor_server.streaming import StreamedAnswer
from simulator.doctor_server.transcripts import Transcripts

BEGINS_S = 5.0
"""So long a stream's status line waits for the first piece, so that what is refused early has a status of its own."""
READERS = 2
"""Requests that are decoded at the same time."""


class Chat:
    """Answers requests with one opened model.

    ``problem`` says why it cannot any more, '' while it can. ``ending`` is set when the server is to end: answers
    that break off then were not given up by their clients.
    """

    def __init__(self, opened: OpenedModel, settings: ServerSettings, metrics: Metrics) -> None:
        """Nobody has asked yet."""
        self.opened = opened
        self.problem, self.ending = "", False
        self._settings, self._metrics = settings, metrics
        self._transcripts = Transcripts()
        self._reader = Reader(opened, settings, self._transcripts)
        self._places = Places(settings)
        self._reading = asyncio.Semaphore(READERS)
        self._fingerprint = f"fp_{opened.info.fingerprint[:16]}"

    @property
    def inside(self) -> int:
        """How many requests are being answered or wait."""
        return self._places.inside

    async def answer(self, request: Request) -> Response:
        """Return the answer, whole or in pieces. Raises Refused, Gone."""
        async with AsyncExitStack() as held:
            held.enter_context(self._places.one())
            asked, task = await self._read(request)
            self._metrics.heard(task.heard_s)
            answer = await held.enter_async_context(
                answering(self.opened.worker.stream(task.messages, task.settings), request.receive)
            )
            reply = self._reply(asked)
            form = asked.audio.format if asked.audio is not None else None
            del asked, task
            try:
                if not reply.streamed:
                    return Response(await whole(answer, reply, form or "wav"), media_type="application/json")
                await answer.begun(BEGINS_S)
            except Gone:
                self._metrics.left()
                if self.ending:
                    raise ending() from None
                raise
            except Refused as error:
                self._note(error)
                raise
            return StreamedAnswer(answer, held.pop_all(), reply, self._settings, lambda: self.ending)

    def _note(self, error: Refused) -> None:
        """Remember that the model is gone; whoever asks for the server's health is told."""
        if error.code == MODEL_GONE:
            self.problem = error.message

    async def _read(self, request: Request) -> tuple[ChatRequest, Task]:
        async with self._places.body(request.scope, request.receive) as content, self._reading:
            return await asyncio.to_thread(self._task, content)

    def _task(self, content: bytes) -> tuple[ChatRequest, Task]:
        asked = parsed(content)
        return asked, self._reader.read(asked)

    def _reply(self, asked: ChatRequest) -> Reply:
        return Reply(
            self._settings.name, self._fingerprint, asked.speaks, bool(asked.stream), asked.with_usage,
            self._transcripts, self._metrics,
        )
