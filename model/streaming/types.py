"""What goes into an answer and what comes out of it: messages, settings, events; no tensor and no model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "cancelled", "error"]


@dataclass(frozen=True, eq=False, slots=True)
class Speech:
    """One spoken utterance: float32 samples [n] at 16 kHz, in [-1, 1]."""

    samples: Samples

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / 16_000

    @property
    def digest(self) -> str:
        """What tells it apart from other sounds; equal samples have equal digests."""
        return hashlib.sha256(np.ascontiguousarray(self.samples, dtype=np.float32).tobytes()).hexdigest()


Part = str | Speech


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a dialogue: any number of typed and spoken parts, in order.

    Text is data: tokens that control the model (``<|im_end|>``, ``<speech>`` ...) have no meaning in it.
    """

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """How one answer is made.

    Args:
        max_new_tokens: text ids at most, the end id included.
        speak: speech is made too (a model without a speech generator cannot).
        temperature, top_k, top_p: of the text; temperature 0 is greedy, top_k 0 means no limit.
        repetition_penalty: over the generated ids, as in transformers; 1: none.
        unit_temperature, unit_top_k, unit_top_p: of the units. 1, 50 and 1 are what the published models sample with
            (top_k implicitly); temperature 0 is greedy.
        max_units: units at most in the whole answer; None: only the drain is bounded (the configuration's).
        stop: texts at which the answer ends; not part of it.
        seed: of every sampler; equal seeds give equal answers, alone or among others (to rounding).
    """

    max_new_tokens: int = 512
    speak: bool = True
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    unit_temperature: float = 1.0
    unit_top_k: int = 50
    unit_top_p: float = 1.0
    max_units: int | None = None
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer took.

    ``prompt`` positions, of which ``cached`` were not computed again; ``completion`` text ids, ``units`` speech units.
    """

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    units: int = 0


@dataclass(frozen=True, slots=True)
class TextPiece:
    """More of the text; the pieces together are exactly the text (no half characters)."""

    text: str
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitPiece:
    """Units that one call of the unit LM made (end ids left out); for tests, training data and people who look."""

    units: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class SoundPiece:
    """More of the sound, float32 [n]."""

    samples: Samples
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is over; always the last event.

    Times are seconds from ``submit``: ``queue_s`` until work on it began, ``first_text_s`` and ``first_sound_s`` until
    the first piece (None: there was none). ``error`` is empty unless ``finish`` is ``error``.
    """

    finish: Finish
    usage: Usage
    text_ids: tuple[int, ...] = ()
    units: tuple[int, ...] = ()
    queue_s: float = 0.0
    first_text_s: float | None = None
    first_sound_s: float | None = None
    total_s: float = 0.0
    error: str = ""


Event = TextPiece | UnitPiece | SoundPiece | Ended
OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Bounds of an engine.

    Args:
        max_streams: answers that are worked on at the same time; more wait.
        max_waiting: answers that may wait; more are refused.
        kept_bytes: caches of finished turns that are kept, so that a consultation's next turn computes only what is
            new; the least recently used go first. 0: none.
        compile: the unit LM's and the language model's single steps go through torch.compile (CUDA graphs on a GPU).
    """

    max_streams: int = 8
    max_waiting: int = 256
    kept_bytes: int = 2 << 30
    compile: bool = False
