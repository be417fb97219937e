"""The shapes of what the server says: completions, chunks, models, health; OpenAI's, with a few keys of our own."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Finish = Literal["stop", "length"]


class PromptDetails(BaseModel):
    """Of the prompt."""

    cached_tokens: int = Field(ge=0, description="positions that were kept from an earlier turn")


class CompletionDetails(BaseModel):
    """Of the answer."""

    units: int = Field(ge=0, description="speech units, 25 a second of sound; not among completion_tokens")


class Usage(BaseModel):
    """Positions and ids of one answer; a spoken part of the prompt counts by the positions that it takes."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0, description="text ids")
    total_tokens: int = Field(ge=0)
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class SpokenMessage(BaseModel):
    """The sound of an answer."""

    id: str = Field(description="may stand for the transcript in a later request, until it expires")
    data: str = Field(description="base64 of a WAV file, or of 16-bit samples; 24 kHz, mono")
    transcript: str
    expires_at: int = Field(description="seconds since 1970; the sound itself is not kept")


class AnswerMessage(BaseModel):
    """What the doctor says."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    audio: SpokenMessage | None = None


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: Finish
    logprobs: None = None


class ChatCompletion(BaseModel):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage


class SpokenDelta(BaseModel):
    """More of the sound, or of its transcript."""

    id: str
    data: str | None = Field(default=None, description="base64 of 16-bit samples, 24 kHz, mono")
    transcript: str | None = None
    expires_at: int | None = None


class Delta(BaseModel):
    """More of the answer."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    audio: SpokenDelta | None = None


class ChunkChoice(BaseModel):
    """More of the one answer."""

    index: Literal[0] = 0
    delta: Delta
    finish_reason: Finish | None = None
    logprobs: None = None


class ChatCompletionChunk(BaseModel):
    """One event of a streamed answer; the last one of a stream with usage has no choice."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | None = None


class ErrorDetail(BaseModel):
    """What is wrong and what to do."""

    message: str
    type: str
    param: str | None = Field(description="which value")
    code: str | None = Field(description="a short name")


class ErrorAnswer(BaseModel):
    """An error."""

    error: ErrorDetail


class ModelCard(BaseModel):
    """A model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "clinic"
    max_model_len: int = Field(description="positions of a prompt with its answer")
    hears: bool
    speaks: bool
    languages: list[str]
    parameters: int
    fingerprint: str = Field(description="tells weights apart")


class ModelList(BaseModel):
    """All models: one."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class Health(BaseModel):
    """Whether answers can be had."""

    status: Literal["ready", "failed"]
    model: str
    problem: str = Field(default="", description="why not")


class Welcome(BaseModel):
    """Where everything is."""

    name: str
    models: list[str]
    paths: dict[str, str]
