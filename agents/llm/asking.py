"""The model as agents see it, above any transport: forms, re-asking, tape, cost, and whose failure it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from agents.llm.forecast import money
from agents.llm.forms import Unusable, as_asked, read_form
from agents.llm.hearing import hearing
from agents.llm.options import LLMOptions
from agents.llm.retrying import send_until_answered
from agents.llm.sounding import Wanted, found, kept
from agents.llm.tape import current_tape, request_hash
from agents.llm.transport import Fault, Raw, Request, Transport
from agents.llm.types import Completion, Filled, Form, Message
from scenarios.errors import AgentFailure, InputError, Owner
from scenarios.identity import derive_seed
from scenarios.schema import Usage

T = TypeVar("T")
AGENTS_OWN = frozenset({"context_overflow", "bad_audio"})
"""Faults that show on the way but that the agent has caused: its prompt, or what it wanted to be heard."""


class AskingModel:
    """``Model`` over a ``Transport``."""

    def __init__(self, options: LLMOptions, owner: Owner, transport: Transport) -> None:
        """``owner`` is blamed for what the model itself does wrong."""
        self.options, self.owner, self.transport = options, owner, transport

    async def say(
        self, messages: Sequence[Message], *, seed: int, max_tokens: int | None = None, voice: Wanted | None = None
    ) -> Completion:
        """Return the model's next message as text; with ``voice`` spoken, too, where the server does that."""
        most = max_tokens or self.options.max_tokens
        request = Request(self.options, tuple(messages), seed, most, hear=hearing(), voice=voice)
        return (await self._ask(request, lambda raw: None))[1]

    async def fill(
        self, messages: Sequence[Message], form: type[Form], *, seed: int, max_tokens: int | None = None
    ) -> Filled[Form]:
        """Return the model's answer as a ``form``; an unusable one is asked for again, ``rereads`` times.

        A listener hears the field that the form's class variable ``spoken`` names; without one it hears nothing.
        """
        asked, wanted = as_asked(messages, form, self.options)
        spoken = getattr(form, "spoken", "")
        hear = hearing(spoken) if spoken else None
        request = Request(self.options, asked, seed, max_tokens or self.options.max_tokens, wanted, hear)
        return Filled(*await self._ask(request, lambda raw: read_form(raw.text, raw.finish, form)))

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError with the fix when the model cannot serve prompts of ``longest`` tokens now."""
        await self.transport.preflight(longest)

    async def aclose(self) -> None:
        """Let go of connections or of the engine."""
        await self.transport.aclose()

    async def _ask(self, request: Request, read: Callable[[Raw], T]) -> tuple[T, Completion]:
        """Send the request until ``read`` accepts the reply; every further try has a seed of its own."""
        usage: Usage | None = None
        total_s = 0.0
        problem = Unusable("empty_reply", "never asked")
        for number in range(self.options.rereads + 1):
            raw = await self._raw(_reseeded(request, number))
            used, total_s = self._usage(raw), total_s + raw.total_s
            usage = used if usage is None else usage + used
            try:
                _check(raw)
                value = read(raw)
            except Unusable as unusable:
                problem = unusable
                continue
            sound = raw.kept.sound if raw.kept else None
            return value, Completion(raw.text, usage, total_s, raw.first_s, raw.ending(), sound, raw.first_audio_s)
        raise AgentFailure(self.owner, problem.kind, f"{problem.message} ({self.options.rereads + 1} tries)")

    async def _raw(self, request: Request) -> Raw:
        if request.hear is None:
            return await self._reply(request)
        request.hear.begin()
        raw = await self._reply(request)
        request.hear.end(raw.text)
        return raw

    async def _reply(self, request: Request) -> Raw:
        tape = current_tape()
        name = request_hash(request.identity()) if tape is not None or request.voice is not None else ""
        if tape is not None and tape.replaying:
            if (recorded := tape.find(name)) is None:
                raise AgentFailure("infrastructure", "not_recorded", (
                    f"the recording has no reply to this request ({name}) of {self.options.model}: "
                    "prompts, options, seeds or the model's name are not those of the recorded run"
                ))
            played = Raw.from_tape(recorded)
            place = recorded.get("audio") if request.voice is not None else None
            return played if place is None else replace(played, kept=await found(place))
        try:
            raw = await send_until_answered(self.transport, request)
            if request.voice is not None and raw.audio:
                raw = replace(raw, audio=(), kept=await kept(raw.audio, request.voice, name))
        except Fault as fault:
            owner = self.owner if fault.kind in AGENTS_OWN else "infrastructure"
            raise AgentFailure(owner, fault.kind, fault.message) from fault
        except InputError as error:  # the key's variable is not set
            raise AgentFailure("infrastructure", "unauthorised", str(error)) from error
        if tape is not None:
            tape.keep(name, raw.on_tape())
        return raw

    def _usage(self, raw: Raw) -> Usage:
        prompt, cached, completion = (raw.usage.get(name, 0) for name in ("prompt", "cached", "completion"))
        price = self.options.price
        cost = None if price is None else money(prompt, cached, completion, price)
        return Usage(prompt=prompt, completion=completion, cached=cached, calls=1, cost=cost)


def _reseeded(request: Request, number: int) -> Request:
    if number == 0:
        return request
    return replace(request, seed=derive_seed(request.seed, "reread", number))


def _check(raw: Raw) -> None:
    """Raise Unusable for a reply that says nothing: ``refusal`` or ``empty_reply``."""
    if raw.refusal or raw.finish == "content_filter":
        raise Unusable("refusal", f"the model refused: {raw.refusal[:200] or 'content filter'}")
    if not raw.text.strip():
        raise Unusable("empty_reply", f"the reply is empty (finish reason {raw.finish})")
