"""The speech nodes of the consultation: patient's and doctor's words become sound, cross the room, are understood.

It knows voices, listeners and channels by what they promise, and where turns go next; no backend and no disk but the
shelf that whoever holds the consultation has set.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from agents.protocols import Listener, ListenerView, VoiceView
from agents.room.channel import through
from agents.room.turn_taking import SILENT_WORDS, before_answer, interruption, said_until
from agents.sound.error_rate import count_errors
from agents.sound.shelf import Shelf, current_shelf
from agents.sound.wave import Sound, silence
from agents.voices.casting import doctor_card, patient_card
from agents.voices.synthesis import Made, Studio, keep
from agents.voices.text import for_the_ear
from graphs.calls import guarded, reading
from scenarios.errors import AgentFailure
from scenarios.identity import derive_seed
from scenarios.schema import (
    HEARD_HZ,
    SPOKEN_HZ,
    AudioRef,
    Channel,
    Language,
    SpeechFigures,
    SpeechTiming,
    Turn,
    TurnTaking,
)

OWN_VOICE = "doctor"
"""How a doctor's own sound is signed; who makes no sound is signed with ''."""


@dataclass(frozen=True)
class Acoustics:
    """How the consultations of one doctor sound.

    ``input_speech``: patients are heard; ``output_speech``: doctors are. ``reads``: the listener needs no sound, so
    voices may be missing. ``hears``, ``speaks``: what the doctor can do; ``wants_words``: a doctor that hears is told,
    too, what a listener understood.
    """

    input_speech: bool = False
    output_speech: bool = False
    voice: Studio | None = None
    doctor_voice: Studio | None = None
    listener: Listener | None = None
    reads: bool = False
    hears: bool = False
    speaks: bool = False
    wants_words: bool = False
    channel: Channel | None = None
    manners: TurnTaking = field(default_factory=TurnTaking)
    doctor_name: str = "doctor"
    timeout_s: float = 120.0

    @property
    def sounds(self) -> bool:
        """Whether anything is said aloud."""
        return self.input_speech or self.output_speech


@dataclass(frozen=True)
class _Aloud:
    """One turn on its way: what arrives (``sound``) may be less than what was stored (``made``)."""

    made: Made | None
    sound: Sound | None
    said: str
    heard_audio: AudioRef | None = None
    changes: dict[str, Any] = field(default_factory=dict)


def keeps_silent(acoustics: Acoustics, turns: tuple[Turn, ...], seed: int) -> bool:
    """Whether the patient answers with silence; never at the opening."""
    return acoustics.input_speech and bool(turns) and before_answer(acoustics.manners, seed).silent


async def patient_aloud(acoustics: Acoustics, state: Any) -> Turn:
    """Return the patient's turn with its sound, what of it arrived, and what was understood."""
    turn, case, seed = state["draft"], state["case"], derive_seed(state["seed"], "room", len(state["turns"]))
    if not acoustics.input_speech:
        return _whole(turn)
    moment = before_answer(acoustics.manners, derive_seed(state["seed"], "patient", turn.index))
    pause_s = moment.pause_s if turn.index and not moment.silent else 0.0
    shelf = None if acoustics.voice is None else _shelf()
    aloud = _Aloud(None, None, turn.text)
    silent = turn.text == SILENT_WORDS[case.language]
    if shelf is not None and silent:
        made = await asyncio.to_thread(keep, silence(acoustics.manners.silence_s, HEARD_HZ), HEARD_HZ, shelf, voice="")
        aloud = await _arrived(acoustics, made, turn.text, shelf, seed)
    elif shelf is not None and acoustics.voice is not None:
        view = VoiceView(turn.text, patient_card(case))
        made, _ = await guarded("voice", acoustics.voice.say(view, HEARD_HZ, shelf), acoustics.timeout_s)
        aloud = await _arrived(acoustics, made, turn.text, shelf, seed)
    listens = acoustics.listener is not None and (acoustics.wants_words or not acoustics.hears)
    heard, took_s = (None, 0.0) if not listens else ("", 0.0) if silent and acoustics.reads else (
        await _understood(acoustics, aloud, case.language, seed))
    return _finished(turn, aloud, heard, took_s, case.language, pause_s, acoustics.reads)


async def doctor_aloud(acoustics: Acoustics, state: Any) -> Turn:
    """Return the doctor's turn with its sound, how much of it was heard, and what the patient understood."""
    turn, case = state["draft"], state["case"]
    if not acoustics.output_speech:
        return _whole(turn)
    seed = derive_seed(state["seed"], "room", turn.index)
    made: Made | None = None
    if turn.speech is not None and turn.audio is not None:
        own = turn.speech_timing or SpeechTiming()
        made = Made(turn.audio, turn.speech, own.synthesis_s, own.first_audio_s)
    elif acoustics.doctor_voice is not None:
        view = VoiceView(turn.text, doctor_card(acoustics.doctor_name, case.language))
        made, _ = await guarded("voice", acoustics.doctor_voice.say(view, SPOKEN_HZ, _shelf()), acoustics.timeout_s)
    aloud = _Aloud(made, None, turn.text)
    cut_s = interruption(acoustics.manners, made.ref.seconds, seed) if made else None
    if made and cut_s is not None and turn.exchange < state["max_turns"]:
        aloud = await _cut(made, cut_s, turn.text, case.language)
    elif made and not acoustics.reads:
        aloud = await _loaded(made, turn.text, _shelf())
    heard, took_s = await _understood(acoustics, aloud, case.language, seed)
    return _finished(turn, aloud, heard, took_s, case.language, 0.0, acoustics.reads)


async def own_sound(sound: Sound, first_audio_s: float | None, total_s: float) -> dict[str, Any]:
    """Store a doctor's own sound and return what its turn says of it."""
    with reading("doctor"):
        made = await asyncio.to_thread(keep, sound, SPOKEN_HZ, _shelf(), voice=OWN_VOICE)
    first_s = total_s if first_audio_s is None else first_audio_s
    timing = SpeechTiming(synthesis_s=round(total_s, 6), first_audio_s=round(first_s, 6))
    return {"audio": made.ref, "speech": made.figures, "speech_timing": timing}


def _shelf() -> Shelf:
    shelf = current_shelf()
    if shelf is None:
        raise AgentFailure("infrastructure", "no_shelf", "there is sound to be stored, and no folder to store it in")
    return shelf


def _whole(turn: Turn) -> Turn:
    """Return a turn that nobody hears: a sound made all the same is let go of."""
    if turn.audio is None:
        return turn
    return turn.model_copy(update={"audio": None, "speech": None, "speech_timing": None})


async def _loaded(made: Made, said: str, shelf: Shelf) -> _Aloud:
    return _Aloud(made, await asyncio.to_thread(shelf.get, made.ref), said)


async def _arrived(acoustics: Acoustics, made: Made, said: str, shelf: Shelf, seed: int) -> _Aloud:
    """Return a patient's sound behind the channel."""
    if acoustics.channel is None or acoustics.channel == Channel():
        needed = acoustics.listener is not None and not acoustics.reads
        return await _loaded(made, said, shelf) if needed else _Aloud(made, None, said)

    def cross(channel: Channel) -> _Aloud:
        arrived = through(shelf.get(made.ref), channel, seed)
        ref = shelf.put(arrived.sound)
        return _Aloud(made, shelf.get(ref), said, ref, {"channel": arrived.effects})

    with reading("infrastructure"):
        return await asyncio.to_thread(cross, acoustics.channel)


async def _cut(made: Made, cut_s: float, said: str, language: Language) -> _Aloud:
    """Let the patient interrupt after ``cut_s``: the rest of the doctor's sound is not heard by anyone."""
    shelf = _shelf()

    def shortened() -> tuple[Sound, AudioRef]:
        whole = shelf.get(made.ref)
        sound = Sound(whole.samples[: round(cut_s * whole.rate_hz)], whole.rate_hz)
        return sound, shelf.put(sound)

    sound, ref = await asyncio.to_thread(shortened)
    said = said_until(said, cut_s / made.ref.seconds, language)
    return _Aloud(made, sound, said, heard_audio=ref, changes={"cut_s": round(cut_s, 3)})


async def _understood(
    acoustics: Acoustics, aloud: _Aloud, language: Language, seed: int
) -> tuple[str | None, float]:
    """Return what the listener understood and the seconds it took; None without a listener."""
    if acoustics.listener is None:
        return None, 0.0
    view = ListenerView(aloud.sound, aloud.said, language, seed)
    heard, took_s = await guarded("listener", acoustics.listener.listen(view), acoustics.timeout_s)
    with reading("listener"):
        return str(heard.text).strip(), took_s


def _finished(
    turn: Turn, aloud: _Aloud, heard: str | None, listening_s: float, language: Language, pause_s: float, reads: bool
) -> Turn:
    made = aloud.made
    changes = dict(aloud.changes)
    if heard is not None and turn.text != SILENT_WORDS[language]:
        said = (aloud.said, heard) if reads else (for_the_ear(aloud.said, language), for_the_ear(heard, language))
        errors = count_errors(said[0], said[1], language)
        changes |= {"characters": errors.characters, "words": errors.words}
    speech = (made.figures if made else SpeechFigures(segments=0)).model_copy(update=changes)
    timing = SpeechTiming(
        synthesis_s=made.took_s if made else 0.0, first_audio_s=made.first_s if made else 0.0,
        listening_s=round(listening_s, 6), pause_s=round(pause_s, 3), cached=bool(made and made.cached),
    )
    return turn.model_copy(update={
        "audio": made.ref if made else None, "heard_audio": aloud.heard_audio, "heard": heard, "speech": speech,
        "speech_timing": timing,
    })
