"""Gives new units of all answers to the vocoder at once and hands out what sounds; it knows no language model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.errors import BadUnits
from model.streaming.answer import Answer, SpeechState
from model.streaming.types import SoundPiece
from model.vocoder.base import Vocoder, Work


class Sounder:
    """The vocoder's side of the engine; without a vocoder units are handed out, and no sound."""

    def __init__(self, vocoder: Vocoder | None) -> None:
        """Nothing sounds yet."""
        self._vocoder = vocoder
        self._computed = self._emitted = 0
        self._open: list[Work] = []

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._open)

    @property
    def frames(self) -> tuple[int, int]:
        """Frames that all streams have computed, and given out."""
        computed = self._computed + sum(work.frames_computed for work in self._open)
        return computed, self._emitted + sum(work.frames_emitted for work in self._open)

    def check(self, answer: Answer) -> None:
        """Raise BadUnits when the answer has units that the vocoder lacks."""
        if self._vocoder is not None and answer.speech is not None:
            worst = max((unit for piece in answer.speech.pieces for unit in piece), default=0)
            if worst >= self._vocoder.codebook:
                raise BadUnits(f"unit {worst} was generated, the vocoder has {self._vocoder.codebook}")

    def push(self, answers: Sequence[Answer]) -> None:
        """Hand out new units, and the sound that they become; an answer whose units are over gets its last piece."""
        due: list[tuple[Answer, SpeechState, list[int], bool]] = []
        for answer in answers:
            speech = answer.speech
            if speech is None or answer.cancelled or not (speech.pieces or speech.over):
                continue
            pieces, speech.pieces = speech.pieces, []
            for piece in pieces:
                answer.emit_units(piece)
            due.append((answer, speech, [unit for piece in pieces for unit in piece], speech.over))
        if self._vocoder is not None:
            self._sound(self._vocoder, [one for one in due if one[2] or one[1].stream is not None])

    def _sound(self, vocoder: Vocoder, due: Sequence[tuple[Answer, SpeechState, list[int], bool]]) -> None:
        streams = []
        for answer, speech, _, _ in due:
            if speech.stream is None:
                speech.stream = vocoder.open(answer.settings.seed)
                self._open.append(speech.stream.work)
            streams.append(speech.stream)
        if not due:
            return
        made = vocoder.push(streams, [units for *_, units, _ in due], [final for *_, final in due])
        for (answer, _, _, final), samples in zip(due, made, strict=True):
            if len(samples):
                answer.emit(SoundPiece(np.asarray(samples, np.float32), vocoder.rate_hz))
            if final:
                self.leave(answer)

    def leave(self, answer: Answer) -> None:
        """Close an answer's stream."""
        if answer.speech is None or answer.speech.stream is None:
            return
        stream, answer.speech.stream = answer.speech.stream, None
        self._open = [work for work in self._open if work is not stream.work]
        self._computed += stream.work.frames_computed
        self._emitted += stream.work.frames_emitted
        stream.close()
