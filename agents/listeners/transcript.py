"""A listener that reads: it is handed the true text and mishears as much of it as it is told to; it needs no sound."""

from __future__ import annotations

from pydantic import Field, model_validator

from agents.listeners.mishearing import Mix, misheard
from agents.protocols import ListenerView, Transcript
from scenarios.identity import derive_seed
from scenarios.schema.base import Frozen

DRAWS_VERSION = "1"
"""Goes up with every change of how errors are drawn."""


class TranscriptOptions(Frozen):
    """How much is misheard, and how."""

    cer: float = Field(default=0.0, ge=0, le=1, description="expected character error rate; 0: the true text")
    substitutions: float = Field(default=0.7, ge=0, le=1, description="share of errors that put one for another")
    deletions: float = Field(default=0.2, ge=0, le=1, description="share of errors that miss a character")
    insertions: float = Field(default=0.1, ge=0, le=1, description="share of errors that hear one too many")

    @model_validator(mode="after")
    def _some_kind_of_error(self) -> TranscriptOptions:
        if self.substitutions + self.deletions + self.insertions <= 0:
            raise ValueError("one of substitutions, deletions and insertions must be above 0")
        return self


class TranscriptListener:
    """Passes the true text on, with seeded character errors.

    What is heard depends on the text, its language, the turn's seed and the options alone.
    """

    def __init__(self, options: TranscriptOptions) -> None:
        """Keep the options."""
        self._cer = options.cer
        self._mix = Mix(options.substitutions, options.deletions, options.insertions)
        self.fingerprint = f"transcript-{DRAWS_VERSION}"

    async def listen(self, view: ListenerView) -> Transcript:
        """Return the text as it was misheard; never fails."""
        if not self._cer:
            return Transcript(view.text)
        seed = derive_seed(view.seed, "misheard", view.language, view.text)
        return Transcript(misheard(view.text, self._cer, seed, view.language, self._mix))
