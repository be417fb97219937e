"""The gap between two speakers, from what is known of their turns; pure, it reads no sound.

Terms as in the field (Heldner and Edlund 2010, "Pauses, gaps and overlaps in conversations"): the floor transfer
offset is the time from the end of one speaker's speech to the beginning of the next one's. Positive, it is a *gap*;
negative, an *overlap*: somebody began while the other was still speaking. *Response latency* is the part of a gap in
which the answer came about; what remains of it is silence at the edges of the two sounds.
"""

from __future__ import annotations

from typing import NamedTuple

from scenarios.schema import Turn

OWN_VOICE = "doctor"
"""How a doctor's own sound is signed in SpeechFigures.voice; there ``first_audio_s`` counts from the call."""


class Extent(NamedTuple):
    """Where speech begins and ends in a turn's sound, in seconds."""

    first_s: float
    last_s: float


def gap_s(before: Turn, spoken: Extent | None, turn: Turn, begins: Extent | None) -> float | None:
    """Return the seconds from the end of ``before``'s speech to the beginning of ``turn``'s; negative: an overlap.

    The gap is the silence at the end of the previous sound, what passed between the two sounds (``response_s``), and
    the silence at the beginning of this one. Where the previous speaker was cut while still speaking it is an
    overlap: minus the speech that was left unsaid.

    Args:
        before: the turn before, of anybody.
        spoken: where speech lies in its sound; None without sound or without speech in it.
        turn: whose gap it is.
        begins: where speech lies in its sound.

    Returns:
        Seconds; None when one of the two is without speech, or both are of the same speaker.
    """
    if spoken is None or begins is None or before.role == turn.role or before.audio is None:
        return None
    cut_s = before.speech.cut_s if before.speech else None
    if cut_s is not None and cut_s < spoken.last_s:
        return round(cut_s - spoken.last_s, 4)
    trailing_s = max(0.0, (before.audio.seconds if cut_s is None else cut_s) - spoken.last_s)
    return round(trailing_s + response_s(before, turn) + begins.first_s, 4)


def response_s(before: Turn, turn: Turn) -> float:
    """Return what passed between two sounds: the response latency as far as it is no silence within them.

    A patient waits ``pause_s``: patients are simulated, so how long their words, sounds and ears took to compute is no
    pause of theirs. A doctor answers as fast as the system does: understanding the patient (``listening_s`` of the
    turn before), then writing and, once all is written, reading aloud up to the first sound; a doctor with a voice of
    its own gives the first sound ``first_audio_s`` after it was asked.
    """
    timing = turn.speech_timing
    if turn.role == "patient":
        return timing.pause_s if timing else 0.0
    listening_s = before.speech_timing.listening_s if before.speech_timing else 0.0
    if turn.speech and turn.speech.voice == OWN_VOICE:
        return listening_s + (timing.first_audio_s if timing else turn.latency.total_s)
    return listening_s + turn.latency.total_s + (timing.first_audio_s if timing else 0.0)
