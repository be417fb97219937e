"""A doctor behind an OpenAI-compatible speech server: words and sound as they come; it knows no terminal."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agents import catalog
from agents.llm.asking import AskingModel
from agents.llm.faults import of_status
from agents.llm.http import STREAMED, HttpTransport, of_connection, read_bounded
from agents.llm.sounding import Wanted, read_pieces
from agents.llm.transport import Fault, Raw, Request
from agents.llm.wire import Reading, ReadingStream, ReadingWhole
from agents.sound.wave import Sound, wav_bytes
from scenarios.errors import AgentFailure, InputError, UnknownName
from simulator.talking.partner import WINDOW_S, Event, Over, Said, Speaker, Voiced, merged
from simulator.talking.streaming import Tell, streamed

if TYPE_CHECKING:
    from agents.doctors.audio_chat import AudioChatOptions
    from agents.llm.options import LLMOptions
    from agents.llm.server import Server
    from agents.llm.types import Message

PATIENCE: Mapping[str, Any] = {
    "patience_s": 5.0, "retries": 1, "rereads": 0, "timeout_s": 300.0, "stream": False,
}
"""A person waits at the other end: said once more, then it fails. Words come in pieces all the same, because somebody
listens; without insisting, a server that cannot stream is understood, too."""
ROLES: Mapping[Speaker, str] = {"patient": "user", "doctor": "assistant"}
_LONGEST = 200 << 20


class ServerPartner:
    """Sends the whole dialogue with every turn, sound as sound, and asks for words and sound in pieces."""

    def __init__(self, options: AudioChatOptions, *, system: str = "", speak: bool = True) -> None:
        """Connect to nobody yet; ``system`` is the first message, '' for none (the server's own)."""
        self.name, self.hears, self.speaks, self.longest_s = options.model, True, speak, WINDOW_S
        self._options, self._system = options, system
        self._transport = SpeakingTransport(options)
        self._model = AskingModel(options, "doctor", self._transport)
        self._encoded: dict[int, tuple[Sound, str]] = {}

    async def answer(self, dialogue: Sequence[Said], seed: int) -> AsyncGenerator[Event, None]:
        """Yield the server's answer. Raises AgentFailure."""
        messages = await asyncio.to_thread(self._messages, dialogue)
        wanted = self._options.wanted() if self.speaks else None

        async def call(tell: Tell) -> Event:
            self._transport.tell = (lambda sound: tell(Voiced(sound))) if wanted else None
            done = await self._model.say(messages, seed=seed, voice=wanted)
            used = done.usage
            return Over(done.finish, used.prompt, used.cached, used.completion, done.text, done.sound)

        events = streamed(call)
        try:
            async for event in events:
                yield event
        except AgentFailure as failure:
            raise _explained(failure, self.speaks) from failure
        finally:
            await events.aclose()

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._model.aclose()

    def _messages(self, dialogue: Sequence[Said]) -> list[Message]:
        system: list[Message] = [{"role": "system", "content": self._system}] if self._system else []
        return system + [
            {"role": ROLES[role], "content": self._content(role, parts)} for role, parts in merged(dialogue)
        ]

    def _content(self, role: Speaker, parts: Sequence[Said]) -> str | list[dict[str, Any]]:
        if role == "doctor" or all(said.sound is None for said in parts):
            return "\n\n".join(said.text for said in parts if said.text)
        return [self._part(said) for said in parts]

    def _part(self, said: Said) -> dict[str, Any]:
        if said.sound is None:
            return {"type": "text", "text": said.text}
        sound, encoded = self._encoded.get(id(said), (None, ""))
        if sound is not said.sound:
            encoded = base64.b64encode(wav_bytes(said.sound)).decode("ascii")
            self._encoded[id(said)] = (said.sound, encoded)
        if self._options.audio_part == "audio_url":
            return {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{encoded}"}}
        return {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}}


async def open_server(
    url: str, model: str, options: Mapping[str, Any], *, system: str = "", speak: bool = True
) -> ServerPartner:
    """Return the model of the server at ``url``; an empty name means the only one that it serves.

    Raises:
        InputError: an option is wrong, or it serves several models and none is named.
        ClinicError: the server does not answer.
    """
    found = server_options(url, model or "unnamed", options)
    served = await _served(found)
    if not model and len(served) != 1:
        raise InputError(f"name the model with --model: {url} serves {', '.join(served) or 'none'}")
    if model and served and model not in served:
        raise UnknownName(f"model of {url}", model, served)
    return ServerPartner(found.model_copy(update={"model": model or served[0]}), system=system, speak=speak)


def server_options(url: str, model: str, options: Mapping[str, Any]) -> AudioChatOptions:
    """Return the options of ``clinic``'s own audio-chat doctor, for a person who waits. Raises InputError."""
    from agents.doctors.audio_chat import AudioChatOptions

    spoken = {"speak": True, "speak_stream": True}
    given = {**PATIENCE, **spoken, **options, "base_url": url, "model": model}
    found = catalog.validate_options(catalog.find("doctor", "audio-chat"), given)
    if not isinstance(found, AudioChatOptions):
        raise TypeError("audio-chat takes other options")
    return found


async def _served(options: LLMOptions) -> list[str]:
    """Return the models that a server names; none where it does not say. Raises AgentFailure, InputError."""
    from openai import APIConnectionError, APIError, APIStatusError

    transport = HttpTransport(options)
    try:
        async with asyncio.timeout(options.patience_s * 2):
            return [card.id for card in (await transport.server().client.models.list()).data]
    except APIStatusError as error:
        if error.status_code in (404, 405, 501):
            return []
        fault = of_status(error.status_code, error.response.headers, error.response.text)
        raise AgentFailure("infrastructure", fault.kind, fault.message) from error
    except (APIConnectionError, TimeoutError) as error:
        raise AgentFailure("infrastructure", "connection", (
            f"nobody answers at {options.base_url}: start the server first (clinic serve --doctor CHECKPOINT), or "
            f"name another with --url"
        )) from error
    except (APIError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{options.base_url} is no OpenAI-compatible server: its list of models cannot be read. "
                         f"Does the address end in /v1?") from error
    finally:
        await transport.aclose()


class SpeakingTransport(HttpTransport):
    """The way to a speech server; ``tell`` is given the sound of a reply as it comes."""

    tell: Callable[[Sound], None] | None = None

    async def exchange(self, server: Server, request: Request) -> Raw:
        """Put the request on the wire and read the reply. Raises Fault."""
        if request.voice is None or self.tell is None:
            return await super().exchange(server, request)
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        start = time.monotonic()
        content = json.dumps(request.body(), ensure_ascii=False).encode("utf-8", "replace")
        try:
            response = await server.client.post(
                "/chat/completions", content=content, cast_to=server.http.Response, options={"headers": STREAMED}
            )
            reading: Reading = ReadingWhole(start)
            if not response.headers.get("content-type", "").startswith("application/json"):
                reading = _ReadingSound(start, request, request.voice, self.tell)
            await read_bounded(response, reading, min(_LONGEST, self._most(request, request.voice)))
        except APIStatusError as error:
            raise of_status(error.status_code, error.response.headers, error.response.text) from error
        except (APIConnectionError, APITimeoutError) as error:
            raise of_connection(server, error.__cause__ or error) from error
        except server.http.HTTPError as error:
            raise of_connection(server, error) from error
        return reading.raw()

    @staticmethod
    def _most(request: Request, wanted: Wanted) -> int:
        return request.options.max_reply_bytes + 512 * request.max_tokens + 2 * wanted.max_bytes


class _ReadingSound(ReadingStream):
    """A streamed reply whose sound is passed on as it comes; what cannot be read alone waits for the whole."""

    def __init__(self, start: float, request: Request, wanted: Wanted, tell: Callable[[Sound], None]) -> None:
        super().__init__(start, request.hear)
        self._wanted, self._tell, self._told = wanted, tell, 0
        self._held: list[str] = []
        self._alone = True

    def feed(self, part: bytes) -> None:
        super().feed(part)
        new = self.sounds[self._told :]
        self._told += len(new)
        for piece in new if self._alone else ():
            self._held.append(piece)
            if _whole_samples(self._held):
                self._pass_on()

    def _pass_on(self) -> None:
        pieces, self._held = self._held, []
        try:
            self._tell(read_pieces(pieces, self._wanted))
        except Fault:
            self._alone = False


def _whole_samples(pieces: Sequence[str]) -> bool:
    """Whether base64 pieces end where a 16-bit sample does: the next ones can be read without them."""
    letters = sum(len(piece) for piece in pieces)
    padding = sum(piece.count("=") for piece in pieces)
    return letters % 4 == 0 and (letters // 4 * 3 - padding) % 2 == 0


def _explained(failure: AgentFailure, speaks: bool) -> AgentFailure:
    """Return the failure with what to try where the server may be one that only writes."""
    if not speaks or failure.kind not in ("bad_request", "bad_audio"):
        return failure
    return AgentFailure(failure.owner, failure.kind, (
        f"{failure.message}. If it only writes, say --no-speak; if its sound has another form, -o audio_format=wav; if"
        f" it cannot stream, -o speak_stream=false"
    ))
