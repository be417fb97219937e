"""What goes to a model and what comes back; it knows no server and no role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from agents.llm.options import LLMOptions
from agents.llm.sounding import Wanted
from agents.sound.wave import Sound
from scenarios.schema import Usage

Message = dict[str, Any]
"""``{"role": "system" | "user" | "assistant", "content": text or content parts}``."""

Form = TypeVar("Form", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply. ``first_s``: seconds to the first token, when streamed; ``usage`` sums all tries of this reply.

    ``sound``, 24 kHz, is there when a spoken reply was wanted and came; ``first_audio_s`` when it came in pieces.
    """

    text: str
    usage: Usage
    total_s: float
    first_s: float | None = None
    finish: Literal["stop", "length"] = "stop"
    sound: Sound | None = None
    first_audio_s: float | None = None

    def with_usage(self, usage: Usage) -> Completion:
        """Return this reply with the usage of the tries before it added."""
        return replace(self, usage=usage)


@dataclass(frozen=True, slots=True)
class Filled(Generic[Form]):
    """A form that a model filled in, and the reply that holds it."""

    form: Form
    completion: Completion


class Model(Protocol):
    """A language model as agents see it; the same over HTTP and in process.

    Every call may raise ``AgentFailure``, never retryable, because all retrying is done inside. Its owner is
    ``infrastructure`` for what the server did (``server_down``, ``server_error``, ``rate_limited``, ``timeout``,
    ``connection``, ``unauthorised``, ``unknown_model``, ``bad_request``, ``oversized_reply``), else the agent's own
    role (``context_overflow``, ``empty_reply``, ``refusal``, ``truncated_json``, ``bad_json``, ``wrong_schema``,
    ``bad_audio``).
    """

    options: LLMOptions

    async def say(
        self, messages: Sequence[Message], *, seed: int, max_tokens: int | None = None, voice: Wanted | None = None
    ) -> Completion:
        """Return the model's next message as text; with ``voice`` spoken, too, where the server does that."""
        ...

    async def fill(
        self, messages: Sequence[Message], form: type[Form], *, seed: int, max_tokens: int | None = None
    ) -> Filled[Form]:
        """Return the model's answer as a ``form``; an unusable one is asked for again, ``rereads`` times."""
        ...

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when the model cannot serve prompts of ``longest`` tokens now."""
        ...

    async def aclose(self) -> None:
        """Let go of connections or of the engine."""
        ...
