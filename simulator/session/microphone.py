"""A person's own voice in a session: whether it can be taken, what was understood of it, where it lies."""

from __future__ import annotations

import asyncio
import re
from typing import Literal, NamedTuple

from agents import catalog
from agents.protocols import ListenerView
from agents.sound.wave import Sound
from agents.voices.synthesis import Made, keep
from graphs.calls import guarded
from graphs.stepping import Recording
from scenarios.errors import AgentFailure, InputError, NotNow
from scenarios.identity import derive_seed
from scenarios.schema import HEARD_HZ, SPOKEN_HZ, AudioRef, Language
from simulator.acoustics import takes_sound
from simulator.session.model import HUMAN, Casting
from simulator.session.rooms import Rooms

Speaker = Literal["patient", "doctor"]
RATE_HZ: dict[Speaker, int] = {"patient": HEARD_HZ, "doctor": SPOKEN_HZ}
SHORTEST_S, LONGEST_S = 0.2, 60.0
_NAME = re.compile("[0-9a-f]{40}")


class Recorded(NamedTuple):
    """A recording on the shelf: the name to say it by, what was understood of it ('' for nothing), its length."""

    sound: str
    text: str
    seconds: float


def why_typed(casting: Casting, role: Speaker) -> str:
    """Return why a person has to type in this role; '' when what they say can be recorded.

    A recording needs a listener that understands it, or a doctor who hears: then the person writes the words down.
    """
    speech = casting.speech
    if not (speech.input_speech if role == "patient" else speech.output_speech):
        return f"the {role} is read here, not heard"
    return "" if role == "patient" and _doctor_hears(casting) else _why_not_understood(casting)


def _doctor_hears(casting: Casting) -> bool:
    return casting.doctor.backend != HUMAN and takes_sound(casting.doctor)


def _why_not_understood(casting: Casting) -> str:
    speech = casting.speech
    if speech.listener is None:
        return "there is no listener to write down what you say"
    if "reads" in catalog.find("listener", speech.listener.backend).capabilities:
        return f"the listener {speech.listener.backend} understands no sound"
    return ""


async def recorded(
    rooms: Rooms, casting: Casting, language: Language, role: Speaker, turns: int, sound: Sound
) -> Recorded:
    """Store what a person said and let the session's listener write it down, where it has one that understands.

    Raises:
        NotNow: recordings cannot be understood here.
        InputError: it is too short or too long.
        AgentFailure: the listener failed.
        RunFolderError: it cannot be stored.
    """
    if why := why_typed(casting, role):
        raise NotNow(f"type what the {role} says: {why}")
    if not SHORTEST_S <= sound.seconds <= LONGEST_S:
        raise InputError(f"a recording has {SHORTEST_S:g} to {LONGEST_S:g} seconds, this one {sound.seconds:.1f}: "
                         f"record it again")
    made = await asyncio.to_thread(keep, sound, RATE_HZ[role], rooms.shelf, voice=HUMAN)
    name = made.ref.path.rpartition("/")[2].removesuffix(".wav")
    if _why_not_understood(casting):
        return Recorded(name, "", made.ref.seconds)
    async with rooms.cast(casting) as cast:
        listener = cast.acoustics.listener
        if listener is None:
            raise NotNow(f"type what the {role} says: nobody listens")
        stored = await asyncio.to_thread(rooms.shelf.get, made.ref)
        view = ListenerView(stored, "", language, derive_seed(casting.seed, "microphone", turns))
        heard, _ = await guarded("listener", listener.listen(view), casting.turn_timeout_s)
    return Recorded(name, str(heard.text).strip(), made.ref.seconds)


async def recording_called(rooms: Rooms, casting: Casting, role: Speaker, name: str) -> Recording | None:
    """Return the recording of this name, None for ''; raises NotNow and InputError."""
    if not name:
        return None
    if why := why_typed(casting, role):
        raise NotNow(f"a recording is of no use: {why}")
    if not _NAME.fullmatch(name):
        raise InputError("that is not the name of a recording")
    return Recording(await asyncio.to_thread(_made, rooms, role, name))


def _made(rooms: Rooms, role: Speaker, name: str) -> Made:
    ref = AudioRef(path=f"audio/{name[:2]}/{name}.wav", sample_rate_hz=RATE_HZ[role], seconds=0.0)
    try:
        sound = rooms.shelf.get(ref)
    except AgentFailure as error:
        raise InputError("that recording is gone: record it again") from error
    return keep(sound, RATE_HZ[role], rooms.shelf, voice=HUMAN)
