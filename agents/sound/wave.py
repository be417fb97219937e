"""Sound in memory and as WAV bytes: reading whatever soundfile reads, resampling; it knows no speech.

Everything inside is mono float32. Files are read with soundfile (libsndfile) and resampled with soxr; both come with
the ``voice`` extra and are imported when first needed.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from agents.sound.wholeness import what_is_wrong
from scenarios.errors import MissingExtra, SoundError

if TYPE_CHECKING:
    from types import ModuleType

Samples = NDArray[np.float32]
MAX_SECONDS = 600.0
"""Longest sound that is read: an utterance is seconds long, and ten minutes are most likely the wrong file."""
LOWEST_HZ, HIGHEST_HZ = 1_000, 192_000
"""Sample rates that are read; what claims others is damaged."""
_FULL_SCALE = 32_768.0
_BLOCK = 1 << 20
_UNKNOWN_LENGTH = 1 << 62
_MAGIC = {b"RIFF": "WAV", b"RF64": "WAV", b"fLaC": "FLAC", b"OggS": "OGG", b"FORM": "AIFF", b"caff": "CAF"}


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Mono sound: ``samples`` float32 of shape (n,), nominally within -1 and 1, at ``rate_hz``."""

    samples: Samples
    rate_hz: int

    @property
    def seconds(self) -> float:
        """Exact length."""
        return len(self.samples) / self.rate_hz


class _Bytes(io.BytesIO):
    """Bytes that stay where they are when a damaged header sends libsndfile to a place before the first."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return super().seek(offset, whence)
        except ValueError:
            return self.tell()


def silence(seconds: float, rate_hz: int) -> Sound:
    """Return that much of nothing."""
    return Sound(np.zeros(round(seconds * rate_hz), np.float32), rate_hz)


def joined(sounds: list[Sound], pause_s: float = 0.0) -> Sound:
    """Return sounds of one rate, one after the other, with ``pause_s`` between them; raises ValueError for none."""
    if not sounds or len({sound.rate_hz for sound in sounds}) != 1:
        raise ValueError("sounds of one sample rate are needed")
    gap = np.zeros(round(pause_s * sounds[0].rate_hz), np.float32)
    parts = [part for sound in sounds for part in (gap, sound.samples)][1:]
    return Sound(np.concatenate(parts), sounds[0].rate_hz)


def resampled(sound: Sound, rate_hz: int) -> Sound:
    """Return ``sound`` at ``rate_hz`` (soxr, high quality); the very same when it is at that rate already."""
    if sound.rate_hz == rate_hz:
        return sound
    soxr: Any = _module("soxr", "resampling sound")
    return Sound(np.asarray(soxr.resample(sound.samples, sound.rate_hz, rate_hz), np.float32), rate_hz)


def wav_bytes(sound: Sound) -> bytes:
    """Return a 16-bit PCM WAV file; equal samples give equal bytes. What exceeds full scale is clipped, NaN is 0.

    What is read back gives the same bytes again.
    """
    finite = sound.samples
    if not np.isfinite(finite).all():
        finite = np.nan_to_num(finite, nan=0.0, posinf=1.0, neginf=-1.0)
    scaled = np.clip(finite, -1.0, 1.0)
    scaled *= _FULL_SCALE
    pcm = np.rint(np.minimum(scaled, _FULL_SCALE - 1, out=scaled), out=scaled).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sound.rate_hz)
        out.writeframes(pcm.tobytes())
    return file.getvalue()


def read_sound(source: Path | bytes, *, name: str = "", max_seconds: float = MAX_SECONDS) -> Sound:
    """Return the sound of a file or of a file's bytes, channels averaged, at its own rate.

    Args:
        source: WAV, FLAC, OGG, MP3 and what else libsndfile reads; 8 to 32 bit, 1 to 192 kHz, any number of channels.
        name: what to call it in an error; default: the path.
        max_seconds: a longer one is refused before its samples are read.

    Raises:
        SoundError: missing, not_audio, empty, too_long or corrupt (cut short, sizes that cannot be, no numbers).
        MissingExtra: soundfile is not installed.
    """
    soundfile: Any = _module("soundfile", "reading sound files")
    called = name or (str(source) if isinstance(source, Path) else "the sound")
    known = _known(source, called)
    try:
        with soundfile.SoundFile(_Bytes(source) if isinstance(source, bytes) else source) as file:
            _refuse_lengths(file, called, max_seconds)
            return Sound(_mono(file, called), int(file.samplerate))
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        why = str(getattr(error, "error_string", error)).rstrip(".")
        if known:
            raise SoundError("corrupt", f"{called} is a damaged {known} file: {why}") from error
        raise SoundError(
            "not_audio", f"{called} cannot be read as sound: {why}. WAV, FLAC, OGG and MP3 files can be read"
        ) from error


def _known(source: Path | bytes, called: str) -> str:
    """Return the kind of sound file that the first bytes tell of, or ''. Raises SoundError."""
    try:
        with _opened(source, called) as file:
            head = file.read(4)
            wrong = what_is_wrong(file)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SoundError("missing", f"{called} cannot be opened: {why}") from error
    if not head:
        raise SoundError("empty", f"{called} is empty: it has no bytes")
    if wrong:
        raise SoundError("corrupt", f"{called} {wrong}")
    return _MAGIC.get(head, "MP3" if head[:3] == b"ID3" else "")


def _opened(source: Path | bytes, called: str) -> BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if source.is_dir():
        raise SoundError("not_audio", f"{called} is a folder: name a sound file in it")
    if not source.exists():
        raise SoundError("missing", f"{called}: there is no such file")
    if not source.is_file():
        raise SoundError("not_audio", f"{called} is no file of sound: it is a device, pipe or socket")
    return source.open("rb")


def _refuse_lengths(file: Any, called: str, max_seconds: float) -> None:
    if file.frames >= _UNKNOWN_LENGTH:
        raise SoundError("corrupt", f"{called} does not tell how long it is: convert it to a WAV file")
    seconds = file.frames / file.samplerate
    if seconds > max_seconds:
        raise SoundError(
            "too_long", f"{called} is {seconds:.0f} s long, and at most {max_seconds:g} s are read: cut it"
        )
    if not LOWEST_HZ <= file.samplerate <= HIGHEST_HZ:
        raise SoundError(
            "corrupt",
            f"{called} claims {file.samplerate} samples a second, and {LOWEST_HZ} to {HIGHEST_HZ} can be: convert it",
        )


def _mono(file: Any, called: str) -> Samples:
    """Read to the end, a block at a time: a file of many channels never lies in memory with all of them."""
    blocks: list[Samples] = []
    while len(block := file.read(_BLOCK // file.channels, dtype="float32", always_2d=True)):
        blocks.append(block[:, 0].copy() if file.channels == 1 else block.mean(axis=1, dtype=np.float32))
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if len(samples) < file.frames:
        raise SoundError("corrupt", f"{called} was cut short: {len(samples)} of {file.frames} samples can be read")
    if not len(samples):
        raise SoundError("empty", f"{called} holds no sound: its length is 0 s")
    if not np.isfinite(samples).all():
        raise SoundError("corrupt", f"{called} holds samples that are no numbers (NaN or infinite): make it again")
    return samples


def _module(name: str, what: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtra(what, "voice") from error
