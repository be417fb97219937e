"""Answers many dialogues at once, text and speech together, with caches; it knows no network, server or doctor.

Each round (``step``) admits newcomers, computes a bounded piece of their prompts, one text id for every running answer,
the units that keep pace with it, and the sound of these units. Answers join and leave between rounds; what one says
does not depend on who is beside it. Equal beginnings of dialogues are computed once (prefix.py).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import torch

from model.errors import EngineBusy, EngineClosed, SpeechLMError
from model.processor import SpeechLMProcessor
from model.speech_lm import SpeechLM
from model.streaming.answer import Answer
from model.streaming.counters import Counters
from model.streaming.detokenize import Detokenizer
from model.streaming.hearing import Listener
from model.streaming.limits import check, context_limits, describe, end_ids, fits
from model.streaming.prefix import PrefixStore
from model.streaming.ragged_lm import RaggedLM
from model.streaming.sounding import Sounder
from model.streaming.speaker import Speaker
from model.streaming.types import EngineOptions, Finish, Message, OnEvent, Settings
from model.streaming.writer import Writer
from model.vocoder.base import Vocoder

log = logging.getLogger(__name__)
DEFAULTS = EngineOptions()


class Engine:
    """Continuous batching over one model; ``submit`` and ``cancel`` may come from any thread, ``step`` from one."""

    def __init__(
        self,
        model: SpeechLM,
        processor: SpeechLMProcessor,
        vocoder: Vocoder | None = None,
        options: EngineOptions = DEFAULTS,
    ) -> None:
        """Take a model in evaluation mode; while the engine computes, nobody else may run its language models.

        Args:
            model: with or without speech generator.
            processor: the model's.
            vocoder: makes sound of units; None: answers that speak hand out units only.
            options: bounds.
        """
        self.model, self.processor, self.options = model, processor, options
        limits, rows = context_limits(model), options.max_streams
        text = RaggedLM(model.model, model.lm_head, rows, limits[0], compiled=options.compile)
        self._store = PrefixStore(options.kept_bytes)
        self._listener = Listener(model, processor)
        self._writer = Writer(text, self._store, end_ids(model))
        self._speaker: Speaker | None = None
        if model.speech_generator is not None:
            units, short = model.speech_generator.model, (1, model.config.text_chunk + 2)
            lm = RaggedLM(units.model, units.lm_head, rows, limits[1], short, compiled=options.compile)
            self._speaker = Speaker(model.speech_generator, lm, model.config)
        self._sounder = Sounder(vocoder)
        self._waiting: deque[Answer] = deque()
        self._running: list[Answer] = []
        self._lock, self._step_lock, self._tokenizing = threading.Lock(), threading.RLock(), threading.Lock()
        self._stepping = False
        self._closed = ""
        self.work = threading.Event()
        self._ended = {"stop": 0, "length": 0, "cancelled": 0, "error": 0}
        self._answers = self._prompt_positions = self._cached_positions = 0

    def submit(self, messages: Sequence[Message], settings: Settings, on_event: OnEvent) -> Answer:
        """Ask for an answer to a dialogue; events come from the thread that steps.

        Raises:
            BadSound: a spoken part that cannot be taken.
            ContextFull: the prompt and ``max_new_tokens`` (or their units) do not fit the context.
            EngineBusy: ``max_waiting`` answers wait already.
            EngineClosed: the engine was closed, or failed.
            SpeechLMError: settings that cannot be; speech asked of a model that writes text only.
        """
        check(settings)
        if settings.speak and self._speaker is None:
            raise SpeechLMError("this model writes text only (it has no speech generator): ask with speak=False")
        self._refuse()
        with self._tokenizing:
            prompt = self.processor.prompt(messages)
        fits(self.model, prompt, settings)
        answer = Answer(prompt, settings, Detokenizer(self.processor.decode, settings.stop), on_event)
        with self._lock:
            self._refuse()
            self._waiting.append(answer)
            self._answers += 1
            self._prompt_positions += prompt.positions
        self.work.set()
        return answer

    def step(self) -> bool:
        """Do one round of work for all answers; return False when there was nothing to do.

        What goes wrong in a part of the round ends the answers concerned; what leaves the engine itself in doubt (an
        error of the device, or of the engine's own bookkeeping) ends all of them and closes it.
        """
        with self._step_lock:
            if self._stepping:
                raise SpeechLMError("a listener must not step the engine that calls it")
            self._stepping = True
            try:
                return self._round()
            except Exception as error:
                log.exception("the engine failed")
                self._shut("error", f"the engine failed: {describe(error)}")
                return False
            finally:
                self._stepping = False
                if self._closed:
                    self._shut("cancelled", self._closed)

    def warm(self, positions: int = 4096) -> None:
        """Compile what ``compile`` needs for rows of so many positions, before the first answer waits for it."""
        with self._step_lock:
            for lm in [self._writer.lm, *([self._speaker.lm] if self._speaker is not None else [])]:
                lm.warm(positions)

    def close(self) -> None:
        """End all answers and free all caches; closing twice is fine. A listener may: then the round ends first."""
        with self._lock:
            self._closed = self._closed or "the engine was closed"
        self.work.set()
        with self._step_lock:
            if not self._stepping:
                self._shut("cancelled", self._closed)

    @property
    def problem(self) -> str:
        """Why no more answers are taken; empty while they are."""
        return self._closed

    @property
    def counters(self) -> Counters:
        """What has been done, and what is held now."""
        units = self._speaker.lm if self._speaker is not None else None
        computed, emitted = self._sounder.frames
        with self._lock:
            running, waiting = len(self._running), len(self._waiting)
        return Counters(
            running=running, waiting=waiting, text_rows=len(self._writer.lm.cache.rows),
            unit_rows=len(units.cache.rows) if units else 0, vocoder_streams=self._sounder.streams,
            kept=len(self._store), kept_bytes=self._store.bytes,
            cache_bytes=self._writer.lm.cache.bytes + (units.cache.bytes if units else 0), answers=self._answers,
            finished=sum(self._ended.values()), cancelled=self._ended["cancelled"], failed=self._ended["error"],
            prompt_positions=self._prompt_positions, cached_positions=self._cached_positions,
            text_positions=self._writer.lm.computed, windows=self._listener.windows, text_ids=self._writer.ids,
            unit_ids=self._speaker.ids if self._speaker else 0, unit_positions=units.computed if units else 0,
            vocoder_frames_computed=computed, vocoder_frames_emitted=emitted,
        )

    def _refuse(self) -> None:
        if self._closed:
            raise EngineClosed(self._closed)
        if len(self._running) + len(self._waiting) >= self.options.max_streams + self.options.max_waiting:
            raise EngineBusy(f"{len(self._waiting)} answers wait already; ask again later")

    def _round(self) -> bool:
        self.work.clear()
        if self._closed:
            return False
        self._sweep()
        self._admit()
        if not self._running:
            return False
        self._hear()
        self._write()
        self._speak()
        self._finish()
        return bool(self._running or self._waiting)

    def _sweep(self) -> None:
        """End answers that were given up."""
        with self._lock:
            given_up = [answer for answer in self._waiting if answer.cancelled]
            for answer in given_up:
                self._waiting.remove(answer)
        given_up += [answer for answer in self._running if answer.cancelled]
        for answer in given_up:
            self._end(answer, "cancelled")

    def _admit(self) -> None:
        while len(self._running) < self.options.max_streams:
            with self._lock:
                if not self._waiting:
                    return
                answer = self._waiting.popleft()
                self._running.append(answer)
            answer.begin()
            self._guard([answer], partial(self._writer.admit, answer))
            self._cached_positions += answer.cached

    def _hear(self) -> None:
        """Encode the sounds of newcomers, one newcomer a round where others wait."""
        new = [answer for answer in self._running if answer.text.embeds is None and answer.text.row is not None]
        new = [answer for answer in new if not answer.text.ids]
        if new:
            some = new[:1] if len(new) < len(self._running) else new
            self._guard(some, lambda: self._listener.hear([answer.text for answer in some]))

    def _write(self) -> None:
        decoding = [answer for answer in self._running if answer.text.decoding]
        speaking = any(answer.text.finish is not None for answer in self._running)
        new = [a for a in self._running if a.text.embeds is not None and not a.text.ids]
        if new:
            chosen, size = self._writer.choose(new, others=bool(decoding) or speaking)
            self._guard(chosen, lambda: self._writer.prefill(chosen, size))
        if decoding:
            self._guard(decoding, lambda: self._writer.step(decoding))

    def _speak(self) -> None:
        speaking = [answer for answer in self._running if answer.speech is not None]
        if not speaking or self._speaker is None:
            return
        speaker = self._speaker
        self._guard(speaking, lambda: speaker.round(speaking))
        for answer in self._running[:]:
            self._guard([answer], partial(self._sounder.check, answer))
        speaking = [answer for answer in self._running if answer.speech is not None]
        self._guard(speaking, lambda: self._sounder.push(speaking))

    def _finish(self) -> None:
        for answer in self._running[:]:
            finish = answer.text.finish
            if finish is not None and (answer.speech is None or answer.speech.over) and not answer.cancelled:
                self._end(answer, finish)

    def _guard(self, answers: Sequence[Answer], part: Callable[[], None]) -> None:
        """Do a part of the round; when it fails, the answers concerned end, and the others go on."""
        try:
            part()
        except torch.AcceleratorError:
            raise
        except Exception as error:
            log.exception("a part of a round failed")
            for answer in answers:
                self._end(answer, "error", describe(error))

    def _end(self, answer: Answer, finish: Finish, error: str = "") -> None:
        """Free what an answer holds, then say that it is over."""
        self._writer.leave(answer, keep=finish != "error")
        if self._speaker is not None:
            self._speaker.leave(answer)
        self._sounder.leave(answer)
        with self._lock:
            if answer in self._running:
                self._running.remove(answer)
        self._ended[finish] += 1
        answer.end(finish, error)

    def _shut(self, finish: Finish, reason: str) -> None:
        with self._lock:
            self._closed = self._closed or reason
            left = [*self._running, *self._waiting]
            self._running, self._waiting = [], deque()
        self._writer.lm.cache.clear()
        self._store.clear()
        if self._speaker is not None:
            self._speaker.lm.cache.clear()
        for answer in left:
            self._ended[finish] += 1
            try:
                self._sounder.leave(answer)
            except Exception:
                log.exception("a vocoder's stream could not be closed")
            answer.end(finish, reason if finish == "error" else "")
