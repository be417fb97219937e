"""From what a doctor knows to the turns that a SpeechLM takes: texts and sounds in order; it knows files, no model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from agents.doctors.cleaning import without_special_tokens
from agents.doctors.prompting import Piece, doctor_messages
from agents.doctors.sounds import SoundFolder
from agents.doctors.speechlm_options import SpeechLMOptions
from agents.llm.forecast import Forecast
from agents.llm.types import Message
from agents.protocols import DoctorView
from agents.sound.wave import Sound, read_sound
from scenarios.errors import AgentFailure, SoundError
from scenarios.schema import AudioRef, Utterance

SECONDS_PER_ANSWER = 9
"""A patient's usual answer."""
PADDED_ROWS, ROWS_PER_SECOND = 300, 10
"""Positions that an utterance takes: 30 s whatever its length, or as long as it is."""

Role = Literal["system", "user", "assistant"]


class SpokenDialogue:
    """Turns a view into messages whose parts are texts and sounds."""

    def __init__(self, options: SpeechLMOptions) -> None:
        """Remember how the model is spoken to, and the folder of sounds."""
        self._options = options
        self._sounds = SoundFolder(options.audio_root, max_bytes=0, keep=0)

    def turns(self, view: DoctorView) -> list[tuple[Role, list[str | Sound]]]:
        """Return the turns with their sounds read; blocks.

        Raises:
            AgentFailure: ``audio_...`` (voice) for a sound that is gone, damaged or outside its folder;
                ``no_audio_root`` (infrastructure) where no folder is known.
        """
        heard: dict[str, Sound] = {}

        def hear(ref: AudioRef) -> dict[str, Any]:
            if ref.path not in heard:
                heard[ref.path] = _read(self._sounds.place(ref), ref)
            return {"type": "sound", "path": ref.path}

        messages = self._built(view, hear)
        return [(message["role"], _parts(message["content"], heard)) for message in messages]

    def outline(self, view: DoctorView) -> list[Message]:
        """Return the messages with each sound as ``{"type": "sound", "seconds"}``; no file is read."""
        return self._built(view, lambda ref: {"type": "sound", "seconds": ref.seconds})

    def with_sound(self, text: Forecast, max_turns: int, *, padded: bool) -> Forecast:
        """Return the forecast of a text dialogue with sound in each of the patient's turns, when it is heard."""
        rows = PADDED_ROWS if padded else SECONDS_PER_ANSWER * ROWS_PER_SECOND
        sound = rows if self._options.hear else 0
        once = self._options.history == "last_only"
        again = 0 if once else sound * max_turns * (max_turns - 1) // 2
        return Forecast(
            text.calls, text.prompt + sound * max_turns + again, text.cached + again, text.completion,
            text.longest + sound * (1 if once else max_turns),
        )

    def _built(self, view: DoctorView, sound: Callable[[AudioRef], dict[str, Any]]) -> list[Message]:
        def hear(utterance: Utterance) -> list[Piece] | None:
            if utterance.audio is None or utterance.role != "patient" or not self._options.hear:
                return None
            beside = without_special_tokens(utterance.text) if self._options.also_text else ""
            return [sound(utterance.audio), beside]

        return doctor_messages(view, self._options, hear)


def _parts(content: str | list[dict[str, Any]], heard: dict[str, Sound]) -> list[str | Sound]:
    if isinstance(content, str):
        return [content]
    return [part["text"] if part["type"] == "text" else heard[part["path"]] for part in content]


def _read(path: Path, ref: AudioRef) -> Sound:
    try:
        return read_sound(path, name=ref.path)
    except SoundError as error:
        raise AgentFailure("voice", f"audio_{error.kind}", str(error)) from error
