"""The embedded voices: espeak-ng in processes of its own, one voice per speaker, equal bytes for equal input.

espeak-ng is GPL software; it is loaded by separate processes only (``espeak_worker``), never by this one.
"""

from __future__ import annotations

import asyncio
import os
import unicodedata
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from agents.protocols import SpeakerCard, Spoken, VoiceView
from agents.sound.wave import Sound, silence
from agents.voices import text as reading
from agents.voices.espeak_casting import CASTING_VERSION, EspeakCast, cast
from agents.voices.espeak_pool import EspeakPool, Say
from agents.voices.espeak_process import Utterance, library_places
from scenarios.errors import AgentFailure, UnknownName
from scenarios.identity import content_hash
from scenarios.schema import Frozen

SILENCE_S = 0.4
"""What is heard of a text without any letter or digit."""
_FULL_SCALE = np.float32(1 / 32_768)


class EspeakOptions(Frozen):
    """How the voices differ from those cast by sex and age, and how many processes make them."""

    speed_only: ClassVar[frozenset[str]] = frozenset({"workers", "waiting", "timeout_s"})

    voice: str = Field(
        default="", pattern=r"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,10}){0,3})?(\+[A-Za-z0-9]{1,20})?$",
        description="one espeak voice for everybody: a variant ('+f2'), a language ('en-us') or both ('en-us+m3')",
    )
    pitch: int | None = Field(default=None, ge=0, le=99, description="for everybody; default: by sex, age and seed")
    pitch_range: int | None = Field(default=None, ge=0, le=99, description="0 is monotone; default: by seed")
    words_a_minute: int | None = Field(default=None, ge=80, le=450, description="default: by age and seed")
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="1.2: a fifth faster than cast")
    max_characters: int = Field(default=20_000, ge=1, le=100_000, description="of one turn; a longer text is refused")
    workers: int = Field(default=0, ge=0, le=256, description="espeak processes; 0: as many as processors")
    waiting: int = Field(default=10_000, ge=1, le=1_000_000, description="texts that may wait for a process")
    timeout_s: float = Field(default=60.0, gt=0, le=3_600, description="of one text, once its turn has come")


class EspeakVoice:
    """Speaks for anybody; processes start with the first text and are let go by ``aclose`` or when idle."""

    def __init__(self, options: EspeakOptions | None = None) -> None:
        """Start nothing yet. Raises MissingExtra, UnknownName (a voice) or AgentFailure (no forking here)."""
        self._options = options or EspeakOptions()
        _, data = library_places()
        _check_voice(self._options.voice, Path(data))
        self._pool = EspeakPool(self._options.workers or os.cpu_count() or 1, self._options.waiting)
        self.fingerprint = f"espeak-ng {_engine()}, casting {CASTING_VERSION}, text {reading.fingerprint()}"

    def key(self, view: VoiceView) -> str:
        """Return what the sound depends on: text, language, voice settings and the versions of what reads them."""
        speaker = view.speaker
        return content_hash([view.text, speaker.language, repr(self.casting(speaker)), self.fingerprint], 40)

    def casting(self, card: SpeakerCard) -> EspeakCast:
        """Return the settings that a speaker gets."""
        return _cast(card, self._options)

    async def speak(self, view: VoiceView) -> Spoken:
        """Return the sound of a whole text, at the rate of the speaker's size (see ``espeak_casting``).

        A text without any letter or digit is a short silence.

        Raises:
            AgentFailure: voice: too_long, timeout, crashed, refused, no_library; infrastructure: busy.
        """
        if len(view.text) > self._options.max_characters:
            raise AgentFailure(
                "voice", "too_long",
                f"the text has {len(view.text)} characters, at most {self._options.max_characters} are spoken "
                "(option max_characters)",
            )
        return await asyncio.wrap_future(self._pool.submit(lambda say: self._spoken(view, say)))

    async def aclose(self) -> None:
        """End all processes; a later text starts them anew."""
        await asyncio.to_thread(self._pool.close)

    def worker_pids(self) -> list[int]:
        """Return the process numbers of the espeak processes that run now."""
        return self._pool.pids()

    def _spoken(self, view: VoiceView, say: Say) -> Spoken:
        chosen = self.casting(view.speaker)
        segments = _segments(view)
        read = " ".join(segments) if view.speaker.language == "en" else "".join(segments)
        if not segments:
            return Spoken(silence(SILENCE_S, chosen.rate_hz), read, str(chosen), 0)
        pcm = say(Utterance(
            chosen.voice, chosen.pitch, chosen.pitch_range, chosen.volume, chosen.words_a_minute, segments,
            self._options.timeout_s,
        ))
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) * _FULL_SCALE
        sound = Sound(samples, chosen.rate_hz) if len(samples) else silence(SILENCE_S, chosen.rate_hz)
        return Spoken(sound, read, str(chosen), len(segments))


def _segments(view: VoiceView) -> tuple[str, ...]:
    """Return the text as it is read aloud, in pieces that all have something to pronounce."""
    language = view.speaker.language
    if not _pronounceable(view.text):
        return ()
    heard = reading.for_the_ear(_sayable(view.text), language)
    pieces = (_sayable(piece) for piece in reading.split(heard, language))
    return tuple(piece for piece in pieces if _pronounceable(piece))


def _pronounceable(text: str) -> bool:
    return any(map(str.isalnum, text))


def _sayable(text: str) -> str:
    """Return ``text`` with a space for each control, format, private, broken or unassigned character.

    One of them (U+0001) starts a command to espeak; marks of a line or a tab are spaces to it anyway.
    """
    if text.isprintable():
        return text
    return "".join(" " if c != "\n" and unicodedata.category(c)[0] == "C" else c for c in text)


@lru_cache(maxsize=4_096)
def _cast(card: SpeakerCard, options: EspeakOptions) -> EspeakCast:
    chosen = cast(card)
    language, _, variant = chosen.voice.partition("+")
    forced_language, _, forced_variant = options.voice.partition("+")
    pace = chosen.words_a_minute if options.words_a_minute is None else options.words_a_minute
    return EspeakCast(
        voice=f"{forced_language or language}+{forced_variant or variant}",
        pitch=chosen.pitch if options.pitch is None else options.pitch,
        pitch_range=chosen.pitch_range if options.pitch_range is None else options.pitch_range,
        volume=chosen.volume, words_a_minute=max(80, min(450, round(pace * options.speed))), rate_hz=chosen.rate_hz,
    )


def _check_voice(name: str, data: Path) -> None:
    """Raise UnknownName for a variant that is not there: espeak would silently speak without it."""
    _, _, variant = name.partition("+")
    known = [file.name for file in (data / "voices" / "!v").iterdir()] if variant else []
    if variant and variant not in known:
        raise UnknownName("espeak variant", variant, known)


def _engine() -> str:
    try:
        return version("espeakng-loader")
    except PackageNotFoundError:
        return "of this machine"
