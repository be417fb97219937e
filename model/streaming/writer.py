"""Writes the text of all answers: takes in prompts, piece by piece, then one id a round for each; no speech here."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch

from model.errors import SpeechLMError
from model.streaming.answer import Answer
from model.streaming.cache import Row
from model.streaming.prefix import PrefixStore, Symbols
from model.streaming.ragged_lm import RaggedLM
from model.streaming.sampling import pick

log = logging.getLogger(__name__)
ALONE, AMONG_OTHERS = 4096, 512
"""Prompt positions computed in one pass: when nobody else is running, and when others wait for their next id."""


class Writer:
    """The language model's side of the engine."""

    def __init__(self, lm: RaggedLM, store: PrefixStore, end_ids: Sequence[int]) -> None:
        """``end_ids`` end a text; they are part of its ids."""
        self.lm, self.store = lm, store
        self._end_ids = frozenset(end_ids)
        self.ids = 0

    def admit(self, answer: Answer) -> None:
        """Give an answer a row, filled with what is kept of its prompt."""
        text = answer.text
        text.row = self.lm.cache.take()
        found = self.store.find(text.symbols, text.widths)
        if found is not None:
            self.lm.cache.restore(text.row, found.parked, found.positions)
            text.begin, answer.cached = found.symbols, found.positions

    def leave(self, answer: Answer, *, keep: bool) -> None:
        """Free an answer's row; ``keep`` puts a copy of its cache aside for the dialogue's next turn."""
        text = answer.text
        if text.row is None:
            return
        if keep:
            symbols = text.computed
            length = sum(text.widths[: len(symbols)]) + max(len(symbols) - len(text.symbols), 0)
            if self.store.wants(symbols, length * self.lm.cache.position_bytes):
                self._keep(symbols, text.row, length)
        self.lm.cache.leave(text.row)
        text.row, text.embeds = None, None

    def _keep(self, symbols: Symbols, row: Row, length: int) -> None:
        """Put a copy aside; where memory is short, nothing is kept rather than an answer lost."""
        try:
            self.store.keep(symbols, self.lm.cache.park(row, length))
        except torch.OutOfMemoryError:
            log.warning("no memory to keep a finished turn: all kept caches are dropped")
            self.store.clear()

    def choose(self, newcomers: Sequence[Answer], *, others: bool) -> tuple[list[Answer], int]:
        """Return whose prompts are to be computed now, and how many positions of each.

        The first that came, and those of similar size that fit beside it. A pass is bounded, so that nobody's next id
        waits for somebody's long prompt.
        """
        budget = AMONG_OTHERS if others else ALONE
        chosen = [newcomers[0]]
        longest = shortest = min(_left(newcomers[0]), budget)
        for answer in newcomers[1:]:
            size = min(_left(answer), budget)
            if max(longest, size) * (len(chosen) + 1) <= budget and 2 * min(shortest, size) >= max(longest, size):
                chosen.append(answer)
                longest, shortest = max(longest, size), min(shortest, size)
        return chosen, longest

    def prefill(self, answers: Sequence[Answer], size: int) -> None:
        """Compute the next positions, at most ``size``, of prompts; a prompt that is complete gets its first id."""
        texts = [(answer, row, embeds) for answer, row, embeds in map(_prompt, answers)]
        texts.sort(key=lambda one: one[1].index)
        parts = [embeds[:size] for _, _, embeds in texts]
        padded = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
        states, logits = self.lm.extend([row for _, row, _ in texts], padded, [len(part) for part in parts])
        for (answer, _, embeds), part in zip(texts, parts, strict=True):
            answer.text.embeds = embeds[len(part) :]
        ready = [place for place, (answer, _, _) in enumerate(texts) if not _left(answer)]
        if ready:
            where = self.lm.put(ready)
            chosen = [texts[place][0] for place in ready]
            self._sample(chosen, states.index_select(0, where), logits.index_select(0, where))

    def step(self, answers: Sequence[Answer]) -> None:
        """Generate one id for each of these answers."""
        running = [(answer, answer.text.row) for answer in answers if answer.text.row is not None]
        running.sort(key=lambda one: one[1].index)
        with torch.no_grad():
            embeds = self.lm.embed(self.lm.put([[answer.text.ids[-1]] for answer, _ in running]))
        states, logits = self.lm.extend([row for _, row in running], embeds, [1] * len(running))
        self._sample([answer for answer, _ in running], states, logits)

    def _sample(self, answers: Sequence[Answer], states: torch.Tensor, logits: torch.Tensor) -> None:
        ids = pick(logits, [answer.text.sampler for answer in answers])
        self.ids += len(ids)
        for answer, picked, state in zip(answers, ids, states, strict=True):
            self._take(answer, picked, state)

    def _take(self, answer: Answer, picked: int, state: torch.Tensor) -> None:
        text = answer.text
        text.ids.append(picked)
        answer.emit(text.detokenizer.push(picked))
        text.held.append((picked, state))
        if text.detokenizer.stopped:
            text.finish, text.held = "stop", []
        elif picked in self._end_ids:
            text.finish = "stop"
        elif len(text.ids) >= answer.settings.max_new_tokens:
            text.finish = "length"
        if text.finish is not None and not text.detokenizer.stopped:
            answer.emit(text.detokenizer.flush())
        if text.finish is not None or not text.detokenizer.holds:
            if answer.speech is not None:
                answer.speech.told += text.held
            text.held = []
        if text.finish is not None:
            self.leave(answer, keep=True)
            if answer.speech is not None:
                answer.speech.text_over = True


def _prompt(answer: Answer) -> tuple[Answer, Row, torch.Tensor]:
    if answer.text.row is None or answer.text.embeds is None:
        raise SpeechLMError("a prompt was computed before it had its place")
    return answer, answer.text.row, answer.text.embeds


def _left(answer: Answer) -> int:
    return 0 if answer.text.embeds is None else len(answer.text.embeds)
