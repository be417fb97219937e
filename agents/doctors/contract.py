"""The HTTP contract of doctors in processes of their own, version 1: one request, one reply, what errors mean.

A reply may hold the doctor's own sound; it is handed on as it came and read by whoever asked.

It knows neither the clinic nor a model; retrying and waiting are done above it.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agents.llm.faults import of_status, retry_after_s
from agents.llm.http import STREAMED, HttpTransport, of_connection, read_bounded
from agents.llm.options import LLMOptions
from agents.llm.server import CONNECT_S, Server
from agents.llm.transport import Fault, Raw, Request
from scenarios.errors import AgentFailure, ClinicError, InputError, UnknownName

CONTRACT = 1
FINAL = frozenset({
    "bad_request", "unauthorised", "context_overflow", "empty_reply", "refusal", "model_error", "audio_unreadable",
    "load_failed", "bad_audio",
})
"""Kinds of error that sending the same again cannot mend."""
AGAIN = {"overloaded": "rate_limited", "not_ready": "server_error", "server_error": "server_error"}
_LOOK_AGAIN_S = 1.0
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ContractUsage(BaseModel):
    """Tokens, as far as the server counts them."""

    prompt: int = Field(default=0, ge=0)
    completion: int = Field(default=0, ge=0)
    cached: int = Field(default=0, ge=0)


class ContractSound(BaseModel):
    """A doctor's own sound: a WAV file in base64. What else the server says of it is found in the file itself."""

    wav_base64: Annotated[str, StringConstraints(min_length=1)]


class ContractReply(BaseModel):
    """A reply of the contract; keys of later versions are passed over, ``audio`` too where no sound was asked for."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    text: str
    requests: tuple[_Name, ...] = Field(default=(), max_length=20)
    differential: tuple[_Name, ...] = Field(default=(), max_length=20)
    usage: ContractUsage | None = None
    first_s: float | None = Field(default=None, ge=0)
    first_audio_s: float | None = Field(default=None, ge=0)
    audio: Any = None
    finish: Literal["stop", "length"] = "stop"


def read_reply(text: str) -> ContractReply:
    """Return the reply in ``text``. Raises AgentFailure(doctor, bad_reply) naming what is wrong."""
    try:
        return ContractReply.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AgentFailure("doctor", "bad_reply", f"not a reply of the contract: {place} {first['msg']}") from error


def sound_of(said: ContractReply) -> tuple[str, ...]:
    """Return the sound of a reply in base64, () where there is none. Raises Fault(bad_audio) for another shape."""
    if said.audio is None:
        return ()
    try:
        return (ContractSound.model_validate(said.audio).wav_base64,)
    except ValidationError as error:
        raise Fault("bad_audio", "the reply's audio must be an object with wav_base64") from error


class ProcessTransport(HttpTransport):
    """The way to a doctor server: as to a language model, with other words on the wire.

    ``speaks``: the server is asked for sound, so that ``preflight`` wants one that says it speaks.
    """

    def __init__(self, options: LLMOptions, *, speaks: bool = False) -> None:
        """Open nothing yet."""
        super().__init__(options)
        self.speaks = speaks

    async def exchange(self, server: Server, request: Request) -> Raw:
        """Put ``request.messages[0]``, which is a request of the contract, on the wire. Raises Fault."""
        return await _exchange(server, request)

    async def preflight(self, longest: int) -> None:
        """Wait until the server has loaded its model.

        Raises:
            ClinicError: nobody answers, another contract or model, one that does not speak though it should, or the
                model cannot be loaded.
        """
        server, start = self.server(), time.monotonic()
        while True:
            card = await _health(server)
            if card.get("name") != self.options.model:
                raise UnknownName(f"model at {server.url}", self.options.model, [str(card.get("name"))])
            if card.get("ready") is True:
                self._check_voice(server, card)
                return
            if card.get("problem"):
                raise InputError(f"{server.url} cannot load its model: {str(card['problem'])[:500]}")
            if time.monotonic() - start >= self.options.patience_s:
                raise AgentFailure(
                    "infrastructure", "server_down",
                    f"{server.url} has been loading its model for {self.options.patience_s:g} s (patience_s)",
                )
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def hears(self) -> bool:
        """Return whether the server says that it hears; a server that does not answer now may."""
        try:
            return (await _health(self.server())).get("hears") is True
        except ClinicError:
            return True

    def _check_voice(self, server: Server, card: dict[str, Any]) -> None:
        if self.speaks and card.get("speaks") is not True:
            raise InputError(
                f"{server.url} does not speak (speaks is not true at /health): leave speak out, and name a "
                f"doctor_voice if it is to be heard"
            )


class _Reading:
    """Keeps a reply's bytes until it is whole; its sound is of interest when ``speaks``."""

    def __init__(self, start: float, speaks: bool) -> None:
        self.start, self.speaks = start, speaks
        self.parts: list[bytes] = []

    def feed(self, part: bytes) -> None:
        self.parts.append(part)

    def raw(self) -> Raw:
        text = b"".join(self.parts).decode("utf-8", "replace")
        total_s = time.monotonic() - self.start
        try:
            said = read_reply(text)
        except AgentFailure as failure:
            raise Fault(failure.kind, failure.message) from failure
        usage = said.usage.model_dump() if said.usage else {}
        kept = said.model_dump_json(include={"text", "requests", "differential"})
        sound = sound_of(said) if self.speaks else ()
        first_audio_s = said.first_audio_s if sound else None
        return Raw(kept, said.finish, total_s, said.first_s, "", usage, sound, first_audio_s)


async def _exchange(server: Server, request: Request) -> Raw:
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    reading = _Reading(time.monotonic(), request.voice is not None)
    most = request.options.max_reply_bytes + (request.voice.max_bytes if request.voice else 0)
    content = json.dumps(request.messages[0], ensure_ascii=False).encode("utf-8", "replace")
    try:
        response = await server.client.post(
            "/v1/reply", content=content, cast_to=server.http.Response, options={"headers": STREAMED}
        )
        await read_bounded(response, reading, most)
    except APIStatusError as error:
        raise _fault(error.status_code, error.response.headers, error.response.text) from error
    except (APIConnectionError, APITimeoutError) as error:
        raise of_connection(server, error.__cause__ or error) from error
    except server.http.HTTPError as error:
        raise of_connection(server, error) from error
    return reading.raw()


def _fault(status: int, headers: Any, body: str) -> Fault:
    """Return what an error reply means: by its kind where it has one, else by its status."""
    try:
        error = json.loads(body)["error"]
        kind, message = str(error["kind"]), " ".join(str(error["message"]).split())[:300]
    except (ValueError, KeyError, TypeError):
        return of_status(status, headers, body)
    if kind in FINAL:
        return Fault(kind, message)
    return Fault(AGAIN.get(kind, "server_error"), message, retry=kind in AGAIN, after_s=retry_after_s(headers))


async def _health(server: Server) -> dict[str, Any]:
    from openai import APIConnectionError, APIStatusError

    try:
        card: Any = await server.client.get("/health", cast_to=object, options={"timeout": CONNECT_S})
    except APIConnectionError as error:
        raise AgentFailure(
            "infrastructure", "server_down",
            f"nobody answers at {server.url}: start the doctor's server (services/ tells how), or set url",
        ) from error
    except APIStatusError as error:
        raise InputError(f"{server.url}/health answered {error.status_code}: is this a doctor server?") from error
    if not isinstance(card, dict) or card.get("contract") != CONTRACT:
        raise InputError(f"{server.url}/health does not speak contract {CONTRACT}: is this a doctor server?")
    return card
