"""Turns the text of all answers into speech units as it is written: R text ids, then W units; it knows no sound.

Source: LLaMA-Omni2 (arXiv 2505.02625). A call of the unit LM begins after every R text ids, and once more at the end of
the text with what is left and ``<sep>``; it generates until its end id, or W ids, or, in the last call, the drain's
limit. Everything generated stays in the unit LM's context, end ids included. Each row is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from model.config import SpeechLMConfig
from model.errors import SpeechLMError
from model.streaming.answer import Answer, SpeechState
from model.streaming.cache import Row
from model.streaming.ragged_lm import RaggedLM
from model.streaming.sampling import pick
from model.unit_lm import UnitLM


class Speaker:
    """The unit LM's side of the engine."""

    def __init__(self, generator: UnitLM, lm: RaggedLM, config: SpeechLMConfig) -> None:
        """Note ids and limits."""
        self.lm = lm
        self._generator, self._chunk, self._calls_for = generator, config.unit_chunk, config.text_chunk
        self._drain, self._end, self._sep = config.max_drain_units, config.unit_end_id, config.sep_id
        self._first, self._count = config.first_unit_id, config.unit_vocab_size
        self._steps = -(-config.unit_chunk // config.text_chunk)
        self.ids = 0

    def round(self, answers: Sequence[Answer]) -> None:
        """Generate what keeps pace with one text id: ceil(W / R) units for each answer that has something to say.

        Answers whose first units are on their way get them all, so that their sound begins.
        """
        speaking = [(answer, answer.speech) for answer in answers if answer.speech is not None and not answer.cancelled]
        for count in range(self._chunk):
            first = any(speech.calls == 1 and speech.left for _, speech in speaking)
            if count >= self._steps and not first:
                break
            ready = [(answer, speech) for answer, speech in speaking if self._ready(speech)]
            going = [(answer, speech) for answer, speech in speaking if speech.left]
            if going:
                self._step(going)
            if ready:
                self._begin(ready)
            if not going and not ready:
                break

    def busy(self, speech: SpeechState) -> bool:
        """Return whether there is something to generate without more text."""
        return bool(speech.left) or self._ready(speech)

    def leave(self, answer: Answer) -> None:
        """Free an answer's row."""
        if answer.speech is not None and answer.speech.row is not None:
            self.lm.cache.leave(answer.speech.row)
            answer.speech.row = None
        if answer.speech is not None:
            answer.speech.told.clear()

    def _ready(self, speech: SpeechState) -> bool:
        if speech.left or speech.over:
            return False
        return speech.text_over or len(speech.told) >= self._calls_for

    def _begin(self, speaking: Sequence[tuple[Answer, SpeechState]]) -> None:
        """Begin calls: append the last generated id, the new text rows and, in the last call, ``<sep>``."""
        told = [self._next_told(speech) for _, speech in speaking]
        extra = [[speech.last] if speech.last is not None else [] for _, speech in speaking]
        ends = [[self._sep] if speech.final else [] for _, speech in speaking]
        with torch.no_grad():
            fused = self._fused([pair for pairs in told for pair in pairs])
            ids = [one for before, after in zip(extra, ends, strict=True) for one in before + after]
            embedded = self._generator.embed(self.lm.put(ids)) if ids else fused[:0]
        parts, fused_at, ids_at = [], 0, 0
        for pairs, before, after in zip(told, extra, ends, strict=True):
            behind = ids_at + len(before) + len(after)
            parts.append(
                torch.cat([
                    embedded[ids_at : ids_at + len(before)],
                    fused[fused_at : fused_at + len(pairs)],
                    embedded[ids_at + len(before) : behind],
                ])
            )
            fused_at, ids_at = fused_at + len(pairs), behind
        self._generate(speaking, parts)

    def _next_told(self, speech: SpeechState) -> list[tuple[int, torch.Tensor]]:
        """Take the text ids of the next call; it is the last one when the text is over and no more than R are left."""
        speech.final = speech.text_over and len(speech.told) <= self._calls_for
        speech.calls += 1
        speech.left = self._drain if speech.final else self._chunk
        if speech.row is None:
            speech.row = self.lm.cache.take()
        return [speech.told.popleft() for _ in range(min(self._calls_for, len(speech.told)))]

    def _fused(self, pairs: Sequence[tuple[int, torch.Tensor]]) -> torch.Tensor:
        if not pairs:
            return self._generator.embed(self.lm.put([0]))[:0]
        states = torch.stack([state for _, state in pairs])
        return self._generator.rows(states, self.lm.put([one for one, _ in pairs]))

    def _step(self, speaking: Sequence[tuple[Answer, SpeechState]]) -> None:
        with torch.no_grad():
            embeds = self._generator.embed(self.lm.put([[speech.last] for _, speech in speaking]))
        self._generate(speaking, list(embeds))

    def _generate(self, speaking: Sequence[tuple[Answer, SpeechState]], parts: list[torch.Tensor]) -> None:
        """Compute these rows, one part each, and take one id of each answer."""
        order = sorted(range(len(speaking)), key=lambda place: _row(speaking[place][1]).index)
        speaking, parts = [speaking[place] for place in order], [parts[place] for place in order]
        padded = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
        _, logits = self.lm.extend([_row(speech) for _, speech in speaking], padded, [len(part) for part in parts])
        ids = pick(logits, [speech.sampler for _, speech in speaking])
        self.ids += len(ids)
        for (answer, speech), picked in zip(speaking, ids, strict=True):
            self._take(answer, speech, picked)

    def _take(self, answer: Answer, speech: SpeechState, picked: int) -> None:
        speech.last, speech.left = picked, speech.left - 1
        if self._first <= picked < self._first + self._count:
            speech.units.append(picked - self._first)
            speech.piece.append(picked - self._first)
        limit = answer.settings.max_units
        full = limit is not None and len(speech.units) >= limit
        if picked == self._end or full:
            speech.left = 0
        if not speech.left or len(speech.piece) >= self._chunk:
            if speech.piece:
                speech.pieces.append(tuple(speech.piece))
            speech.piece = []
        if full or (speech.final and not speech.left):
            speech.over = True
            self.leave(answer)


def _row(speech: SpeechState) -> Row:
    if speech.row is None:
        raise SpeechLMError("units were asked for before their answer had its place")
    return speech.row
