"""Sound of a request and of an answer: base64 in, samples out and back; bounded, and nothing is ever fetched."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import numpy as np

from agents.sound.wave import Samples, Sound, read_sound, wav_bytes
from scenarios.errors import SoundError
from simulator.doctor_server.errors import Refused

PCM_HZ = 24_000
"""Rate of pcm16 in both directions, as OpenAI has it."""
MAGIC: dict[str, tuple[bytes, ...]] = {
    "wav": (b"RIFF", b"RF64"), "flac": (b"fLaC",), "ogg": (b"OggS",),
    "mp3": (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2"),
}
OF_MEDIA = {
    "wav": "wav", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "mpeg": "mp3", "mp3": "mp3", "flac": "flac",
    "x-flac": "flac", "ogg": "ogg", "opus": "ogg",
}
_DATA_URL = re.compile(r"data:audio/([a-z0-9.-]{1,20})((?:;[a-z0-9=.-]{1,40}){0,4});base64,", re.IGNORECASE)


def read_base64(data: str, form: str, *, param: str, max_seconds: float) -> Sound:
    """Return the sound of base64 bytes at its own rate.

    Raises:
        Refused: 400 with ``param``; no base64, not of that form, damaged, empty or too long.
    """
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(400, f"the sound is not base64: {error}", param=param, code="invalid_base64") from error
    if form != "pcm16" and content and not content.startswith(MAGIC[form]):
        raise Refused(400, f"the bytes are no {form} file", param=param, code="invalid_audio")
    try:
        return _samples(content, max_seconds) if form == "pcm16" else read_sound(
            content, name="the sound", max_seconds=max_seconds
        )
    except SoundError as error:
        code = "audio_too_long" if error.kind == "too_long" else "invalid_audio"
        raise Refused(400, str(error), param=param, code=code) from error


def read_data_url(url: str, *, param: str, max_seconds: float) -> Sound:
    """Return the sound of a ``data:audio/...;base64,`` URL. Raises Refused(400)."""
    found = _DATA_URL.match(url)
    form = OF_MEDIA.get(found[1].lower()) if found else None
    if found is None or form is None:
        raise Refused(
            400, "only data:audio/wav;base64,... URLs (or mpeg, flac, ogg) are read; nothing is fetched",
            param=param, code="unsupported_value",
        )
    return read_base64(url[found.end() :], form, param=param, max_seconds=max_seconds)


def _samples(content: bytes, max_seconds: float) -> Sound:
    if not content:
        raise SoundError("empty", "the sound is empty: it has no bytes")
    if len(content) % 2:
        raise SoundError("corrupt", "the sound has an odd number of bytes, and pcm16 has two a sample")
    seconds = len(content) / 2 / PCM_HZ
    if seconds > max_seconds:
        raise SoundError("too_long", f"the sound is {seconds:.0f} s long, and at most {max_seconds:g} s are read")
    return Sound(np.frombuffer(content, "<i2").astype(np.float32) / 32_768.0, PCM_HZ)


def encoded(samples: Samples) -> str:
    """Return samples as 16-bit little-endian bytes in base64."""
    return base64.b64encode(pcm16(samples)).decode("ascii")


def encoded_wav(samples: Samples) -> str:
    """Return samples at 24 kHz as a WAV file in base64."""
    return base64.b64encode(wav_bytes(Sound(samples, PCM_HZ))).decode("ascii")


def pcm16(samples: Samples) -> bytes:
    """Return samples as 16-bit little-endian bytes, the same that a WAV file of them holds."""
    return wav_bytes(Sound(samples, PCM_HZ))[44:]


class ToPcmRate:
    """Brings pieces of one answer to 24 kHz; a vocoder at that rate (all of ours) passes through untouched."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._resampler: Any = None

    def feed(self, samples: Samples, rate_hz: int) -> Samples:
        """Return what is ready of the next piece."""
        if rate_hz == PCM_HZ:
            return samples
        if self._resampler is None:
            import soxr

            self._resampler = soxr.ResampleStream(rate_hz, PCM_HZ, 1, dtype="float32")
        return np.asarray(self._resampler.resample_chunk(samples), np.float32)

    def rest(self) -> Samples:
        """Return what was held back."""
        if self._resampler is None:
            return np.zeros(0, np.float32)
        return np.asarray(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True), np.float32)
