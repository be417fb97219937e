"""Real sounds for tests: speech made by espeak-ng in a process of its own, tones and noise; nothing is committed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from agents.sound.wave import Sound, read_sound, resampled, wav_bytes

_SPEAK = """
import ctypes, sys, wave
import espeakng_loader
text, voice, out = sys.argv[1:]
lib = ctypes.CDLL(espeakng_loader.get_library_path())
rate = lib.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0)
pieces = []
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
def take(samples, count, events):
    if samples and count:
        pieces.append(ctypes.string_at(samples, count * 2))
    return 0
kept = Callback(take)
lib.espeak_SetSynthCallback(kept)
if lib.espeak_SetVoiceByName(voice.encode()):
    sys.exit("no voice " + voice)
said = text.encode()
lib.espeak_Synth(said, ctypes.c_size_t(len(said) + 1), 0, 1, 0, 1, None, None)
with wave.open(out, "wb") as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(rate)
    file.writeframes(b"".join(pieces))
"""


@lru_cache(maxsize=64)
def speech(text: str, voice: str = "en-us", rate_hz: int = 16_000) -> Sound:
    """Return ``text`` spoken by espeak-ng (voices: en-us, cmn, en-us+f3 ...); made once and kept in a temp folder."""
    folder = Path(tempfile.gettempdir()) / f"clinic-test-sounds-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    path = folder / (hashlib.sha256(f"{voice}|{text}|{_SPEAK}".encode()).hexdigest()[:24] + ".wav")
    if not path.exists():
        part = folder / f"{path.name}.{os.getpid()}"
        subprocess.run([sys.executable, "-c", _SPEAK, text, voice, str(part)], check=True, timeout=60)
        os.replace(part, path)
    return resampled(read_sound(path), rate_hz)


def tone(seconds: float = 1.0, hz: float = 440.0, level: float = 0.5, rate_hz: int = 16_000) -> Sound:
    """Return a sine whose peak is ``level``."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    return Sound((level * np.sin(2 * np.pi * hz * at)).astype(np.float32), rate_hz)


def noise(seconds: float = 1.0, level: float = 0.1, rate_hz: int = 16_000, seed: int = 0) -> Sound:
    """Return white noise whose RMS is ``level``."""
    drawn = np.random.default_rng(seed).normal(0.0, level, round(seconds * rate_hz))
    return Sound(drawn.astype(np.float32), rate_hz)


def wav_file(folder: Path, sound: Sound, name: str = "sound.wav") -> Path:
    """Write ``sound`` as 16-bit WAV and return where."""
    path = folder / name
    path.write_bytes(wav_bytes(sound))
    return path
