"""The way to any speech server: one piece of text out, sound back; all pieces of a text, in order; it knows no model.

Retries, back-off, waiting for a dead server, places at the server and bounded replies are those of the language
models.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from agents.llm.faults import of_status, retry_after_s
from agents.llm.http import STREAMED, HttpTransport, of_connection, read_bounded
from agents.llm.options import LLMOptions
from agents.llm.retrying import send_until_answered
from agents.llm.server import Server, url_of
from agents.llm.transport import Fault, Raw, Request
from agents.protocols import Spoken, VoiceView
from agents.sound.levels import levels
from agents.sound.wave import Sound, joined, resampled, silence
from agents.voices.speech_server_options import ServerOptions
from agents.voices.speech_server_sound import decoded, head_bytes
from scenarios.errors import AgentFailure, InputError, Owner

Body = dict[str, Any]
FINAL = frozenset({
    "bad_request", "unauthorised", "unknown_model", "model_error", "empty_sound", "text_too_long",
    "reference_unusable", "unsupported_language", "load_failed",
})
"""Kinds of the speech contract that sending the same again cannot mend."""
AGAIN = {"overloaded": "rate_limited", "not_ready": "server_error", "server_error": "server_error"}
OWNERS: dict[str, Owner] = dict.fromkeys((
    "model_error", "empty_sound", "silent_sound", "endless_sound", "text_too_long", "context_overflow",
    "reference_unusable", "unsupported_language",
), "voice")
"""Whose failure a kind is, where it is not the infrastructure's."""
ANOTHER_TAKE = frozenset({"model_error", "empty_sound", "silent_sound", "endless_sound"})
"""Kinds of failure that another seed may mend."""
NOTHING_SAID_S, NOTHING_SAID_HZ = 0.3, 24_000


@dataclass(frozen=True, slots=True)
class RawSound(Raw):
    """A reply that is sound; ``first_s``: until its first sample had arrived."""

    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it is read aloud, and the pieces in which it is asked for."""

    read: str
    pieces: tuple[str, ...]


def text_of(view: VoiceView, options: ServerOptions) -> Text:
    """Return the text of ``view`` made fit for the ear and cut; only pieces that hold a letter or digit are said."""
    from agents.voices.text import for_the_ear, split

    read = for_the_ear(view.text, view.speaker.language)
    pieces = split(read, view.speaker.language, longest=options.longest)
    return Text(read, tuple(piece for piece in pieces if any(character.isalnum() for character in piece)))


class SpeechTransport(HttpTransport):
    """The way to a speech server: as to a language model, with other words on the wire, and sound back."""

    def __init__(self, way: LLMOptions, path: str, *, max_seconds: float, pcm_rate_hz: int = 24_000) -> None:
        """``path``: of the POST, below the address; ``pcm_rate_hz``: of raw samples where no header tells it."""
        super().__init__(way)
        self.path, self.max_seconds, self.pcm_rate_hz = path, max_seconds, pcm_rate_hz

    async def exchange(self, server: Server, request: Request) -> RawSound:
        """Put ``request.messages[0]``, a whole body, on the wire and read the sound. Raises Fault."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        body = request.messages[0]
        reading = _Reading(time.monotonic(), head_bytes(body["response_format"]))
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        try:
            response = await server.client.post(
                self.path, content=content, cast_to=server.http.Response, options={"headers": STREAMED}
            )
            await read_bounded(response, reading, request.options.max_reply_bytes)
        except APIStatusError as error:
            raise _fault(error.status_code, error.response.headers, error.response.text) from error
        except (APIConnectionError, APITimeoutError) as error:
            raise of_connection(server, error.__cause__ or error) from error
        except server.http.HTTPError as error:
            raise of_connection(server, error) from error
        total_s = time.monotonic() - reading.start
        sound = await asyncio.to_thread(
            decoded, b"".join(reading.parts), body["response_format"], self._rate(response.headers), self.max_seconds,
            response.headers.get("content-type", ""),
        )
        return RawSound("", "stop", total_s, reading.first_s, sound=sound)

    async def wait_until_up(self, patience_s: float) -> float:
        """Return the seconds waited for a dead server; raises Fault ``server_down`` after ``patience_s``."""
        try:
            return await self.server().breaker.wait_until_up(patience_s)
        except TimeoutError as error:
            raise Fault("server_down", (
                f"{url_of(self.options)} has not answered for {self.options.patience_s:g} s (patience_s). "
                "Start the speech server again (services/ tells how) and go on with the same command and --resume"
            )) from error

    def _rate(self, headers: Any) -> int:
        told = str(headers.get("x-sample-rate", ""))
        return int(told) if told.isdecimal() and 4_000 <= int(told) <= 192_000 else self.pcm_rate_hz


class SpeechServer:
    """One server as one voice uses it."""

    def __init__(self, options: ServerOptions, transport: SpeechTransport) -> None:
        """Connect to nothing yet."""
        self.options, self.transport = options, transport

    async def speak(
        self, text: Text, body: Callable[[str, int], Body], seeds: Callable[[int, int], int], voice: str
    ) -> Spoken:
        """Return the sound of all pieces, in order; they are asked for at once, as many as the server has places.

        Args:
            text: as it is read aloud; one without pieces is silence.
            body: the request for a piece and a seed.
            seeds: the seed of the piece of a number and of its take, both from 0.
            voice: what to call it.

        Raises:
            AgentFailure: owner ``voice`` for what the model did wrong, else ``infrastructure``.
        """
        if not text.pieces:
            return Spoken(silence(NOTHING_SAID_S, NOTHING_SAID_HZ), "", voice, 0)

        def one(number: int, piece: str) -> Coroutine[Any, Any, tuple[Sound, float | None]]:
            return self._piece(lambda take: body(piece, seeds(number, take)))

        made = await _all(one(number, piece) for number, piece in enumerate(text.pieces))
        sounds = [resampled(sound, made[0][0].rate_hz) for sound, _ in made]
        first_s = made[0][1] if self.options.stream else None
        return Spoken(joined(sounds, self.options.pause_s), text.read, voice, len(text.pieces), first_s)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self.transport.aclose()

    async def _piece(self, body: Callable[[int], Body]) -> tuple[Sound, float | None]:
        """Return a piece's sound; a take that fails by chance is followed by the next, with a seed of its own."""
        for take in range(self.options.retakes + 1):
            try:
                return await self._take(body(take))
            except AgentFailure as failure:
                if failure.kind not in ANOTHER_TAKE or take == self.options.retakes:
                    raise
        raise AssertionError("unreachable")

    async def _take(self, body: Body) -> tuple[Sound, float | None]:
        request = Request(self.transport.options, (body,), 0, 1)
        try:
            raw = await send_until_answered(self.transport, request)
        except Fault as fault:
            raise AgentFailure(OWNERS.get(fault.kind, "infrastructure"), fault.kind, fault.message) from fault
        except InputError as error:  # the key's variable is not set
            raise AgentFailure("infrastructure", "unauthorised", str(error)) from error
        assert isinstance(raw, RawSound) and raw.sound is not None
        if levels(raw.sound).silent:
            raise AgentFailure("voice", "silent_sound", f"{raw.sound.seconds:.1f} s of silence came back")
        return raw.sound, raw.first_s


class _Reading:
    """Keeps a reply's bytes, and when its first sample was there."""

    def __init__(self, start: float, head: int) -> None:
        self.start, self.head = start, head
        self.first_s: float | None = None
        self.parts: list[bytes] = []
        self.size = 0

    def feed(self, part: bytes) -> None:
        self.parts.append(part)
        self.size += len(part)
        if self.first_s is None and self.size > self.head:
            self.first_s = time.monotonic() - self.start

    def raw(self) -> Raw:
        raise AssertionError("sound is put together by who asked for it")


def _fault(status: int, headers: Any, body: str) -> Fault:
    """Return what an error reply means: by its kind where it has one, else by its status."""
    try:
        error = json.loads(body)["error"]
        kind, message = str(error["kind"]), " ".join(str(error["message"]).split())[:300]
    except (ValueError, KeyError, TypeError, RecursionError):
        return of_status(status, headers, body)
    if kind in FINAL:
        return Fault(kind, message)
    return Fault(AGAIN.get(kind, "server_error"), message, retry=kind in AGAIN, after_s=retry_after_s(headers))


async def _all(doing: Any) -> list[Any]:
    """Return what all come to; when one fails, the others are stopped first."""
    tasks = [asyncio.ensure_future(one) for one in doing]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
