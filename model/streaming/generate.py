"""Whole answers for scripts: dialogues in, texts, units and sounds out; streaming and servers are elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from model.processor import SpeechLMProcessor
from model.speech_lm import SpeechLM
from model.streaming.engine import Engine
from model.streaming.types import Ended, EngineOptions, Event, Message, Samples, Settings, SoundPiece, TextPiece
from model.vocoder.base import Vocoder

DEFAULTS = Settings()


@dataclass(frozen=True, eq=False, slots=True)
class Result:
    """One answer; ``samples`` is None without a vocoder, ``ended`` tells how it ended and what it took."""

    text: str
    text_ids: tuple[int, ...]
    units: tuple[int, ...]
    samples: Samples | None
    rate_hz: int | None
    ended: Ended


def generate(
    model: SpeechLM,
    processor: SpeechLMProcessor,
    dialogues: Sequence[Sequence[Message]],
    settings: Settings | Sequence[Settings] = DEFAULTS,
    vocoder: Vocoder | None = None,
    options: EngineOptions | None = None,
) -> list[Result]:
    """Answer dialogues, several at once, and return the answers in order.

    Args:
        model: with or without speech generator; without, ``speak`` must be False.
        processor: the model's.
        dialogues: each a list of messages whose last one is to be answered.
        settings: for all, or one for each.
        vocoder: makes sound of the units; None: the units are the result.
        options: of the engine; None: its defaults, and as many waiting as there are dialogues.

    Raises:
        SpeechLMError: as Engine.submit. An answer that fails later says so in ``ended``.
    """
    each = [settings] * len(dialogues) if isinstance(settings, Settings) else list(settings)
    engine = Engine(model, processor, vocoder, options or EngineOptions(max_waiting=max(len(dialogues), 1)))
    takers = [_Taker() for _ in dialogues]
    try:
        for messages, one, taker in zip(dialogues, each, takers, strict=True):
            engine.submit(messages, one, taker)
        while engine.step():
            pass
    finally:
        engine.close()
    return [taker.result(vocoder) for taker in takers]


@dataclass(slots=True)
class _Taker:
    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def result(self, vocoder: Vocoder | None) -> Result:
        ended = next(event for event in self.events if isinstance(event, Ended))
        sounds = [event.samples for event in self.events if isinstance(event, SoundPiece)]
        text = "".join(event.text for event in self.events if isinstance(event, TextPiece))
        samples = None if vocoder is None else np.concatenate([np.zeros(0, np.float32), *sounds])
        return Result(text, ended.text_ids, ended.units, samples, vocoder.rate_hz if vocoder else None, ended)
