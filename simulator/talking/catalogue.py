"""Any doctor of the catalogue as the one who is talked with: whole replies, words as they are heard."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from agents import catalog
from agents.protocols import Doctor, DoctorView, IntakeCard
from agents.sound.shelf import Shelf, shelved
from scenarios.errors import InputError
from scenarios.schema import BackendRef, Language, Usage, Utterance
from simulator.talking.partner import WINDOW_S, Event, Over, Said
from simulator.talking.server import PATIENCE
from simulator.talking.streaming import Tell, streamed

MOST_TURNS = 10_000
"""No turn of a conversation is told to be the last."""


class DoctorPartner:
    """Asks a doctor as a consultation does; sound goes in and comes out where the doctor can."""

    def __init__(
        self, name: str, doctor: Doctor, shelf: Shelf, language: Language, *, hears: bool, speaks: bool
    ) -> None:
        """``shelf`` is where the patient's sound lies."""
        self.name, self.hears, self.speaks, self.longest_s = name, hears, speaks, WINDOW_S
        self._doctor, self._shelf, self._language = doctor, shelf, language

    async def answer(self, dialogue: Sequence[Said], seed: int) -> AsyncGenerator[Event, None]:
        """Yield the doctor's answer. Raises AgentFailure."""
        said = tuple(Utterance(one.role, one.text, one.audio if one.role == "patient" else None) for one in dialogue)
        asked = sum(1 for one in dialogue if one.role == "doctor") + 1
        view = DoctorView(self._language, IntakeCard(), said, asked, MOST_TURNS, seed, speak=self.speaks)

        async def call(tell: Tell) -> Event:
            with shelved(self._shelf):
                reply = await self._doctor.reply(view)
            used = reply.usage or Usage()
            finish = "length" if reply.finish == "length" else "stop"
            return Over(finish, used.prompt, used.cached, used.completion, reply.text, reply.sound)  # type: ignore[arg-type]

        events = streamed(call)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def aclose(self) -> None:
        """Let go of what the doctor holds."""
        if close := getattr(self._doctor, "aclose", None):
            await close()


def open_doctor(
    name: str, options: Mapping[str, Any], shelf: Shelf, language: Language, *, speak: bool = True
) -> DoctorPartner:
    """Return the doctor ``name``. Raises UnknownName, InputError, MissingExtra."""
    spec = catalog.find("doctor", name)
    waits = {key: value for key, value in PATIENCE.items() if key in _keys(spec)}
    told = {"speak": speak, "speak_stream": speak} if spec.factory.endswith(":AudioChatDoctor") else {}
    if spec.factory.endswith(":ProcessDoctor"):
        told = {"speak": speak}
    ref = BackendRef(backend=name, **{**waits, **told, **options})
    hears, speaks = "hears" in spec.capabilities, speak and "speaks" in spec.capabilities
    return DoctorPartner(name, catalog.create("doctor", ref), shelf, language, hears=hears, speaks=speaks)


def _keys(spec: catalog.BackendSpec) -> frozenset[str]:
    """Return the option names of a backend."""
    import importlib

    if not spec.options:
        return frozenset()
    module, _, name = spec.options.partition(":")
    try:
        return frozenset(getattr(importlib.import_module(module), name).model_fields)
    except ModuleNotFoundError as error:
        raise InputError(f"doctor {spec.name!r} needs a package that is not installed: {error.name}") from error
