"""One answer on its way: what was asked, what it holds, what it has said; it knows no model."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import torch

from model.processor import Prompt
from model.streaming.cache import Row
from model.streaming.detokenize import Detokenizer
from model.streaming.prefix import Symbols, symbols_of
from model.streaming.sampling import Sampler
from model.streaming.types import Ended, Event, Finish, OnEvent, Settings, SoundPiece, TextPiece, UnitPiece, Usage
from model.vocoder.base import VocoderStream

log = logging.getLogger(__name__)


class TextState:
    """The text of one answer: its prompt, its row, its ids.

    ``begin`` symbols of the prompt were kept from earlier. ``embeds`` are the prompt's embeddings that are still to be
    computed, [n, hidden]; None before its sounds were encoded. ``held`` are ids, each with the state that predicted it,
    which are not spoken yet, because a stop text may have begun.
    ``finish`` is set when the text is complete.
    """

    def __init__(self, prompt: Prompt, settings: Settings, detokenizer: Detokenizer) -> None:
        """Nothing is computed yet."""
        self.prompt = prompt
        self.symbols, self.widths = symbols_of(prompt)
        self.row: Row | None = None
        self.begin = 0
        self.embeds: torch.Tensor | None = None
        self.ids: list[int] = []
        self.held: list[tuple[int, torch.Tensor]] = []
        self.detokenizer = detokenizer
        self.sampler = Sampler(
            settings.temperature, settings.top_k, settings.top_p, settings.repetition_penalty, f"text {settings.seed}"
        )
        self.finish: Finish | None = None

    def forget(self) -> None:
        """Let go of the prompt's sounds; whoever still holds the answer does not hold them."""
        self.prompt, self.held = Prompt((), (), (), ()), []

    @property
    def decoding(self) -> bool:
        """Whether the next id comes from a single step."""
        return self.row is not None and bool(self.ids) and self.finish is None

    @property
    def computed(self) -> Symbols:
        """The symbols whose keys and values are in the row."""
        length, count = self.row.length if self.row is not None else 0, 0
        for width in self.widths:
            if width > length:
                break
            length, count = length - width, count + 1
        return self.symbols[:count] + (tuple(self.ids[:length]) if count == len(self.symbols) else ())


class SpeechState:
    """The speech of one answer: text that waits to be spoken, the unit LM's row, units that wait for the vocoder.

    ``told`` are pairs of an id and the state that predicted it. ``last`` is the latest id of the unit LM, which is not
    in its row yet. ``left`` counts what the running call may still generate (0: no call is running); ``final`` marks
    the last call, ``over`` its end.
    """

    def __init__(self, settings: Settings) -> None:
        """Nothing is said yet."""
        self.told: deque[tuple[int, torch.Tensor]] = deque()
        self.row: Row | None = None
        self.last: int | None = None
        self.left = 0
        self.calls = 0
        self.text_over = self.final = False
        self.over = settings.max_units == 0
        self.units: list[int] = []
        self.piece: list[int] = []
        self.pieces: list[tuple[int, ...]] = []
        self.stream: VocoderStream | None = None
        self.sampler = Sampler(
            settings.unit_temperature, settings.unit_top_k, settings.unit_top_p, seed=f"units {settings.seed}"
        )


class Answer:
    """What ``submit`` gives back: whether it is over, and a way to give it up."""

    def __init__(self, prompt: Prompt, settings: Settings, detokenizer: Detokenizer, on_event: OnEvent) -> None:
        """Begin to count its time."""
        self.settings = settings
        self.text = TextState(prompt, settings, detokenizer)
        self.speech = SpeechState(settings) if settings.speak else None
        self.cancelled = self.done = False
        self.prompt_positions = prompt.positions
        self.cached = 0
        self._on_event: OnEvent | None = on_event
        self._ending = False
        self._submitted = time.perf_counter()
        self._began: float | None = None
        self._first_text: float | None = None
        self._first_sound: float | None = None

    def cancel(self) -> None:
        """Give the answer up, from any thread: no piece follows, ``Ended`` does, and all that it held is freed."""
        self.cancelled = True

    def begin(self) -> None:
        """Work on it begins."""
        self._began = time.perf_counter()

    def emit(self, event: Event | None) -> None:
        """Hand out an event; a listener that fails is not called again, and the answer is given up."""
        if event is None or self._on_event is None or (self.cancelled and not isinstance(event, Ended)):
            return
        if isinstance(event, TextPiece) and self._first_text is None:
            self._first_text = time.perf_counter()
        if isinstance(event, SoundPiece) and self._first_sound is None:
            self._first_sound = time.perf_counter()
        try:
            self._on_event(event)
        except Exception:
            log.exception("the listener of an answer failed; the answer is given up")
            self._on_event, self.cancelled = None, True

    def emit_units(self, units: Sequence[int]) -> None:
        """Hand out a piece of units."""
        if units:
            self.emit(UnitPiece(tuple(units)))

    def end(self, finish: Finish, error: str = "") -> None:
        """Hand out the last event and let go of everything."""
        if self._ending:
            return
        self._ending = True
        units = tuple(self.speech.units) if self.speech is not None else ()
        usage = Usage(self.prompt_positions, self.cached, len(self.text.ids), len(units))
        now = time.perf_counter()
        ended = Ended(finish, usage, tuple(self.text.ids), units, total_s=now - self._submitted, error=error)
        since = {
            "queue_s": (self._began or now) - self._submitted,
            "first_text_s": None if self._first_text is None else self._first_text - self._submitted,
            "first_sound_s": None if self._first_sound is None else self._first_sound - self._submitted,
        }
        self.text.forget()
        self.emit(replace(ended, **since))  # type: ignore[arg-type]
        self._on_event, self.done = None, True
