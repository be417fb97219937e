"""A chat model loaded in this process with transformers, for people without a server; it knows no patient."""

from __future__ import annotations

from importlib.util import find_spec
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from agents.doctors.batching import Batcher
from agents.doctors.habits import PromptHabits
from agents.doctors.local_engine import Ask, Engine, LocalOptions
from agents.doctors.prompting import doctor_messages
from agents.doctors.prompts import prompt_fingerprint
from agents.doctors.speaking import doctor_forecast, spoken_reply
from agents.llm.forecast import Forecast
from agents.llm.hearing import tell
from agents.llm.types import Completion, Message
from agents.protocols import DoctorReply, DoctorView
from scenarios.errors import AgentFailure, InputError, MissingExtra
from scenarios.schema import Case


class TransformersOptions(LocalOptions, PromptHabits):
    """Weights, where they run, how they sample, and the model's habits."""

    speed_only: ClassVar[frozenset[str]] = frozenset({"device", "batch_size", "batch_wait_ms"})

    batch_size: int = Field(default=8, ge=1, le=512, description="waiting requests generated together")
    batch_wait_ms: float = Field(default=5.0, ge=0, le=1_000, description="how long the first one waits for company")
    ask_requests: Literal["none"] = Field(
        default="none", description="always none: without a server nothing holds a model to a form"
    )

    @field_validator("ask_requests", mode="before")
    @classmethod
    def _has_no_form(cls, value: object) -> object:
        if value == "form":
            raise ValueError("a model in this process cannot be held to a form: use 'chat' with a server for that")
        return value


class TransformersDoctor:
    """Generates in one worker thread; requests that wait at the same time are generated together.

    The weights are loaded at ``preflight``, or with the first reply, and let go of at ``aclose``.
    """

    def __init__(self, options: TransformersOptions) -> None:
        """Check that torch and transformers are there; raises MissingExtra."""
        if find_spec("torch") is None or find_spec("transformers") is None:
            raise MissingExtra("doctor 'transformers'", "local")
        self._options = options
        self._engine = Engine(options)
        self._batcher = Batcher(self._engine.generate, options.batch_size, options.batch_wait_ms / 1000)
        self.fingerprint = prompt_fingerprint()

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the model's next words. Raises AgentFailure(doctor | infrastructure)."""
        ask = Ask(self.asks(view), view.seed)
        try:
            said = await self._batcher.submit(ask)
        except InputError as error:
            raise AgentFailure("infrastructure", "model_not_loaded", str(error)) from error
        finally:
            ask.cancelled.set()
        if not isinstance(said, Completion):
            raise said
        reply = spoken_reply(said, view.language, self._options)
        tell(reply.text)
        return reply

    def asks(self, view: DoctorView) -> list[Message]:
        """Return the messages that the model is given for the doctor's next words; it loads nothing."""
        return doctor_messages(view, self._options)

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return the expected tokens of one consultation; nothing is cached between calls."""
        expected = doctor_forecast(case, max_turns, self._options, self._options.max_new_tokens)
        return Forecast(expected.calls, expected.prompt, 0, expected.completion, expected.longest)

    async def preflight(self, longest: int) -> None:
        """Load the weights. Raises InputError when they cannot be, or cannot take ``longest`` tokens."""
        await self._batcher.run(self._engine.load)
        if longest > (most := self._engine.max_context):
            raise InputError(
                f"{self._options.model}: a consultation may need {longest} tokens, the model takes {most}. "
                "Use fewer turns (max_turns), a smaller max_new_tokens or history: last_only"
            )

    async def aclose(self) -> None:
        """Let go of the weights and end the worker."""
        await self._batcher.aclose(self._engine.unload)
