"""Sound as the journal knows it: a file reference, what was found about it, what it took; never samples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from scenarios.schema.base import Frozen

AgeGroup = Literal["少年", "青年", "成年", "老年"]
"""As the reference system groups people. Of patients by age: up to 17, 18 to 30, 31 to 59, from 60 on (its
dialog_record.py). Of speakers by their corpus' own classes, which are younger: AISHELL-3's A to D are under 14,
14 to 25, 26 to 40 and over 40 years."""
HEARD_HZ, SPOKEN_HZ = 16_000, 24_000
"""Sample rates of stored sound: what goes into a doctor (the patient's side), what comes out of one."""


class AudioRef(Frozen):
    """Sound stored beside the run: path relative to the run folder, ``sample_rate_hz``, exact ``seconds``."""

    path: str
    sample_rate_hz: int = Field(gt=0)
    seconds: float = Field(ge=0)


class ErrorCounts(Frozen):
    """What a listener got wrong, in characters or words of normalised text; ``reference`` is the true text's length.

    The rate is ``(substitutions + deletions + insertions) / reference`` (Levenshtein; it may exceed 1).
    """

    substitutions: int = Field(default=0, ge=0)
    deletions: int = Field(default=0, ge=0)
    insertions: int = Field(default=0, ge=0)
    reference: int = Field(default=0, ge=0)

    @property
    def edits(self) -> int:
        """All errors."""
        return self.substitutions + self.deletions + self.insertions


class SpeechFigures(Frozen):
    """What is known of a spoken turn, the same whenever the same run is held again.

    ``voice`` names who was heard (a variant, a speaker of a table, ``doctor`` for a doctor's own sound); ``read`` is
    the text as it was read aloud, '' where it equals the turn's. Levels are of the stored sound before the channel,
    in dB relative to full scale. ``waveform`` holds 64 peaks, one character each, '0' (silence) to 'o' (full scale):
    ``ord(character) - 48`` is 0 to 63. ``channel`` tells the effects that were put on, in words. ``cut_s``: seconds
    after which the other party interrupted.
    """

    voice: str = ""
    read: str = ""
    segments: int = Field(default=1, ge=0)
    peak_dbfs: float | None = None
    rms_dbfs: float | None = None
    clipped_share: float = Field(default=0.0, ge=0, le=1)
    silent: bool = False
    waveform: str = Field(default="", max_length=64)
    channel: tuple[str, ...] = ()
    cut_s: float | None = Field(default=None, ge=0)
    characters: ErrorCounts | None = Field(default=None, description="said against heard, per character")
    words: ErrorCounts | None = Field(default=None, description="the same per word, where a language has words")


class SpeechTiming(Frozen):
    """Seconds that differ from run to run: making the sound, until its first piece, understanding it.

    ``cached``: the sound was there already. ``pause_s`` is what the speaker waited before beginning.
    """

    synthesis_s: float = Field(default=0.0, ge=0)
    first_audio_s: float = Field(default=0.0, ge=0)
    listening_s: float = Field(default=0.0, ge=0)
    pause_s: float = Field(default=0.0, ge=0)
    cached: bool = False
