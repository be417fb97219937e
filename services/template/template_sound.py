"""Sound of a reply for the template's server: WAV bytes, how the contract writes them, and the echo doctor's voice.

Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import sys
import wave
from pathlib import Path
from typing import Any

ESPEAK_HZ = 22_050


def wav_of(samples: bytes, rate_hz: int) -> bytes:
    """Return a WAV file of 16-bit little-endian samples of one channel."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(samples)
    return file.getvalue()


def in_the_reply(wav: bytes) -> dict[str, Any]:
    """Return a WAV file as the contract writes it in a reply. Raises ValueError when it is none."""
    try:
        with wave.open(io.BytesIO(wav)) as file:
            about = {"sample_rate_hz": file.getframerate(), "seconds": file.getnframes() / file.getframerate()}
    except (wave.Error, EOFError, ZeroDivisionError) as error:
        raise ValueError(f"Doctor.reply brought sound that is no WAV file: {error}") from error
    return {"wav_base64": base64.b64encode(wav).decode("ascii"), **about}


class EchoVoice:
    """Speaks with the speech template's espeak-ng, a process a text."""

    def __init__(self, espeak: Any) -> None:
        """Keep the module."""
        self._espeak = espeak

    @classmethod
    def found(cls) -> EchoVoice | None:
        """Return the voice; None without the folder ``speech-template`` or without espeakng-loader."""
        file = Path(__file__).resolve().parents[1] / "speech-template" / "espeak.py"
        if not file.is_file() or importlib.util.find_spec("espeakng_loader") is None:
            return None
        spec = importlib.util.spec_from_file_location("clinic_template_espeak", file)
        assert spec and spec.loader
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return cls(module)

    def wav(self, text: str, language: str) -> bytes:
        """Return a text's sound."""
        pieces = self._espeak.speak(text, language, voice="", speed=1.0, reference=None)
        return wav_of(b"".join(pieces), ESPEAK_HZ)
