"""Sound of a model's reply: how it is asked for, read within bounds, kept on the shelf; it knows no role, no server.

A reply's sound never goes on the tape: the shelf stores it, and the tape keeps where.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.llm.fault import Fault
from agents.sound.shelf import current_shelf
from agents.sound.wave import Sound, joined, read_sound, resampled, wav_bytes
from scenarios.errors import AgentFailure, SoundError
from scenarios.schema import SPOKEN_HZ, AudioRef

BYTES_A_SECOND = 128_000
"""What a second takes in base64 at most: 48 kHz, 16 bit, one channel."""
PCM_HZ = 24_000
"""Rate of sound without a header: OpenAI's pcm16 and Qwen-Omni's stream are 16-bit mono at 24 kHz."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A spoken reply is wanted.

    ``body``: keys of the request that say so. ``streamed``: it comes in pieces. ``headerless``: bytes that are no
    sound file are 16-bit samples.
    """

    body: dict[str, Any] = field(default_factory=dict)
    streamed: bool = False
    headerless: bool = False
    max_seconds: float = 120.0

    @property
    def max_bytes(self) -> int:
        """Return how much longer than a written reply a spoken one may be."""
        return int(self.max_seconds * BYTES_A_SECOND)


@dataclass(frozen=True, slots=True)
class Kept:
    """A reply's sound at 24 kHz, and where it is stored; None without a shelf."""

    sound: Sound
    ref: AudioRef | None


async def kept(pieces: Sequence[str], wanted: Wanted, request: str) -> Kept:
    """Read a reply's sound and store it; ``request`` names what it answers. Raises Fault(bad_audio)."""
    return await asyncio.to_thread(_kept, pieces, wanted, request)


async def found(place: dict[str, Any]) -> Kept:
    """Return the sound that a tape tells the place of. Raises AgentFailure(infrastructure, not_recorded)."""
    return await asyncio.to_thread(_found, place)


def read_pieces(pieces: Sequence[str], wanted: Wanted) -> Sound:
    """Return the sound of base64 pieces: one file, one file each, or 16-bit samples. Raises Fault(bad_audio)."""
    parts = _decoded(pieces)
    try:
        if len(parts) > 1 and all(_is_file(part) for part in parts):
            sounds = [read_sound(part, name="the reply's sound", max_seconds=wanted.max_seconds) for part in parts]
            sound = joined([resampled(one, sounds[0].rate_hz) for one in sounds])
        else:
            sound = _whole(b"".join(parts), wanted)
    except SoundError as error:
        raise Fault("bad_audio", str(error)) from error
    if sound.seconds > wanted.max_seconds:
        raise Fault("bad_audio", f"the reply's sound is {sound.seconds:.0f} s long, over {wanted.max_seconds:g} s")
    return sound


def _whole(content: bytes, wanted: Wanted) -> Sound:
    if _is_file(content) or not wanted.headerless:
        return read_sound(content, name="the reply's sound", max_seconds=wanted.max_seconds)
    if len(content) < 2:
        raise SoundError("empty", "the reply's sound holds nothing")
    samples = np.frombuffer(content[: len(content) // 2 * 2], "<i2").astype(np.float32) / 32_768.0
    return Sound(samples, PCM_HZ)


def _is_file(content: bytes) -> bool:
    return content[:4] in (b"RIFF", b"fLaC", b"OggS") or content[:3] == b"ID3"


def _decoded(pieces: Sequence[str]) -> list[bytes]:
    """Return the bytes of each piece; where base64 is cut anywhere, of all of them."""
    try:
        if all(len(piece) % 4 == 0 for piece in pieces):
            return [base64.b64decode(piece, validate=True) for piece in pieces]
        return [base64.b64decode("".join(pieces), validate=True)]
    except (binascii.Error, ValueError) as error:
        raise Fault("bad_audio", "the reply's sound is not base64") from error


def _kept(pieces: Sequence[str], wanted: Wanted, request: str) -> Kept:
    sound = resampled(read_pieces(pieces, wanted), SPOKEN_HZ)
    shelf = current_shelf()
    if shelf is None:
        return Kept(read_sound(wav_bytes(sound)), None)
    ref = shelf.put(sound)
    shelf.note(f"reply {request}", ref.model_dump_json())
    return Kept(shelf.get(ref), ref)


def _found(place: dict[str, Any]) -> Kept:
    shelf = current_shelf()
    try:
        ref = AudioRef.model_validate(place)
        if shelf is not None and shelf.has(ref):
            return Kept(shelf.get(ref), ref)
    except (ValueError, OSError, AgentFailure):
        pass
    raise AgentFailure(
        "infrastructure", "not_recorded", f"the recorded reply was spoken, and its sound {place.get('path')!r} is gone"
    )
