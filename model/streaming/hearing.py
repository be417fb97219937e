"""Encodes what was said to the model, only what no kept cache covers; it knows sounds and embeddings, no answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from model.processor import SpeechLMProcessor
from model.speech_lm import SpeechLM
from model.streaming.answer import TextState
from model.streaming.ragged_lm import upload

TOGETHER = 4
"""Windows of sound that are encoded in one pass."""


class Listener:
    """Fills in the embeddings of prompts."""

    def __init__(self, model: SpeechLM, processor: SpeechLMProcessor) -> None:
        """Keep the encoder and its front end."""
        self._model, self._processor = model, processor
        self._embed: torch.nn.Embedding = model.model.embed_tokens
        self.windows = 0

    def hear(self, texts: Sequence[TextState]) -> None:
        """Set ``embeds`` of each: tokens and sounds from symbol ``begin`` on. Equal sounds are encoded once."""
        wanted = {digest: window for text in texts for digest, window in _new(text)}
        names, rows = list(wanted), dict[str, torch.Tensor]()
        for first in range(0, len(names), TOGETHER):
            some = names[first : first + TOGETHER]
            rows.update(zip(some, self._encode([wanted[name] for name in some]), strict=True))
        for text in texts:
            text.embeds = self._spliced(text, rows)

    def _encode(self, windows: list[np.ndarray]) -> list[torch.Tensor]:
        self.windows += len(windows)
        mels, lengths = self._processor.mels(windows)
        device = self._embed.weight.device
        whole = bool((lengths == mels.shape[1]).all())
        with torch.no_grad():
            return self._model.encode_speech(upload(mels, device), None if whole else upload(lengths, device))

    def _spliced(self, text: TextState, rows: dict[str, torch.Tensor]) -> torch.Tensor:
        symbols = text.symbols[text.begin :]
        ids = torch.tensor([one if isinstance(one, int) else 0 for one in symbols])
        with torch.no_grad():
            words = self._embed(upload(ids, self._embed.weight.device))
        parts, begin = [], 0
        for place, symbol in enumerate(symbols):
            if isinstance(symbol, str):
                parts += [words[begin:place], rows[symbol].to(words.dtype)]
                begin = place + 1
        return torch.cat([*parts, words[begin:]])


def _new(text: TextState) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the sounds that stand behind what is kept."""
    spoken = [place for place, symbol in enumerate(text.symbols) if isinstance(symbol, str)]
    for place, digest, window in zip(spoken, text.prompt.digests, text.prompt.windows, strict=True):
        if place >= text.begin:
            yield digest, window
