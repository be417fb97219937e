"""Who is talked with: what it is told and what it says, piece by piece; it knows no terminal, file or server."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from agents.sound.wave import Sound
from scenarios.schema import AudioRef

Speaker = Literal["patient", "doctor"]
Finish = Literal["stop", "length", "cancelled"]
WINDOW_S = 30.0
"""What a speech encoder hears at once, Whisper's among them: longer sound would be cut, so it is refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What one side said: ``text``, '' where nobody wrote it down, and ``sound`` with where it is stored."""

    role: Speaker
    text: str = ""
    sound: Sound | None = None
    audio: AudioRef | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Anew:
    """The words so far are void: the answer starts over."""


@dataclass(frozen=True, slots=True, eq=False)
class Voiced:
    """More of the answer's sound."""

    sound: Sound


@dataclass(frozen=True, slots=True, eq=False)
class Over:
    """The answer is over; always the last event.

    ``prompt`` positions, of which ``cached`` were not computed again; ``completion`` tokens. ``text`` and ``sound`` are
    there where the whole differs from the pieces or did not come in pieces.
    """

    finish: Finish = "stop"
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    text: str | None = None
    sound: Sound | None = None


Event = Words | Anew | Voiced | Over


class Partner(Protocol):
    """A doctor to talk with.

    ``name`` is what to call it; ``hears`` and ``speaks`` say whether sound goes in and comes out, ``longest_s`` how
    many seconds of sound one turn may have.
    """

    name: str
    hears: bool
    speaks: bool
    longest_s: float

    def answer(self, dialogue: Sequence[Said], seed: int) -> AsyncGenerator[Event, None]:
        """Yield the next answer; leaving early breaks it off and frees what it held.

        Raises:
            ClinicError: it cannot be given; the message says what to do.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the model or the connections."""
        ...


def merged(dialogue: Sequence[Said]) -> list[tuple[Speaker, list[Said]]]:
    """Return the dialogue with neighbours of one side together: chat templates want the sides to alternate."""
    found: list[tuple[Speaker, list[Said]]] = []
    for said in dialogue:
        if found and found[-1][0] == said.role:
            found[-1][1].append(said)
        else:
            found.append((said.role, [said]))
    return found
