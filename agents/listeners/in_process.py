"""A recogniser that is loaded in this process: one worker thread, waiting sounds together; it knows no model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

import numpy as np

from agents.doctors.batching import Batcher
from agents.listeners.hearing import as_heard, sound_of
from agents.protocols import ListenerView, Transcript
from agents.sound.wave import Samples
from scenarios.errors import AgentFailure, InputError, MissingExtra
from scenarios.schema import HEARD_HZ, Language


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """One sound (16 kHz, float32) to be understood, never empty."""

    samples: Samples
    language: Language
    seed: int


class Recogniser(Protocol):
    """Weights and what they make of sound; used from one thread."""

    @property
    def fingerprint(self) -> str:
        """The hash of the weights, with what else decides about the words."""
        ...

    @property
    def loaded(self) -> bool:
        """Whether the weights are in memory."""
        ...

    def load(self) -> None:
        """Load the weights once. Raises InputError that says what is wrong with them."""
        ...

    def unload(self) -> None:
        """Let go of the weights."""
        ...

    def understand(self, asks: list[Ask]) -> list[str | AgentFailure]:
        """Return a text, or why there is none, for each sound."""
        ...


def need(modules: Sequence[str], listener: str) -> None:
    """Raise MissingExtra when one of ``modules`` is not installed; none is imported."""
    if any(find_spec(module) is None for module in modules):
        raise MissingExtra(f"listener {listener!r}", "speech")


class InProcessListener:
    """Gives sounds to a recogniser in its own thread, so that nobody else waits for it.

    The weights are loaded at ``preflight``, or with the first sound, and let go of at ``aclose``. A sound whose asker
    has gone while it waited is never worked on; work under way is finished.
    """

    def __init__(self, recogniser: Recogniser, batch_size: int, batch_wait_ms: float) -> None:
        """Load nothing yet."""
        self._recogniser = recogniser
        self._batcher = Batcher(self._understand, batch_size, batch_wait_ms / 1000)

    @property
    def fingerprint(self) -> str:
        """The hash of the weights, with what else decides about the words."""
        return self._recogniser.fingerprint

    async def listen(self, view: ListenerView) -> Transcript:
        """Return what was understood. Raises AgentFailure(listener | voice | infrastructure)."""
        sound = sound_of(view)
        samples = await asyncio.to_thread(as_heard, sound)
        if not len(samples):
            return Transcript("")
        try:
            if not self._recogniser.loaded:
                await self._batcher.run(self._recogniser.load)
            heard = await self._batcher.submit(Ask(samples, view.language, view.seed))
        except InputError as error:
            raise AgentFailure("infrastructure", "model_not_loaded", str(error)) from error
        if not isinstance(heard, str):
            raise heard
        return Transcript(heard)

    async def preflight(self, longest: int) -> None:
        """Load the weights and listen to a short tone. Raises ClinicError with the fix."""
        await self._batcher.run(self._recogniser.load)
        tone = 0.1 * np.sin(2 * np.pi * 220 / HEARD_HZ * np.arange(HEARD_HZ // 2))
        heard = await self._batcher.submit(Ask(tone.astype(np.float32), "en", 0))
        if not isinstance(heard, str) and heard.kind != "wrong_language":
            raise heard

    async def aclose(self) -> None:
        """Let go of the weights and end the worker."""
        await self._batcher.aclose(self._recogniser.unload)

    def _understand(self, asks: list[Ask]) -> list[str | AgentFailure]:
        """Let the recogniser work; one sound at a time when the memory does not hold them all."""
        import torch

        try:
            return self._recogniser.understand(asks)
        except torch.OutOfMemoryError:
            if len(asks) == 1:
                return [AgentFailure("infrastructure", "out_of_memory", "the device's memory cannot hold the sound")]
            return [heard for ask in asks for heard in self._understand([ask])]
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            if len(asks) > 1:
                return [heard for ask in asks for heard in self._understand([ask])]
            why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            return [AgentFailure("listener", "model_error", f"the recogniser failed on this sound: {why}")]


def device_of(wanted: str) -> str:
    """Return the device to use; ``auto`` is a GPU where there is one. Raises InputError for one that is not there."""
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {wanted!r}: torch sees no GPU here. Use device: cpu, or auto")
    return wanted
