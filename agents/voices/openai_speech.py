"""A voice behind any server of ``POST /v1/audio/speech``: OpenAI, vLLM-Omni, Kokoro-FastAPI, speaches and others.

The request is OpenAI's; what a server knows beyond it goes into ``extra_body`` (vLLM-Omni: task_type, instructions,
ref_audio, ref_text, max_new_tokens; Kokoro-FastAPI: normalization_options, volume_multiplier).
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from agents.llm.server import CONNECT_S, Server
from agents.llm.transport import SEED_RANGE
from agents.protocols import Spoken, VoiceView
from agents.voices.speech_server import Body, SpeechServer, SpeechTransport, Text, text_of
from agents.voices.speech_server_names import Table, choose, table_of
from agents.voices.speech_server_options import PATIENCE, ServerOptions, plain_url
from agents.voices.speech_server_sound import Format
from scenarios.errors import AgentFailure, InputError, UnknownName
from scenarios.identity import content_hash, derive_seed
from scenarios.schema import Language
from scenarios.schema.base import Text as Named

DEFAULT_SPEECH_URL = "http://127.0.0.1:8091/v1"


class SpeechServerOptions(ServerOptions):
    """Which model speaks with which voices, and what the server wants to be told."""

    speed_only: ClassVar[frozenset[str]] = PATIENCE | {"base_url"}

    model: Named = Field(description="the name by which the server knows it")
    base_url: str = Field(default=DEFAULT_SPEECH_URL, description="of the server, ending in /v1")
    voice: str = Field(default="", description="for everybody whom voices does not name; '': the server's own choice")
    voices: Table = Field(
        default={}, description="sex -> age group (少年 青年 成年 老年) -> name or names; perhaps below zh: and en:"
    )
    response_format: Format = Field(default="wav", description="pcm: raw 16-bit samples at pcm_rate_hz")
    pcm_rate_hz: int = Field(default=24_000, ge=4_000, le=192_000, description="where the server does not tell it")
    instructions: str = Field(default="", description="how to speak, for models that take it")
    language_key: str = Field(default="", description="key for the language, e.g. language or lang_code; '': not told")
    languages: dict[Language, str] = Field(
        default={"zh": "Chinese", "en": "English"}, description="what to send under language_key"
    )
    send_seed: bool = Field(default=False, description="send a seed, for servers that take one")
    extra_body: dict[str, Any] = Field(default={}, description="further keys of each request; null leaves one out")

    _url = field_validator("base_url")(plain_url)

    @field_validator("voices", mode="before")
    @classmethod
    def _is_a_table(cls, value: Any) -> Table:
        return table_of(value)

    @model_validator(mode="after")
    def _can_be_streamed(self) -> SpeechServerOptions:
        if self.stream and self.response_format not in ("wav", "pcm"):
            raise ValueError("stream needs response_format wav or pcm")
        return self


class SpeechServerVoice:
    """Speaks with a server's own voices, one for each speaker."""

    def __init__(self, options: SpeechServerOptions) -> None:
        """Connect to nothing yet."""
        from agents.voices.text import fingerprint

        self._options = options
        way = options.way(options.model, options.base_url)
        self._transport = SpeechTransport(
            way, "/audio/speech", max_seconds=options.max_piece_s, pcm_rate_hz=options.pcm_rate_hz
        )
        self._server = SpeechServer(options, self._transport)
        self._settled = options.model_dump(mode="json", exclude={*options.speed_only, "voices", "voice"})
        self.fingerprint = fingerprint()

    def key(self, view: VoiceView) -> str:
        """Return a hash of all that can change the sound: the text as read, the voice, the model and its options."""
        return self._key(text_of(view, self._options), view)

    async def speak(self, view: VoiceView) -> Spoken:
        """Return the sound of ``view.text``. Raises AgentFailure(voice | infrastructure)."""
        text, name = text_of(view, self._options), self._name(view)
        seed = derive_seed(0, self._key(text, view))
        return await self._server.speak(
            text, lambda piece, seed: self._body(piece, name, view.speaker.language, seed),
            lambda number, take: derive_seed(seed, number, take) % SEED_RANGE, name or self._options.model,
        )

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when the server is away, refuses the key or lists other models."""
        await _check_models(self._transport.server(), self._options)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._server.aclose()

    def _name(self, view: VoiceView) -> str:
        return choose(self._options.voices, view.speaker, self._options.voice)

    def _key(self, text: Text, view: VoiceView) -> str:
        return content_hash([self._settled, self._name(view), view.speaker.language, text.read, text.pieces], 40)

    def _body(self, piece: str, name: str, language: Language, seed: int) -> Body:
        o = self._options
        asked: Body = {
            "voice": name or None, "speed": o.speed if o.speed != 1 else None, "stream": o.stream or None,
            "instructions": o.instructions or None, "seed": seed if o.send_seed else None,
        }
        if o.language_key:
            asked[o.language_key] = o.languages.get(language)
        whole = {**asked, **o.extra_body, "model": o.model, "input": piece, "response_format": o.response_format}
        return {key: value for key, value in whole.items() if value is not None}


async def _check_models(server: Server, options: SpeechServerOptions) -> None:
    """Ask for the list of models; a server without one is taken as it is."""
    from openai import APIConnectionError, APIStatusError

    try:
        told: Any = await server.client.get("/models", cast_to=object, options={"timeout": CONNECT_S})
    except APIConnectionError as error:
        raise AgentFailure(
            "infrastructure", "server_down", f"nobody answers at {server.url}: start the speech server, or set base_url"
        ) from error
    except APIStatusError as error:
        if error.status_code in (401, 403):
            raise AgentFailure(
                "infrastructure", "unauthorised", f"{server.url} refuses the key ({error.status_code}): see api_key_env"
            ) from error
        if error.status_code not in (404, 405, 501):
            raise InputError(f"{server.url}/models answered {error.status_code}: is this a speech server?") from error
        return
    except ValueError:
        return
    cards = told.get("data") if isinstance(told, dict) else None
    known = [str(card["id"]) for card in cards or () if isinstance(card, dict) and "id" in card]
    if known and options.model not in known:
        raise UnknownName(f"model at {server.url}", options.model, known)
