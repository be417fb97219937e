"""One raw request to a model and one raw reply; it knows neither retries nor forms nor who asks."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agents.llm.fault import Fault
from agents.llm.hearing import Hearing
from agents.llm.options import LLMOptions
from agents.llm.sounding import Kept, Wanted
from agents.llm.tape import Reply
from agents.llm.types import Message

__all__ = ["SEED_RANGE", "Fault", "Raw", "Request", "Transport"]

SEED_RANGE = 2**31
"""Ours have 63 bits; servers other than vLLM take non-negative 32-bit integers."""


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that can change the reply; ``messages`` and ``response_format`` as they are sent.

    ``hear`` is told the reply while it grows. It changes nothing but that the reply is streamed. ``voice``: the reply
    is to be spoken, too.
    """

    options: LLMOptions
    messages: tuple[Message, ...]
    seed: int
    max_tokens: int
    response_format: dict[str, Any] | None = None
    hear: Hearing | None = field(default=None, compare=False)
    voice: Wanted | None = None

    @property
    def insists(self) -> bool:
        """Whether the reply must come in pieces; many servers speak only whole replies, so spoken ones have a say."""
        return self.options.stream if self.voice is None else self.voice.streamed

    @property
    def streamed(self) -> bool:
        """Whether the reply is to come in pieces: the options say so, or somebody listens to what is written."""
        return self.insists or (self.voice is None and self.hear is not None)

    def identity(self) -> dict[str, Any]:
        """Return what names this request on a tape."""
        o = self.options
        voice = {"voice": self.voice.body} if self.voice is not None and self.voice.body else {}
        return voice | {
            "model": o.model, "messages": self.messages, "seed": self.seed, "temperature": o.temperature,
            "top_p": o.top_p, "max_tokens": self.max_tokens, "extra_body": o.extra_body, "schema": self.response_format,
        }

    def body(self) -> dict[str, Any]:
        """Return the request as the OpenAI protocol writes it; a key that ``extra_body`` sets to null is left out."""
        o = self.options
        sent: dict[str, Any] = {
            "temperature": o.temperature, "top_p": o.top_p, "max_tokens": self.max_tokens,
            "seed": self.seed % SEED_RANGE, **(self.voice.body if self.voice else {}), **o.extra_body,
            "model": o.model, "messages": self.messages,
        }
        if self.response_format is not None:
            sent["response_format"] = self.response_format
        if self.streamed:
            sent |= {"stream": True, "stream_options": {"include_usage": True}}
        return {key: value for key, value in sent.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Raw:
    """What came back: text and the server's own finish reason. Times in seconds from sending; counts in tokens.

    ``audio`` is sound as it came, base64 in one or more pieces; ``kept`` the same, read and stored.
    """

    text: str
    finish: str
    total_s: float
    first_s: float | None = None
    refusal: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    audio: tuple[str, ...] = ()
    first_audio_s: float | None = None
    kept: Kept | None = None

    def ending(self) -> Literal["stop", "length"]:
        """Return whether the text is whole or was cut at its token limit."""
        return "length" if self.finish == "length" else "stop"

    def on_tape(self) -> Reply:
        """Return the form in which a tape keeps it."""
        kept: Reply = {
            "text": self.text, "finish": self.finish, "usage": self.usage,
            "first_s": self.first_s, "total_s": round(self.total_s, 6),
        }
        if self.kept is not None and self.kept.ref is not None:
            kept |= {"audio": self.kept.ref.model_dump(), "first_audio_s": self.first_audio_s}
        return {**kept, "refusal": self.refusal} if self.refusal else kept

    @classmethod
    def from_tape(cls, reply: Reply) -> Raw:
        """Return the reply that ``on_tape`` described, without its sound."""
        return cls(
            str(reply["text"]), str(reply["finish"]), float(reply["total_s"]), reply.get("first_s"),
            str(reply.get("refusal", "")), dict(reply.get("usage", {})),
            first_audio_s=reply.get("first_audio_s"),
        )


class Transport(Protocol):
    """A way to a model: HTTP, or the engine in this process. It is used from one event loop at a time."""

    async def wait_until_up(self, patience_s: float) -> float:
        """Return the seconds waited for a dead server; raises Fault ``server_down`` after ``patience_s``."""
        ...

    def place(self) -> AbstractAsyncContextManager[bool]:
        """Wait for a place among the requests at once; False when the server died in the meantime."""
        ...

    async def send(self, request: Request) -> Raw:
        """Send one request once. Raises Fault."""
        ...

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when prompts of ``longest`` tokens cannot be served now."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds."""
        ...
