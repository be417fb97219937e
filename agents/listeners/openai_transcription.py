"""A listener behind any server of ``POST /v1/audio/transcriptions``: vLLM, OpenAI, speaches, LocalAI, whisper.cpp.

The request is OpenAI's (multipart: file, model, language, prompt, temperature, response_format); what a server knows
beyond it goes into ``extra_form`` (vLLM: top_p, top_k, repetition_penalty, max_completion_tokens, hotwords).
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from agents.listeners.hearing import as_heard, sound_of
from agents.listeners.transcription_transport import Format, SoundRequest, TranscriptionTransport
from agents.llm.options import LLMOptions
from agents.llm.retrying import send_until_answered
from agents.llm.tape import current_tape, request_hash
from agents.llm.transport import SEED_RANGE, Fault, Raw
from agents.protocols import ListenerView, Transcript
from agents.sound.wave import Samples, Sound, wav_bytes
from scenarios.errors import AgentFailure, InputError, Owner
from scenarios.schema import HEARD_HZ, Language
from scenarios.schema.base import Frozen, Text

DEFAULT_TRANSCRIPTION_URL = "http://127.0.0.1:8092/v1"
LISTENERS_OWN = frozenset({"context_overflow"})
"""Faults that a server reports and that its model is the reason of."""


class TranscriptionServerOptions(Frozen):
    """Which model listens, what it is told, and how its server is treated."""

    speed_only: ClassVar[frozenset[str]] = frozenset({
        "base_url", "api_key_env", "timeout_s", "total_timeout_s", "retries", "patience_s", "max_concurrency",
        "max_reply_bytes",
    })

    model: Text = Field(description="the name by which the server knows it")
    base_url: str = Field(default=DEFAULT_TRANSCRIPTION_URL, description="of the server, ending in /v1")
    api_key_env: str = Field(
        default="", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$", description="the environment variable that holds the key"
    )
    language: str = Field(
        default="", pattern=r"^([a-z]{2,3}|auto)?$", description="a code such as zh; empty: the case's; auto: not told"
    )
    prompt_zh: str = Field(default="", max_length=2_000, description="context told with Chinese sound")
    prompt_en: str = Field(default="", max_length=2_000, description="context told with English sound")
    temperature: float = Field(default=0.0, ge=0, le=2)
    send_seed: bool = Field(default=False, description="send the turn's seed, for servers that take one (vLLM)")
    response_format: Format = Field(default="json", description="verbose_json and text are for servers without json")
    extra_form: dict[str, str | int | float | bool] = Field(default={}, description="further fields of each request")
    timeout_s: float = Field(default=120.0, gt=0, le=86_400, description="of one request")
    total_timeout_s: float = Field(default=600.0, gt=0, le=86_400, description="of one sound with all its retries")
    retries: int = Field(default=5, ge=0, le=50, description="of a request that met 429, 5xx, a timeout or a reset")
    patience_s: float = Field(default=900.0, ge=0, le=604_800, description="how long a dead server is waited for")
    max_concurrency: int = Field(default=32, ge=1, le=65_536, description="requests at once to this server")
    max_reply_bytes: int = Field(default=1_000_000, ge=1_000, description="a longer reply is refused as oversized")

    @field_validator("base_url")
    @classmethod
    def _is_a_plain_url(cls, value: str) -> str:
        if not value:
            raise ValueError("must look like http://host:port/v1")
        return LLMOptions(model="any", base_url=value).base_url

    def as_llm(self) -> LLMOptions:
        """Return what the way to the server needs to know; the other options of a language model mean nothing here."""
        return LLMOptions(
            model=self.model, base_url=self.base_url, api_key_env=self.api_key_env, rereads=0,
            temperature=self.temperature, timeout_s=self.timeout_s, total_timeout_s=self.total_timeout_s,
            retries=self.retries, patience_s=self.patience_s, max_concurrency=self.max_concurrency,
            max_reply_bytes=self.max_reply_bytes,
        )


class TranscriptionServerListener:
    """Sends each sound as a 16 kHz WAV; retries, back-off and waiting for a dead server are the language models'."""

    def __init__(self, options: TranscriptionServerOptions) -> None:
        """Connect to nothing yet."""
        self._options = options
        self._way = options.as_llm()
        self._transport = TranscriptionTransport(self._way, options.response_format)
        self.fingerprint = "transcriptions-1"

    async def listen(self, view: ListenerView) -> Transcript:
        """Return what the server understood. Raises AgentFailure(listener | voice | infrastructure)."""
        samples = await asyncio.to_thread(as_heard, sound_of(view))
        if not len(samples):
            return Transcript("")
        request = await asyncio.to_thread(self._request, samples, view.language, view.seed)
        return Transcript(" ".join((await self._reply(request)).text.split()))

    async def preflight(self, longest: int) -> None:
        """Let the server listen to half a second of a tone. Raises ClinicError with the fix when it cannot."""
        tone = 0.1 * np.sin(2 * np.pi * 220 / HEARD_HZ * np.arange(HEARD_HZ // 2))
        try:
            async with asyncio.timeout(self._options.timeout_s):
                await self._transport.send(self._request(tone.astype(np.float32), "en", 0))
        except TimeoutError as error:
            raise InputError(
                f"{self._options.base_url} did not transcribe half a second within {self._options.timeout_s:g} s "
                "(timeout_s)"
            ) from error
        except Fault as fault:
            raise self._complaint(fault) from fault

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._transport.aclose()

    def _request(self, samples: Samples, language: Language, seed: int) -> SoundRequest:
        o = self._options
        wav = wav_bytes(Sound(samples, HEARD_HZ))
        fields: dict[str, Any] = {
            "language": {"": language, "auto": None}.get(o.language, o.language),
            "prompt": (o.prompt_zh if language == "zh" else o.prompt_en) or None, "temperature": o.temperature,
            "seed": seed % SEED_RANGE if o.send_seed else None, "response_format": o.response_format, **o.extra_form,
        }
        told = {key: value for key, value in fields.items() if value is not None}
        asked = {"role": "user", "sound": hashlib.sha256(wav).hexdigest(), "fields": told}
        return SoundRequest(self._way, (asked,), seed if o.send_seed else 0, 1, wav=wav)

    async def _reply(self, request: SoundRequest) -> Raw:
        """Return the server's reply, or the one that the run has recorded."""
        tape = current_tape()
        name = request_hash(request.identity()) if tape is not None else ""
        if tape is not None and tape.replaying:
            if (kept := tape.find(name)) is None:
                raise AgentFailure("infrastructure", "not_recorded", (
                    f"the recording has no transcription of this sound ({name}) by {self._options.model}: the sound, "
                    "options or the model's name are not those of the recorded run"
                ))
            return Raw.from_tape(kept)
        try:
            raw = await send_until_answered(self._transport, request)
        except Fault as fault:
            owner: Owner = "listener" if fault.kind in LISTENERS_OWN else "infrastructure"
            raise AgentFailure(owner, fault.kind, fault.message) from fault
        except InputError as error:  # the key's variable is not set
            raise AgentFailure("infrastructure", "unauthorised", str(error)) from error
        if tape is not None:
            tape.keep(name, raw.on_tape())
        return raw

    def _complaint(self, fault: Fault) -> AgentFailure | InputError:
        o = self._options
        if fault.dead:
            return AgentFailure("infrastructure", "server_down", (
                f"nobody answers at {o.base_url}: start a server of /v1/audio/transcriptions (for example "
                "`vllm serve openai/whisper-large-v3-turbo`), or set base_url to where one runs"
            ))
        if fault.kind == "unauthorised":
            key = f"the key in {o.api_key_env}" if o.api_key_env else "a request without a key: set api_key_env"
            return AgentFailure("infrastructure", "unauthorised", f"{o.base_url} refuses {key}: {fault.message}")
        return InputError(f"{o.base_url} cannot transcribe with model {o.model!r}: {fault.message}")


