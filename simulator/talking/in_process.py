"""A SpeechLM checkpoint in this process as the one who is talked with; it knows options and events, no network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from agents import catalog
from agents.sound.wave import MAX_SECONDS, Sound
from scenarios.errors import AgentFailure
from simulator.talking.partner import WINDOW_S, Event, Over, Said, Voiced, Words, merged

if TYPE_CHECKING:
    from agents.doctors.speechlm import Message, OpenedModel, SpeechLMOptions


OURS = "speechlm"
"""The doctor of the catalogue that every checkpoint can be loaded as."""


def is_ours(doctor: str) -> bool:
    """Whether a doctor of the catalogue is a checkpoint of this kind. Raises UnknownName."""
    return catalog.find("doctor", doctor).factory == catalog.find("doctor", OURS).factory


class LoadedPartner:
    """Asks the model of this process; what earlier turns computed is used again."""

    def __init__(self, opened: OpenedModel, *, speak: bool = True) -> None:
        """Take over ``opened`` and close it in the end; ``speak`` false: words only."""
        self.name, self.hears = opened.info.name, True
        self.speaks = speak and opened.rate_hz is not None
        self.longest_s = MAX_SECONDS if opened.options.long_speech == "split" else WINDOW_S
        self._opened = opened

    async def answer(self, dialogue: Sequence[Said], seed: int) -> AsyncGenerator[Event, None]:
        """Yield the model's answer. Raises AgentFailure, MissingExtra."""
        from agents.doctors.speechlm import Ended, SoundPiece, SpeechLMError, TextPiece

        messages = await asyncio.to_thread(self._messages, dialogue)
        settings = self._opened.settings(seed=seed, speak=self.speaks)
        try:
            async with aclosing(self._opened.worker.stream(messages, settings)) as events:
                async for event in events:
                    if isinstance(event, TextPiece):
                        yield Words(event.text)
                    elif isinstance(event, SoundPiece):
                        yield Voiced(Sound(event.samples, event.rate_hz))
                    elif isinstance(event, Ended):
                        yield _over(event)
        except SpeechLMError as error:
            raise AgentFailure("doctor", "model", str(error)) from error

    async def aclose(self) -> None:
        """Let go of the weights."""
        await asyncio.to_thread(self._opened.close)

    def _messages(self, dialogue: Sequence[Said]) -> list[Message]:
        return [
            self._opened.to_message(
                "user" if role == "patient" else "assistant",
                [said.sound if role == "patient" and said.sound is not None else said.text for said in parts],
            ) for role, parts in merged(dialogue)
        ]


def _over(ended: Any) -> Over:
    if ended.finish == "error":
        raise AgentFailure("doctor", "model", ended.error)
    return Over(ended.finish, ended.usage.prompt, ended.usage.cached, ended.usage.completion)


def open_checkpoint(
    checkpoint: str, options: Mapping[str, Any], *, system: str = "", speak: bool = True, doctor: str = OURS
) -> LoadedPartner:
    """Load a checkpoint; blocks, for minutes when it is large.

    Args:
        checkpoint: a folder or a name of the hub; '' for what the doctor's own defaults say.
        options: of the doctor.
        system: first message; '' for the checkpoint's own.
        speak: false: words only.
        doctor: the entry of the catalogue that it is loaded as.

    Raises:
        InputError: it is not here or damaged, or an option is wrong.
        MissingExtra: torch is not installed.
    """
    from scenarios.errors import MissingExtra

    try:
        from agents.doctors.speechlm import open_worker
    except ModuleNotFoundError as error:
        raise MissingExtra("a checkpoint in this process", "speech") from error
    found: SpeechLMOptions = checkpoint_options(checkpoint, options, system, doctor)
    return LoadedPartner(open_worker(found), speak=speak)


def checkpoint_options(
    checkpoint: str, options: Mapping[str, Any], system: str, doctor: str = OURS
) -> SpeechLMOptions:
    """Return what loads ``checkpoint``; see ``open_checkpoint``. Raises InputError."""
    from agents.doctors.speechlm import SpeechLMOptions

    told: dict[str, Any] = {"system": {"zh": system, "en": system}} if system else {}
    named = {"checkpoint": checkpoint} if checkpoint else {}
    found = catalog.validate_options(catalog.find("doctor", doctor), {**told, **options, **named})
    if not isinstance(found, SpeechLMOptions):
        raise TypeError("speechlm takes other options")
    return found
