"""A spoken turn as a page shows it: players, what was heard instead, small facts; it reads no file and knows no HTML.

``static/speech.js`` says the same of the turns that are packed into a report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.schema import Language, Turn
from scenarios.schema.audio import ErrorCounts, SpeechFigures, SpeechTiming
from simulator.showing.misheard import Piece, closest
from simulator.showing.waveform import outline

Fact = tuple[str, str]
SHORTEST_GAP_S, LONGEST_GAP_S = 0.25, 5.0
"""Of the pauses in which a whole consultation is played, which are those that the speakers made as far as it goes."""

_CLIPPED = 0.001
_ALMOST = 0.05
_NOTICEABLE_S = 0.005
_SCORES = (("pesq", "PESQ"), ("stoi", "STOI"), ("utmos", "UTMOS"))


@dataclass(frozen=True)
class Source:
    """A sound to play: ``name`` is 'as spoken' or 'as heard' (behind the room and the line), or '' for the only one."""

    name: str
    href: str


@dataclass(frozen=True)
class Player:
    """Everything a player shows. ``outline``: an SVG path; ``cut``: where somebody interrupted, as a share, or None."""

    sources: tuple[Source, ...]
    seconds: float
    outline: str
    gap_s: float
    cut: float | None


@dataclass(frozen=True)
class Misheard:
    """What was heard in the place of what was said; ``rates`` are the error rates in words, '' when not counted."""

    pieces: tuple[Piece, ...]
    rates: str

    @property
    def nothing(self) -> bool:
        """Whether not a word was heard."""
        return not any(piece.heard for piece in self.pieces)


@dataclass(frozen=True)
class SpeechView:
    """One turn's sound and hearing; ``marks`` are what catches the eye, each with whether something went wrong."""

    player: Player | None
    misheard: Misheard | None
    marks: tuple[tuple[str, bool], ...]
    facts: tuple[Fact, ...]
    about: str


def speech_view(
    turn: Turn, language: Language, audio_href: str = "", heard_href: str = "",
    measured: Mapping[str, Any] | None = None,
) -> SpeechView | None:
    """Return what is shown of a turn that was spoken or listened to; None of one that was only written.

    Args:
        turn: the turn.
        language: the consultation's.
        audio_href: where the sound is that was spoken; '' when it cannot be played here.
        heard_href: where the sound is that arrived, when that is another.
        measured: the turn's line of ``sound.jsonl``, once the run was measured.
    """
    if turn.audio is None and turn.heard is None and turn.speech is None:
        return None
    return SpeechView(
        _player(turn, audio_href, heard_href), _misheard(turn, language), tuple(_marks(turn)),
        tuple(_facts(turn, measured or {})), "about the sound" if turn.audio else "about the hearing",
    )


def rate_words(name: str, counts: ErrorCounts | None) -> str:
    """Return ``CER 12% (5 of 42)``; '' when nothing was counted."""
    if counts is None or not (counts.reference or counts.edits):
        return ""
    share = f"{int(100 * counts.edits / counts.reference + 0.5)}%" if counts.reference else "not defined"
    return f"{name} {share} ({counts.edits} of {counts.reference})"


def _player(turn: Turn, audio_href: str, heard_href: str) -> Player | None:
    if turn.audio is None or not audio_href:
        return None
    sources = [Source("as spoken" if heard_href else "", audio_href)]
    sources += [Source("as heard", heard_href)] if heard_href else []
    seconds, figures = turn.audio.seconds, turn.speech or SpeechFigures()
    pause = turn.speech_timing.pause_s if turn.speech_timing else 0.0
    cut = figures.cut_s / seconds if figures.cut_s is not None and figures.cut_s < seconds - _ALMOST else None
    return Player(
        tuple(sources), seconds, outline(figures.waveform), min(LONGEST_GAP_S, max(SHORTEST_GAP_S, pause)), cut
    )


def _misheard(turn: Turn, language: Language) -> Misheard | None:
    figures = turn.speech or SpeechFigures()
    silence = not turn.heard and turn.speech is not None and figures.characters is None
    if turn.heard is None or silence or _same_words(turn):
        return None
    pieces = closest(turn.text, figures.read, turn.heard, language)
    if all(piece.same for piece in pieces):
        return None
    rates = (rate_words("WER", figures.words), rate_words("CER", figures.characters))
    return Misheard(pieces, " · ".join(filter(None, rates)))


def _marks(turn: Turn) -> Iterator[tuple[str, bool]]:
    figures = turn.speech or SpeechFigures()
    if figures.cut_s is not None:
        yield f"interrupted after {figures.cut_s:.1f} s", False
    if figures.silent:
        yield ("says nothing", False) if turn.role == "patient" else ("silent sound", True)
    if figures.clipped_share >= _CLIPPED:
        yield "clipped", True


def _facts(turn: Turn, measured: Mapping[str, Any]) -> Iterator[Fact]:
    if turn.speech is not None:
        yield from _figures(turn.speech)
    if turn.speech_timing is not None:
        yield from _timing(turn.speech_timing, turn.audio.seconds if turn.audio else 0.0)
    if turn.audio is not None:
        yield "sound", f"{turn.audio.seconds:.2f} s, {turn.audio.sample_rate_hz / 1000:g} kHz"
    if turn.heard is not None and _same_words(turn):
        yield "heard", "word for word"
    yield from _measured(measured)


def _figures(figures: SpeechFigures) -> Iterator[Fact]:
    if figures.voice:
        yield "voice", figures.voice
    if figures.read:
        yield "read aloud as", figures.read
    if figures.segments > 1:
        yield "pieces", str(figures.segments)
    if figures.channel:
        yield "room and line", ", ".join(figures.channel)
    if figures.peak_dbfs is not None and figures.rms_dbfs is not None:
        yield "level", f"{figures.rms_dbfs:.1f} dBFS, peak {figures.peak_dbfs:.1f}"
    if figures.clipped_share:
        yield "clipped", f"{100 * figures.clipped_share:.2f}% of the samples"


def _timing(timing: SpeechTiming, seconds: float) -> Iterator[Fact]:
    if timing.cached:
        yield "synthesis", "said before: taken from the cache"
    elif timing.synthesis_s:
        factor = f", real-time factor {timing.synthesis_s / seconds:.3f}" if seconds else ""
        yield "synthesis", f"{timing.synthesis_s:.2f} s{factor}"
        if timing.first_audio_s:
            yield "first audio", f"after {timing.first_audio_s:.2f} s"
    if timing.listening_s >= _NOTICEABLE_S:
        yield "listening", f"{timing.listening_s:.2f} s"
    if timing.pause_s:
        yield "waited", f"{timing.pause_s:.2f} s before speaking"


def _measured(measured: Mapping[str, Any]) -> Iterator[Fact]:
    gap, vad = measured.get("gap_s"), measured.get("vad")
    if gap is not None:
        yield "gap", f"{gap:.2f} s after the other's last sound" if gap >= 0 else f"overlaps by {-gap:.2f} s"
    if vad:
        yield "speech", f"{vad['speech_s']:.2f} s, {100 * vad['share']:.0f}% of the sound"
    for name, words in _SCORES:
        if measured.get(name) is not None:
            yield words, f"{measured[name]:.2f}"
    if measured.get("problem"):
        yield "not measured", str(measured["problem"])


def _same_words(turn: Turn) -> bool:
    figures = turn.speech or SpeechFigures()
    counts = figures.characters
    return turn.heard == turn.text or (counts is not None and not counts.edits and figures.cut_s is None)
