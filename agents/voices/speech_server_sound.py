"""The bytes of a speech server's reply become sound, or it is said what they are instead; it knows no server."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np

from agents.llm.faults import in_words
from agents.llm.transport import Fault
from agents.sound.wave import Sound, read_sound
from scenarios.errors import SoundError

Format = Literal["wav", "pcm", "flac", "mp3"]
_STREAMED_FROM = 0x7FFF_F000
"""Sizes that nobody knows yet are written as 0, as -1 or as the largest number a library can count."""
_LOWEST_HZ, _HIGHEST_HZ = 4_000, 192_000
_RIFF, _WAV_HEADER, _LONGEST_WORDS = 12, 44, 65_536


def head_bytes(kind: Format) -> int:
    """Return how many bytes of a reply come before its first sound."""
    return _WAV_HEADER if kind == "wav" else 0


def decoded(content: bytes, kind: Format, rate_hz: int, max_seconds: float, content_type: str = "") -> Sound:
    """Return the sound of a whole reply.

    Args:
        content: all its bytes.
        kind: the format that was asked for; a WAV is recognised where raw samples were asked for.
        rate_hz: of raw samples, which are 16-bit little-endian mono.
        max_seconds: a longer sound has failed.
        content_type: as the server said.

    Raises:
        Fault: ``empty_sound``, ``endless_sound`` (the model's), ``truncated`` or ``not_audio`` (on the way here).
        MissingExtra: soundfile is not installed.
    """
    if not content:
        raise Fault("empty_sound", "the server answered with no sound at all")
    _refuse_words(content, content_type)
    wav = content[:4] == b"RIFF" and content[8:12] == b"WAVE"
    if kind == "pcm" and not wav:
        return _raw(content, rate_hz, max_seconds)
    if kind == "wav" and not wav:
        raise _not_audio("it has no WAV header")
    try:
        sound = read_sound(_mended(content) if wav else content, name="the reply", max_seconds=max_seconds)
    except SoundError as error:
        raise _fault(error) from error
    _check_rate(sound.rate_hz)
    return sound


def _check_rate(rate_hz: int) -> None:
    if not _LOWEST_HZ <= rate_hz <= _HIGHEST_HZ:
        raise _not_audio(f"it claims {rate_hz} samples a second")


def _refuse_words(content: bytes, content_type: str) -> None:
    """Raise Fault for JSON and pages that come with status 200."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.startswith("text/"):
        raise _not_audio(f"it is {kind}: {in_words(content[:_LONGEST_WORDS].decode('utf-8', 'replace'))}")
    if content[:1] == b"{" and len(content) < _LONGEST_WORDS:
        try:
            json.loads(content)
        except (ValueError, RecursionError):
            return
        raise _not_audio(f"it is JSON: {in_words(content.decode('utf-8', 'replace'))}")


def _raw(content: bytes, rate_hz: int, max_seconds: float) -> Sound:
    if len(content) % 2:
        raise Fault("truncated", "the reply ends in the middle of a sample", retry=True)
    if len(content) / 2 / rate_hz > max_seconds:
        raise _endless(len(content) / 2 / rate_hz, max_seconds)
    return Sound((np.frombuffer(content, "<i2") / 32_768).astype(np.float32), rate_hz)


def _mended(wav: bytes) -> bytes:
    """Return a WAV whose header tells the sizes of a stream. Raises Fault where it promises more than came."""
    at = _RIFF
    while at + 8 <= len(wav):
        name, size = wav[at:at + 4], int.from_bytes(wav[at + 4:at + 8], "little")
        there = len(wav) - at - 8
        if name == b"fmt ":
            _check_rate(int.from_bytes(wav[at + 12:at + 16], "little"))
        if name == b"data":
            if size == 0 or size >= _STREAMED_FROM:
                return _with_sizes(wav, at, there)
            if size > there:
                raise Fault("truncated", f"the reply has {there} of the {size} bytes its header promises", retry=True)
            return wav
        at += 8 + size + size % 2
    raise _not_audio("its WAV header is not whole")


def _with_sizes(wav: bytes, at: int, size: int) -> bytes:
    head = wav[:4] + (len(wav) - 8).to_bytes(4, "little") + wav[8:at + 4]
    return head + size.to_bytes(4, "little") + wav[at + 8:]


def _fault(error: SoundError) -> Fault:
    if error.kind == "empty":
        return Fault("empty_sound", "the model made no sound of this text")
    if error.kind == "too_long":
        return Fault("endless_sound", str(error))
    return _not_audio(str(error))


def _endless(seconds: float, most: float) -> Fault:
    return Fault("endless_sound", f"the reply is {seconds:.0f} s long; {most:g} s are allowed (max_piece_s)")


def _not_audio(why: str) -> Fault:
    return Fault("not_audio", f"the reply is no sound: {why}", retry=True)
