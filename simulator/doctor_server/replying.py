"""Events of an answer become a chat completion, whole or as server-sent events; it knows neither queue nor socket."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.doctors.speechlm import Ended, SoundPiece, TextPiece
from agents.sound.wave import Samples
from simulator.doctor_server.answering import Answer
from simulator.doctor_server.answers import (
    AnswerMessage,
    ChatCompletion,
    Choice,
    CompletionDetails,
    Finish,
    PromptDetails,
    SpokenMessage,
    Usage,
)
from simulator.doctor_server.errors import MODEL_GONE, Refused
from simulator.doctor_server.metrics import Metrics
from simulator.doctor_server.sounds import PCM_HZ, ToPcmRate, encoded, encoded_wav
from simulator.doctor_server.transcripts import Transcripts

DONE = b"data: [DONE]\n\n"


@dataclass
class Reply:
    """One answer while it is put together: who it is, what was said so far."""

    model: str
    fingerprint: str
    speaks: bool
    streamed: bool
    with_usage: bool
    transcripts: Transcripts
    metrics: Metrics
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    audio_id: str = field(default_factory=Transcripts.new_id)
    created: int = field(default_factory=lambda: int(time.time()))
    texts: list[str] = field(default_factory=list)
    rate: ToPcmRate = field(default_factory=ToPcmRate)

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self.texts)

    def pcm(self, piece: SoundPiece) -> Samples:
        """Return a piece of sound at 24 kHz, counted."""
        return self._counted(self.rate.feed(piece.samples, piece.rate_hz))

    def pcm_rest(self) -> Samples:
        """Return what the change of rate held back, counted."""
        return self._counted(self.rate.rest())

    def finish(self, end: Ended) -> Finish:
        """Note the end; returns its reason. Raises Refused when the answer is not whole."""
        self.metrics.ended(end)
        if end.finish == "error":
            raise Refused(500, f"the model failed: {end.error}", code="model_failed")
        if end.finish == "cancelled":  # by nobody here: clients that leave are not told how their answer ended
            raise Refused(503, "the model was closed while it answered", code=MODEL_GONE)
        return end.finish

    def remembered(self) -> int:
        """Remember the transcript under the sound's id; returns until when."""
        return self.transcripts.keep(self.audio_id, self.text)

    def _counted(self, samples: Samples) -> Samples:
        self.metrics.spoken(len(samples) / PCM_HZ)
        return samples


async def whole(answer: Answer, reply: Reply, form: str) -> bytes:
    """Return the completion as JSON; ``form`` is wav or pcm16. Raises as ``Answer.next`` does."""
    sounds: list[Samples] = []
    while (found := await answer.next()) is not None:
        match found:
            case TextPiece():
                reply.texts.append(found.text)
            case SoundPiece():
                sounds.append(reply.pcm(found))
            case Ended():
                finish = reply.finish(found)
                message = AnswerMessage(content=reply.text, audio=_spoken(reply, sounds, form))
                return ChatCompletion(
                    id=reply.id, created=reply.created, model=reply.model, system_fingerprint=reply.fingerprint,
                    choices=[Choice(message=message, finish_reason=finish)], usage=usage_of(found),
                ).model_dump_json().encode()
    raise Refused(500, "the answer broke off before its end", code="model_failed")


def _spoken(reply: Reply, sounds: list[Samples], form: str) -> SpokenMessage | None:
    if not reply.speaks:
        return None
    samples = np.concatenate([*sounds, reply.pcm_rest()])
    data = encoded_wav(samples) if form == "wav" else encoded(samples)
    return SpokenMessage(
        id=reply.audio_id, data=data, transcript=reply.text, expires_at=reply.remembered()
    )


class Events:
    """Writes the chunks of a streamed answer; their shape is ``ChatCompletionChunk``."""

    def __init__(self, reply: Reply) -> None:
        """Speak for ``reply``."""
        self._reply = reply
        self._head = {
            "id": reply.id, "object": "chat.completion.chunk", "created": reply.created, "model": reply.model,
            "system_fingerprint": reply.fingerprint,
        }

    def opening(self) -> bytes:
        """Return the first chunk."""
        return self._chunk({"role": "assistant", "content": ""})

    def text(self, text: str) -> bytes:
        """Return more of the text, as transcript too when the answer is spoken."""
        self._reply.texts.append(text)
        return self._chunk({"content": text} | self._audio(transcript=text))

    def sound(self, samples: Samples) -> bytes:
        """Return more of the sound; nothing of nothing."""
        return self._chunk(self._audio(data=encoded(samples))) if len(samples) else b""

    def ending(self, end: Ended) -> bytes:
        """Return the last chunks. Raises as ``Reply.finish``."""
        finish = self._reply.finish(end)
        rest, last = b"", {}
        if self._reply.speaks:
            rest = self.sound(self._reply.pcm_rest())
            last = self._audio(expires_at=self._reply.remembered())
        usage = self._line({"choices": [], "usage": usage_of(end).model_dump()}) if self._reply.with_usage else b""
        return rest + self._chunk(last, finish) + usage + DONE

    def _audio(self, **more: object) -> dict[str, Any]:
        return {"audio": {"id": self._reply.audio_id, **more}} if self._reply.speaks else {}

    def _chunk(self, delta: dict[str, Any], finish: Finish | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return self._line({"choices": [choice]} | ({"usage": None} if self._reply.with_usage else {}))

    def _line(self, more: dict[str, Any]) -> bytes:
        return event(self._head | more)


def event(value: dict[str, Any]) -> bytes:
    """Return one server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n\n"


def usage_of(end: Ended) -> Usage:
    """Return OpenAI's usage of a finished answer."""
    u = end.usage
    return Usage(
        prompt_tokens=u.prompt, completion_tokens=u.completion, total_tokens=u.prompt + u.completion,
        prompt_tokens_details=PromptDetails(cached_tokens=u.cached),
        completion_tokens_details=CompletionDetails(units=u.units),
    )
