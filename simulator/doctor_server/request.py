"""The body of ``POST /v1/chat/completions``: which keys there are and which values this server can do.

Keys that OpenAI or vLLM know and this server cannot do are listed with the one value that means "not used", so that
clients that always send them are understood. Anything else is refused by name, never ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

MAX_TEXT = 400_000
"""Characters of one text; no context of a model that is served here holds more."""
MAX_PARTS, MAX_MESSAGES, MAX_STOPS = 256, 2_000, 16
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Label = Annotated[str, Field(max_length=1_000)]


class Body(BaseModel):
    """Knows its keys and refuses others; values are taken as they are, never converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TextPart(Body):
    """Something written."""

    type: Literal["text"]
    text: Text


class InputAudio(Body):
    """Sound as base64."""

    data: str = Field(description="the bytes in base64; no address, nothing is fetched", examples=["UklGRg=="])
    format: Literal["wav", "pcm16", "mp3", "flac", "ogg"] = Field(
        description="of the bytes; pcm16: 16-bit little-endian samples, mono, 24 kHz, without a header"
    )


class InputAudioPart(Body):
    """Something said, as OpenAI has it."""

    type: Literal["input_audio"]
    input_audio: InputAudio


class AudioUrl(Body):
    """Sound within an address."""

    url: str = Field(description="only a data: URL; nothing is fetched", pattern=r"^[dD][aA][tT][aA]:")


class AudioUrlPart(Body):
    """Something said, as vLLM has it."""

    type: Literal["audio_url"]
    audio_url: AudioUrl


UserPart = Annotated[TextPart | InputAudioPart | AudioUrlPart, Field(discriminator="type")]


def _form(value: Any) -> str:
    return "text" if isinstance(value, str) else "parts"


Typed = Annotated[
    Annotated[Text, Tag("text")] | Annotated[list[TextPart], Tag("parts"), Field(min_length=1, max_length=MAX_PARTS)],
    Discriminator(_form),
]
Spoken = Annotated[
    Annotated[Text, Tag("text")] | Annotated[list[UserPart], Tag("parts"), Field(min_length=1, max_length=MAX_PARTS)],
    Discriminator(_form),
]


class SystemMessage(Body):
    """What the model is told to be."""

    role: Literal["system", "developer"]
    content: Typed
    name: Label | None = None


class UserMessage(Body):
    """What the patient writes and says."""

    role: Literal["user"]
    content: Spoken
    name: Label | None = None


class AudioReference(BaseModel):
    """An earlier spoken answer of this server."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    id: str = Field(max_length=200)


class AssistantMessage(BaseModel):
    """What the doctor said before: its text, or the id of an answer that this server spoke lately."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    role: Literal["assistant"]
    content: Typed | None = None
    audio: AudioReference | None = Field(default=None, description="stands for its transcript, for an hour")
    name: Label | None = None
    refusal: None = None
    tool_calls: Annotated[list[Any], Field(max_length=0)] | None = None
    function_call: None = None
    annotations: Annotated[list[Any], Field(max_length=0)] | None = None


Message = Annotated[SystemMessage | UserMessage | AssistantMessage, Field(discriminator="role")]


class Voice(Body):
    """How the answer sounds."""

    voice: str | None = Field(default=None, max_length=200, description="any name: a checkpoint has one voice")
    format: Literal["wav", "pcm16"] | None = Field(
        default=None, description="24 kHz mono; default: wav, streamed pcm16 (wav cannot be streamed)"
    )


class StreamOptions(Body):
    """What a stream carries besides."""

    include_usage: bool = False
    include_obfuscation: Literal[False] | None = None
    continuous_usage_stats: Literal[False] | None = None


class ResponseFormat(Body):
    """Only plain text."""

    type: Literal["text"]


class Sampling(Body):
    """How ids are chosen; what is left out is as the server was started."""

    max_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=1_000_000)
    temperature: float | None = Field(default=None, ge=0, le=2, description="0: greedy")
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=-1, le=1_000_000, description="vLLM's; 0 or -1: no limit")
    repetition_penalty: float | None = Field(default=None, gt=0, le=10, description="vLLM's; 1: none")
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63, description="equal seeds give equal answers")
    stop: Annotated[str, Field(min_length=1, max_length=1_000)] | Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1_000)]], Field(max_length=MAX_STOPS)
    ] | None = None


class NotUsed(Body):
    """Keys of OpenAI and vLLM that this server cannot do, with the value that means just that."""

    n: int | None = Field(default=None, ge=1, le=1)
    logprobs: Literal[False] | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=0)
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    frequency_penalty: float | None = Field(default=None, ge=0, le=0)
    presence_penalty: float | None = Field(default=None, ge=0, le=0)
    min_p: float | None = Field(default=None, ge=0, le=0)
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    response_format: ResponseFormat | None = None
    store: Literal[False] | None = None
    prediction: None = None
    reasoning_effort: Literal["none"] | None = None
    service_tier: Literal["auto", "default"] | None = None
    parallel_tool_calls: bool | None = None
    user: Label | None = None
    safety_identifier: Label | None = None
    prompt_cache_key: Label | None = None
    metadata: Annotated[dict[str, str], Field(max_length=16)] | None = None


class ChatRequest(Sampling, NotUsed):
    """One turn of a dialogue to be answered."""

    model: str = Field(max_length=1_000, description="a name of GET /v1/models")
    messages: list[Message] = Field(min_length=1, max_length=MAX_MESSAGES)
    modalities: list[Literal["text", "audio"]] | None = Field(
        default=None, min_length=1, max_length=2, description='["text"] or ["text", "audio"]'
    )
    audio: Voice | None = Field(default=None, description='only with modalities ["text", "audio"]')
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def speaks(self) -> bool:
        """Whether the answer is to be heard too."""
        return "audio" in (self.modalities or ())

    @property
    def tokens(self) -> int | None:
        """How many text ids the answer may have; the newer key goes first."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with its usage."""
        return self.stream_options is not None and self.stream_options.include_usage
