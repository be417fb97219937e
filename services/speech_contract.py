"""The speech contract, version 1: what a request must be, what an error is, what the bytes of a sound look like.

Standard library only, Python 3.9 or newer, because every service runs in an environment of its own. It knows no model
and no socket; ``speech_service.py`` serves it, ``speech-template/README.md`` describes it.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import wave
from collections.abc import Iterator
from typing import Any

CONTRACT = 1
MAX_SECONDS = 600.0
REFERENCE_S = (0.5, 30.0)
UNKNOWN_LENGTH = 0xFFFF_FFFF
"""What a streamed WAV says of its sizes, because nobody knows them yet."""
FORMATS = {"wav": "audio/wav", "pcm": "audio/pcm"}
NAMES = re.compile(r"[\w.+-]{0,100}")


class Refused(Exception):
    """An answer that is no sound: HTTP ``status``, ``kind`` (see README.md) and a sentence for people."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


class Voice:
    """A model that speaks; servers subclass it.

    ``clones``: it can speak like the recording of a request; ``needs_reference``: it cannot speak without one.
    ``streams``: its sound comes in pieces. ``parallel``: how many texts may be spoken at once.
    """

    name = ""
    sample_rate_hz = 24_000
    clones = False
    needs_reference = False
    streams = False
    languages: tuple[str, ...] = ("zh", "en")
    parallel = 1
    max_characters = 4096

    def load(self) -> None:
        """Load weights; runs once, beside the server, which reports ``ready: false`` meanwhile."""

    def speak(self, request: dict[str, Any]) -> Iterator[bytes]:
        """Yield the sound of the whole ``request["input"]``: 16-bit little-endian mono samples, in one piece or many.

        The request is checked and complete (see ``checked``): ``ref_audio`` is a WAV file as bytes, or None. Seed
        every sampler with ``request["seed"]`` and keep nothing that could change another reply. Raise
        ``Refused(422, "model_error", ...)`` and its kin for what the model cannot do.
        """
        raise NotImplementedError


def checked(request: Any, voice: Voice) -> dict[str, Any]:
    """Return the request with every key there and the reference decoded. Raises Refused naming the first wrong key."""
    if not isinstance(request, dict):
        raise Refused(400, "bad_request", "the body must be a JSON object")
    model, text = request.get("model") or voice.name, request.get("input")
    if model != voice.name:
        raise Refused(404, "unknown_model", f"this server speaks with {voice.name!r}, not with {str(model)[:100]!r}")
    if not isinstance(text, str) or not text.strip():
        raise Refused(400, "bad_request", "input must be a text that is not empty")
    if len(text) > voice.max_characters:
        raise Refused(422, "text_too_long", f"input has {len(text)} characters; {voice.max_characters} are allowed")
    language = request.get("language") or ("zh" if re.search("[\u3400-\u9fff]", text) else "en")
    if language not in voice.languages:
        raise Refused(422, "unsupported_language", f"language must be one of {', '.join(voice.languages)}")
    reference, said = _reference(request, voice)
    return {
        "input": text, "language": language, "voice": _name(request.get("voice")), "ref_audio": reference,
        "ref_text": said, "response_format": _format(request.get("response_format", "wav")),
        "speed": _number(request, "speed", 1.0, 0.25, 4.0), "seed": int(_number(request, "seed", 0, 0, 2**63 - 1)),
        "stream": _truth(request.get("stream", False)),
    }


def _name(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not NAMES.fullmatch(value):
        raise Refused(400, "bad_request", "voice must be a name of letters, digits and . _ + -")
    return value


def _format(value: Any) -> str:
    if not isinstance(value, str) or value not in FORMATS:
        raise Refused(400, "bad_request", f"response_format must be one of {', '.join(FORMATS)}")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused(400, "bad_request", "stream must be true or false")
    return value


def _number(request: dict[str, Any], key: str, default: Any, low: float, high: float) -> Any:
    value = request.get(key)
    if value is None:
        return default
    kinds = (int,) if isinstance(default, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        raise Refused(400, "bad_request", f"{key} must be {kinds[-1].__name__} from {low:g} to {high:g}")
    return value


def _reference(request: dict[str, Any], voice: Voice) -> tuple[bytes | None, str]:
    """Return the reference recording and what is said in it; only sound in the request itself is taken, no address."""
    audio, said = request.get("ref_audio"), request.get("ref_text")
    if audio is None and said is None:
        if voice.needs_reference:
            raise Refused(400, "bad_request", "this voice speaks like a recording: ref_audio and ref_text are needed")
        return None, ""
    if not voice.clones:
        raise Refused(400, "bad_request", "this voice has no use for ref_audio and ref_text")
    if not isinstance(audio, str) or not isinstance(said, str) or not 1 <= len(said.strip()) <= 1000:
        raise Refused(400, "bad_request", "ref_audio and ref_text come together: a recording, and what is said in it")
    content = audio[audio.find(",") + 1:] if audio.startswith("data:") else audio
    try:
        sound = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(400, "bad_request", "ref_audio must be a WAV file in base64, or a data: URL of one") from error
    try:
        with wave.open(io.BytesIO(sound)) as file:
            seconds, width = file.getnframes() / file.getframerate(), file.getsampwidth()
            whole = len(file.readframes(file.getnframes())) == file.getnframes() * width * file.getnchannels()
    except (wave.Error, EOFError, ZeroDivisionError, ValueError, OverflowError) as error:
        raise Refused(422, "reference_unusable", f"ref_audio is not a PCM WAV file: {error}") from error
    if width != 2 or not whole or not REFERENCE_S[0] <= seconds <= REFERENCE_S[1]:
        least, most = REFERENCE_S
        raise Refused(422, "reference_unusable", f"ref_audio must be a whole 16-bit WAV of {least:g} to {most:g} s")
    return sound, said.strip()


def wav_header(rate_hz: int, size: int) -> bytes:
    """Return the 44 bytes before ``size`` bytes of 16-bit mono samples; UNKNOWN_LENGTH for a stream."""
    whole = size if size == UNKNOWN_LENGTH else size + 36
    parts = (b"RIFF", whole.to_bytes(4, "little"), b"WAVEfmt ", (16).to_bytes(4, "little"), b"\1\0\1\0",
             rate_hz.to_bytes(4, "little"), (2 * rate_hz).to_bytes(4, "little"), b"\2\0\x10\0data",
             size.to_bytes(4, "little"))
    return b"".join(parts)
