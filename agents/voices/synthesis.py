"""Each text is made into sound once: what was said before is found again on the shelf, what is being made is awaited.

It knows voices by their protocol only; levels are taken when sound is made, and kept with it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from agents.protocols import Spoken, Voice, VoiceView
from agents.sound.levels import levels
from agents.sound.shelf import Shelf
from agents.sound.wave import Sound, resampled
from scenarios.errors import AgentFailure
from scenarios.identity import content_hash
from scenarios.schema import AudioRef, SpeechFigures

REMEMBERED = 1_024
"""Sounds of lately that a studio knows without asking the shelf's notes."""


class Made(NamedTuple):
    """Stored sound: where, what is known of it, seconds of making it and until its first piece (0: it was there)."""

    ref: AudioRef
    figures: SpeechFigures
    took_s: float = 0.0
    first_s: float = 0.0
    cached: bool = False


@dataclass(frozen=True)
class _About:
    voice: str
    read: str
    segments: int


class Studio:
    """Lets one voice speak, for all consultations that share it."""

    def __init__(self, voice: Voice, identity: str) -> None:
        """Keep the voice; ``identity`` tells its options from those of other voices on the same shelf."""
        self._voice, self._identity = voice, identity
        self._under_way: dict[tuple[int, str], asyncio.Future[Made]] = {}
        self._lately: OrderedDict[tuple[int, str], Made] = OrderedDict()

    async def say(self, view: VoiceView, rate_hz: int, shelf: Shelf) -> Made:
        """Return the stored sound of ``view`` at ``rate_hz``. Raises AgentFailure(voice | infrastructure)."""
        key = content_hash([self._identity, self._voice.key(view), rate_hz], 40)
        place = (id(shelf), key)
        if (making := self._under_way.get(place)) is not None:
            made = await asyncio.shield(making)
            return made._replace(took_s=0.0, first_s=0.0, cached=True)
        making = self._under_way[place] = asyncio.get_running_loop().create_future()
        making.add_done_callback(_seen)
        try:
            made = self._said_before(place, shelf) or await self._made(view, key, rate_hz, shelf)
        except BaseException as error:
            making.set_exception(_for_the_others(error))
            raise
        finally:
            del self._under_way[place]
        making.set_result(made)
        self._remember(place, made)
        return made

    def _said_before(self, place: tuple[int, str], shelf: Shelf) -> Made | None:
        """Return what was made of the same words, lately or in an earlier process, if its sound is still there."""
        known = self._lately.get(place)
        if known is not None and shelf.has(known.ref):
            return known._replace(took_s=0.0, first_s=0.0, cached=True)
        return _on_shelf(place[1], shelf)

    def _remember(self, place: tuple[int, str], made: Made) -> None:
        self._lately[place] = made
        self._lately.move_to_end(place)
        while len(self._lately) > REMEMBERED:
            self._lately.popitem(last=False)

    async def _made(self, view: VoiceView, key: str, rate_hz: int, shelf: Shelf) -> Made:
        start = time.perf_counter()
        spoken = await self._voice.speak(view)
        took_s = time.perf_counter() - start
        stored, figures = await asyncio.to_thread(_store, spoken, view.text, key, rate_hz, shelf)
        first_s = took_s if spoken.first_s is None else spoken.first_s
        return Made(stored, figures, round(took_s, 6), round(first_s, 6))


def keep(sound: Sound, rate_hz: int, shelf: Shelf, *, voice: str) -> Made:
    """Store sound that nobody here has made: a doctor's own, or a silence."""
    return Made(*_kept(sound, rate_hz, shelf, _About(voice, "", 1)))


def _store(spoken: Spoken, text: str, key: str, rate_hz: int, shelf: Shelf) -> tuple[AudioRef, SpeechFigures]:
    read = "" if spoken.read == text else spoken.read
    ref, figures = _kept(spoken.sound, rate_hz, shelf, _About(spoken.voice, read, spoken.segments))
    shelf.note(key, json.dumps([ref.model_dump(), figures.model_dump(exclude_defaults=True)], ensure_ascii=False))
    return ref, figures


def _kept(sound: Sound, rate_hz: int, shelf: Shelf, about: _About) -> tuple[AudioRef, SpeechFigures]:
    stored = resampled(sound, rate_hz)
    level = levels(stored)
    figures = SpeechFigures(
        voice=about.voice, read=about.read, segments=about.segments, peak_dbfs=level.peak_dbfs,
        rms_dbfs=level.rms_dbfs, clipped_share=level.clipped_share, silent=level.silent, waveform=level.waveform,
    )
    return shelf.put(stored), figures


def _on_shelf(key: str, shelf: Shelf) -> Made | None:
    """Return what was made of the same words before, if its sound is still there.

    It takes a tenth of the time that handing it to a thread takes.
    """
    about = shelf.find(key)
    if about is None:
        return None
    try:
        ref, figures = json.loads(about)
        made = Made(AudioRef.model_validate(ref), SpeechFigures.model_validate(figures), cached=True)
    except (ValueError, TypeError):
        return None
    return made if shelf.has(made.ref) else None


def _for_the_others(error: BaseException) -> BaseException:
    """Return what those are told who wait for the same sound: one that was stopped is worth another try."""
    if isinstance(error, Exception):
        return error
    return AgentFailure("voice", "stopped", "the sound was not finished", retryable=True)


def _seen(making: asyncio.Future[Made]) -> None:
    """Look at the error of a future that nobody else waited for, so that Python does not complain."""
    if not making.cancelled():
        making.exception()


