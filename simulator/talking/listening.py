"""Takes one utterance from a microphone: it ends with a key, with a pause after speech, or when it is too long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import numpy as np

from agents.sound.levels import levels
from agents.sound.vad import RATE_HZ, VoiceActivity
from agents.sound.wave import Samples, Sound
from scenarios.errors import SoundError
from simulator.talking.sounds import as_turn

PAUSE_S = 0.9
"""Silence after speech that ends an utterance: shorter than that, people take breath."""
LOOK_EVERY_S, LOOK_BACK_S = 0.25, 4.0
"""How often the activity model looks, and at how much of the end: its cost does not grow with what was said."""
KEPT_BEFORE_S = 0.3
NOBODY_S = 12.0
"""So long somebody is waited for to begin."""


class EndOfSpeech:
    """Notices that somebody spoke and then paused; fed with 16 kHz sound as it comes."""

    def __init__(self, activity: VoiceActivity, pause_s: float = PAUSE_S) -> None:
        """Hear nothing yet."""
        self._activity, self._pause_s = activity, pause_s
        self._recent: Samples = np.zeros(0, np.float32)
        self._seen = self._looked = 0
        self.began_s: float | None = None
        self.ended_s: float | None = None

    def feed(self, samples: Samples) -> bool:
        """Take more; returns whether the utterance is over."""
        keep = round(LOOK_BACK_S * RATE_HZ)
        self._recent = np.concatenate([self._recent, samples])[-keep:]
        self._seen += len(samples)
        if self._seen - self._looked < LOOK_EVERY_S * RATE_HZ:
            return False
        self._looked = self._seen
        found = self._activity([Sound(self._recent, RATE_HZ)])[0]
        start_s = (self._seen - len(self._recent)) / RATE_HZ
        if found.first_s is not None and self.began_s is None:
            self.began_s = start_s + found.first_s
        last_s = start_s + found.last_s if found.last_s is not None else self.ended_s
        self.ended_s = last_s
        if self.began_s is None:
            return False
        return (self._seen / RATE_HZ) - (start_s if last_s is None else last_s) >= self._pause_s


async def one_utterance(
    heard: AsyncGenerator[Samples, None], *, ended: asyncio.Event, longest_s: float, end: EndOfSpeech | None = None
) -> Sound:
    """Return what is said until ``ended`` is set or, with ``end``, until a pause after speech; at most ``longest_s``.

    Raises:
        SoundError: nobody said anything.
        ClinicError: the microphone cannot be opened.
    """
    pieces: list[Samples] = []
    seconds = 0.0
    stop = asyncio.ensure_future(ended.wait())
    try:
        async with aclosing(heard) as sounds:
            while not ended.is_set():
                piece = asyncio.ensure_future(anext(sounds))
                await asyncio.wait({piece, stop}, return_when=asyncio.FIRST_COMPLETED)
                if not piece.done():
                    piece.cancel()
                    await asyncio.gather(piece, return_exceptions=True)
                    break
                pieces.append(piece.result())
                seconds += len(pieces[-1]) / RATE_HZ
                if end is not None and await asyncio.to_thread(end.feed, pieces[-1]):
                    break
                if seconds >= longest_s - 0.1 or (end is not None and end.began_s is None and seconds > NOBODY_S):
                    break
    except StopAsyncIteration:
        pass
    finally:
        stop.cancel()
    return as_turn(_cut(pieces, end), "what the microphone heard", longest_s)


def _cut(pieces: list[Samples], end: EndOfSpeech | None) -> Sound:
    sound = Sound(np.concatenate(pieces) if pieces else np.zeros(0, np.float32), RATE_HZ)
    if levels(sound).silent or (end is not None and end.began_s is None):
        raise SoundError("empty", "nobody was heard: is it the right microphone, and is it on?")
    if end is None or end.began_s is None:
        return sound
    first = max(0, round((end.began_s - KEPT_BEFORE_S) * RATE_HZ))
    last = len(sound.samples) if end.ended_s is None else round((end.ended_s + KEPT_BEFORE_S) * RATE_HZ)
    return Sound(sound.samples[first:last], RATE_HZ)
