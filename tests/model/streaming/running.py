"""Engines over the recorded model, and listeners that keep what they hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import GenerationConfig

from model.codec import Codec
from model.codec_parts.config import CodecConfig
from model.streaming.answer import Answer
from model.streaming.engine import Engine
from model.streaming.types import Ended, EngineOptions, Event, Message, Settings, SoundPiece, TextPiece, UnitPiece
from model.vocoder.base import Vocoder
from model.vocoder.codec_vocoder import CodecVocoder
from tests.model import recorded

GREEDY = Settings(max_new_tokens=64, unit_temperature=0)
TEXT = Settings(max_new_tokens=64, speak=False)


@dataclass(slots=True)
class Heard:
    """All events of one answer, in order."""

    events: list[Event] = field(default_factory=list)
    answer: Answer | None = None

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    @property
    def ended(self) -> Ended:
        last = self.events[-1]
        assert isinstance(last, Ended) and sum(isinstance(event, Ended) for event in self.events) == 1
        return last

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextPiece))

    @property
    def pieces(self) -> list[tuple[int, ...]]:
        return [event.units for event in self.events if isinstance(event, UnitPiece)]

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate([event.samples for event in self.events if isinstance(event, SoundPiece)])


def engine(vocoder: Vocoder | None = None, **options: object) -> Engine:
    model = recorded.network()
    model.generation_config = GenerationConfig.from_pretrained(recorded.CHECKPOINT)
    return Engine(model, recorded.processor(), vocoder, EngineOptions(**options))  # type: ignore[arg-type]


def ask(running: Engine, messages: Sequence[Message], settings: Settings = GREEDY) -> Heard:
    heard = Heard()
    heard.answer = running.submit(messages, settings, heard)
    return heard


def run(running: Engine) -> None:
    while running.step():
        pass


def answer(messages: Sequence[Message], settings: Settings = GREEDY) -> Heard:
    """What an engine of its own says."""
    running = engine()
    heard = ask(running, messages, settings)
    run(running)
    return heard


def vocoder() -> CodecVocoder:
    torch.manual_seed(0)
    return CodecVocoder(Codec(CodecConfig()))
