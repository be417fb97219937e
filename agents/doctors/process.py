"""A doctor in a process and environment of its own, behind a small HTTP contract; it knows the contract, no model.

The contract, with its JSON schema and a server to start from, is in ``services/template``.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from agents.doctors.contract import CONTRACT, ContractReply, ProcessTransport, read_reply
from agents.doctors.sounds import SoundFolder
from agents.llm.asking import AskingModel
from agents.llm.forecast import Forecast, dialogue_forecast
from agents.llm.hearing import heard_by, tell
from agents.llm.options import LLMOptions
from agents.llm.sounding import Wanted
from agents.llm.tape import current_tape
from agents.llm.transport import SEED_RANGE
from agents.protocols import DoctorReply, DoctorView
from scenarios.errors import AgentFailure, Owner
from scenarios.schema import AudioRef, Case, Utterance
from scenarios.schema.base import Frozen, Text

DEFAULT_PROCESS_URL = "http://127.0.0.1:8200"
OWNERS: dict[str, Owner] = {
    "context_overflow": "doctor", "empty_reply": "doctor", "refusal": "doctor", "model_error": "doctor",
    "bad_reply": "doctor", "bad_audio": "doctor", "audio_unreadable": "voice",
}
"""Whose failure a kind is, where it is not the infrastructure's."""
_FRAME, _HEARD, _SAID = 300, 50, 115


class ProcessOptions(Frozen):
    """Which model must answer, where, and how patiently it is asked.

    ``model`` is the name that the server reports; it is part of a run's identity, the address is not.
    """

    speed_only: ClassVar[frozenset[str]] = frozenset({
        "url", "api_key_env", "timeout_s", "total_timeout_s", "retries", "patience_s", "max_concurrency",
        "max_reply_bytes", "audio_root", "send_audio_as", "max_audio_bytes", "audio_cache", "max_spoken_s",
    })

    model: Text = Field(description="the name the server reports at /health; another one is refused")
    url: str = Field(default=DEFAULT_PROCESS_URL, description="of the server, without /v1")
    api_key_env: str = Field(
        default="", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$", description="the environment variable that holds the key"
    )
    send_audio: bool = Field(default=True, description="send the patient's sound; false for a server that only reads")
    send_audio_as: Literal["wav", "path"] = Field(
        default="wav", description="wav: base64 in the request; path: relative to audio_root, for the same disk"
    )
    audio_root: str = Field(default="", description="the folder that audio paths are relative to; empty: the run's own")
    also_text: bool = Field(default=False, description="let the listener write down what the server hears, and send it")
    speak: bool = Field(default=False, description="take the server's own sound when the doctor is to be heard")
    max_spoken_s: float = Field(default=120.0, gt=0, le=600, description="longest sound of one reply")
    max_audio_bytes: int = Field(default=20_000_000, ge=100, le=1_000_000_000, description="of one sound file")
    audio_cache: int = Field(default=64, ge=0, le=10_000, description="encoded files kept in memory")
    options: dict[str, Any] = Field(default={}, description="handed to the server with each request, as it is")
    timeout_s: float = Field(default=300.0, gt=0, le=86_400, description="of one request")
    total_timeout_s: float = Field(default=900.0, gt=0, le=86_400, description="of one reply with all its retries")
    retries: int = Field(default=5, ge=0, le=50, description="of a request that met 429, 5xx, a timeout or a reset")
    patience_s: float = Field(default=900.0, ge=0, le=604_800, description="how long a dead server is waited for")
    max_concurrency: int = Field(default=32, ge=1, le=65_536, description="requests at once to this server")
    max_reply_bytes: int = Field(default=4_000_000, ge=1_000, description="a longer reply is refused as oversized")

    @field_validator("url")
    @classmethod
    def _is_a_plain_url(cls, value: str) -> str:
        if not value:
            raise ValueError("must look like http://host:port")
        return LLMOptions(model="any", base_url=value).base_url

    @property
    def hears(self) -> bool:
        """Whether the server gets sound."""
        return self.send_audio

    @property
    def speaks(self) -> bool:
        """Whether the server's own sound is heard."""
        return self.speak

    def as_llm(self) -> LLMOptions:
        """Return what the way to the server needs to know; the other options of a language model mean nothing here."""
        return LLMOptions(
            model=self.model, base_url=self.url, api_key_env=self.api_key_env, rereads=0, timeout_s=self.timeout_s,
            total_timeout_s=self.total_timeout_s, retries=self.retries, patience_s=self.patience_s,
            max_concurrency=self.max_concurrency, max_reply_bytes=self.max_reply_bytes,
        )


class ProcessDoctor:
    """Sends the whole view with every request: the server need not remember anything.

    Retries, back-off, waiting for a dead server and the run's recording are those of the language models.
    """

    def __init__(self, options: ProcessOptions) -> None:
        """Connect to nothing yet."""
        self._options = options
        self._transport = ProcessTransport(options.as_llm(), speaks=options.speak)
        self._model = AskingModel(options.as_llm(), "doctor", self._transport)
        self._sounds = SoundFolder(options.audio_root, options.max_audio_bytes, options.audio_cache)
        self.fingerprint = f"contract-{CONTRACT}"
        self.wants_words = options.also_text
        self._hears = False

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return what the server's doctor says. Raises AgentFailure(doctor | voice | infrastructure)."""
        speak = view.speak and self._options.speak
        wanted = Wanted(max_seconds=self._options.max_spoken_s) if speak else None
        await self._has_ears_for(view)
        payload = await self._payload(view)
        try:
            with heard_by(None):  # the reply on the wire is the contract's JSON
                completion = await self._model.say([payload], seed=view.seed, voice=wanted)
        except AgentFailure as failure:
            raise AgentFailure(OWNERS.get(failure.kind, failure.owner), failure.kind, failure.message) from failure
        said: ContractReply = read_reply(completion.text)
        if not said.text:
            raise AgentFailure("doctor", "empty_reply", "the server's doctor said nothing")
        if speak and completion.sound is None:
            raise AgentFailure("doctor", "bad_audio", "sound was asked for, and the server's doctor only wrote")
        tell(said.text)
        return DoctorReply(
            said.text, requests=said.requests, differential=said.differential,
            usage=completion.usage, first_s=completion.first_s, finish=completion.finish, sound=completion.sound,
            first_audio_s=completion.first_audio_s,
        )

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return a rough estimate: how the server prompts its model is its own affair."""
        whole = dialogue_forecast(_FRAME, _HEARD, _SAID, max_turns)
        return Forecast(whole.calls, whole.prompt, 0, whole.completion, whole.longest)

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when the server is away, is another one, or cannot load its model."""
        await self._transport.preflight(longest)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._model.aclose()

    async def _has_ears_for(self, view: DoctorView) -> None:
        """Raise AgentFailure(infrastructure, deaf) when there is sound without words, and the server does not hear."""
        tape = current_tape()
        wordless = any(said.role == "patient" and said.audio and not said.text for said in view.dialogue)
        if self._hears or not wordless or (tape is not None and tape.replaying):
            return
        self._hears = await self._transport.hears()
        if not self._hears:
            raise AgentFailure("infrastructure", "deaf", (
                f"{self._options.url} does not hear (hears is not true at /health), and is sent sound without words: "
                "set send_audio: false, and it reads what the listener understands"
            ))

    async def _payload(self, view: DoctorView) -> dict[str, Any]:
        """Return the request of the contract."""
        card = view.intake
        sounds = await asyncio.to_thread(self._sounds_of, view.dialogue)
        return {
            "contract": CONTRACT, "language": view.language,
            "intake": {
                "age_years": card.age_years, "sex": card.sex, "caregiver": card.caregiver,
                "calls_patient": card.calls_patient,
            },
            "dialogue": [
                {"role": said.role, "text": said.text} | ({"audio": sound} if sound else {})
                for said, sound in zip(view.dialogue, sounds, strict=True)
            ],
            "exchange": view.exchange, "max_turns": view.max_turns, "seed": view.seed % SEED_RANGE,
            "speak": view.speak and self._options.speak, "options": self._options.options,
        }

    def _sounds_of(self, dialogue: tuple[Utterance, ...]) -> list[dict[str, Any] | None]:
        wanted = self._options.send_audio
        return [self._sound(u.audio) if wanted and u.audio and u.role == "patient" else None for u in dialogue]

    def _sound(self, ref: AudioRef) -> dict[str, Any]:
        about = {"sample_rate_hz": ref.sample_rate_hz, "seconds": ref.seconds}
        if self._options.send_audio_as == "path":
            self._sounds.place(ref)
            return {"path": ref.path, **about}
        return {"wav_base64": self._sounds.wav_base64(ref), **about}
