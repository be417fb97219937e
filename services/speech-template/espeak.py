"""Speaks a text with espeak-ng in a process of its own: the library keeps state, and is under the GPL.

As a module it starts that process; run as a program it is that process: a JSON request on standard input, 16-bit
samples at 22,050 Hz on standard output.
"""

from __future__ import annotations

import array
import ctypes
import io
import json
import operator
import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from typing import Any

VOICES = {"zh": "cmn", "en": "en-us"}
VARIANTS = frozenset({"", *(f"f{number}" for number in range(1, 6)), *(f"m{number}" for number in range(1, 9))})
PIECE, WORDS_A_MINUTE = 16_384, 165
SYNCHRONOUS, UTF8, RATE, PITCH = 2, 1, 1, 3
LOWEST_HZ, HIGHEST_HZ, HZ_A_STEP = 70.0, 300.0, 2.3


def find_library() -> tuple[str, str]:
    """Return where the library and its data lie. Raises ModuleNotFoundError when espeakng-loader is not installed."""
    import espeakng_loader

    return espeakng_loader.get_library_path(), os.path.dirname(espeakng_loader.get_data_path())


def speak(text: str, language: str, *, voice: str, speed: float, reference: bytes | None) -> Iterator[bytes]:
    """Yield the samples as they are made. ``voice`` is one of VARIANTS; a reference recording gives the pitch."""
    wanted: dict[str, Any] = {"text": text, "voice": "+".join(filter(None, (VOICES[language], voice))), "speed": speed}
    if reference is not None:
        wanted["pitch"] = max(0, min(99, round((pitch_of(reference) - LOWEST_HZ) / HZ_A_STEP)))
    command = [sys.executable, os.path.abspath(__file__)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdin and child.stdout
            child.stdin.write(json.dumps(wanted).encode())
            child.stdin.close()
            while piece := child.stdout.read(PIECE):
                yield piece
            if child.wait():
                raise RuntimeError(f"espeak-ng ended with {child.returncode}")
        finally:
            child.kill()


def pitch_of(wav: bytes) -> float:
    """Return the pitch of a recording in Hz, roughly: a strong lag of its autocorrelation, within what voices do."""
    with wave.open(io.BytesIO(wav)) as file:
        channels, rate = file.getnchannels(), file.getframerate()
        samples = array.array("h", file.readframes(file.getnframes()))[::channels]
    step = max(1, rate // 4000)
    rate = rate // step
    few = [sum(samples[at:at + step]) for at in range(0, min(len(samples), 4 * rate * step) - step + 1, step)]
    loudest = max(range(0, max(1, len(few) - rate // 4), rate // 8), key=lambda at: _energy(few[at:at + rate // 4]))
    frame = few[loudest:loudest + rate // 4]
    lags = range(int(rate / HIGHEST_HZ), int(rate / LOWEST_HZ) + 1)
    alike = {lag: sum(map(operator.mul, frame, frame[lag:])) for lag in lags}
    least = 0.85 * max(alike.values())  # twice the period is as much alike as the period itself
    return rate / next(lag for lag, value in alike.items() if value >= least)


def _energy(samples: list[int]) -> int:
    return sum(sample * sample for sample in samples)


def main() -> None:
    """Read one request and write its samples."""
    wanted = json.loads(sys.stdin.buffer.read())
    library, data = find_library()
    out = sys.stdout.buffer
    espeak = ctypes.CDLL(library)
    espeak.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), 0)

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def heard(samples: Any, count: int, events: Any) -> int:
        if samples and count:
            out.write(ctypes.string_at(samples, 2 * count))
        return 0

    espeak.espeak_SetSynthCallback(heard)
    if espeak.espeak_SetVoiceByName(wanted["voice"].encode()):
        raise SystemExit(f"espeak-ng has no voice {wanted['voice']}")
    espeak.espeak_SetParameter(RATE, max(80, min(450, round(WORDS_A_MINUTE * wanted["speed"]))), 0)
    if "pitch" in wanted:
        espeak.espeak_SetParameter(PITCH, wanted["pitch"], 0)
    text = wanted["text"].encode() + b"\0"
    espeak.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 1, 0, UTF8, None, None)
    espeak.espeak_Synchronize()
    out.flush()


if __name__ == "__main__":
    main()
