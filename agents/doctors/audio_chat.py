"""A speech model as a doctor: utterances that have sound go to it as sound; it writes none of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, field_validator

from agents.doctors.chat import ChatDoctor, ChatOptions
from agents.doctors.cleaning import without_special_tokens
from agents.doctors.habits import Bilingual
from agents.doctors.prompting import Piece, doctor_messages
from agents.doctors.sounds import SoundFolder
from agents.llm.forecast import Forecast
from agents.llm.types import Message, Model
from agents.protocols import DoctorView
from scenarios.schema import AudioRef, Case, Utterance

SECONDS_PER_ANSWER, TOKENS_PER_SECOND = 9, 25
"""A patient's usual answer, and what a second of it costs an audio encoder (Qwen2-Audio, Qwen2.5-Omni: 25)."""


class AudioChatOptions(ChatOptions):
    """A model that hears; ``audio_root`` is the only folder that sound is read from.

    Its replies are text. Spoken replies (``speak``) are refused until the run folder can hold them.
    """

    speed_only = ChatOptions.speed_only | {"audio_root", "audio_cache", "max_audio_bytes"}

    audio_part: Literal["input_audio", "audio_url"] = Field(
        default="input_audio", description="input_audio: OpenAI's part, base64; audio_url: vLLM's part, a data URL"
    )
    audio_root: str = Field(default="", description="the folder that audio paths are relative to, e.g. the run folder")
    also_text: bool = Field(default=False, description="send the words beside the sound")
    beside_sound: Bilingual | None = Field(
        default=None, description="a fixed text beside each sound, for models that were trained with one"
    )
    speak: bool = Field(default=False, description="spoken replies; not possible yet")
    max_audio_bytes: int = Field(default=20_000_000, ge=100, le=1_000_000_000, description="of one sound file")
    audio_cache: int = Field(default=64, ge=0, le=10_000, description="encoded files kept in memory")

    @field_validator("speak")
    @classmethod
    def _is_silent(cls, value: bool) -> bool:
        if value:
            raise ValueError("spoken replies cannot be stored yet: leave it out, the doctor's text is used")
        return value

    @field_validator("beside_sound", mode="before")
    @classmethod
    def _one_note_is_both(cls, value: object) -> object:
        return {"zh": value, "en": value} if isinstance(value, str) else value


class AudioChatDoctor(ChatDoctor):
    """Hears what has sound and reads the rest, in one dialogue."""

    def __init__(self, options: AudioChatOptions, model: Model | None = None) -> None:
        """Open the model and remember the folder of sounds."""
        super().__init__(options, model)
        self._hearing = options
        self._sounds = SoundFolder(options.audio_root, options.max_audio_bytes, options.audio_cache)

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return the expected tokens, with sound for every answer."""
        text = super().forecast(case, max_turns)
        sound = SECONDS_PER_ANSWER * TOKENS_PER_SECOND
        once = self._hearing.history == "last_only"
        again = 0 if once else sound * max_turns * (max_turns - 1) // 2
        return Forecast(
            text.calls, text.prompt + sound * max_turns + again, text.cached + again, text.completion,
            text.longest + sound * (1 if once else max_turns),
        )

    async def _messages(self, view: DoctorView) -> list[Message]:
        heard = {u.audio.path: u.audio for u in view.dialogue if u.audio and u.role == "patient"}
        sounds = await asyncio.to_thread(lambda: {path: self._part(ref) for path, ref in heard.items()})
        return self._built(view, lambda ref: sounds[ref.path])

    def _outline(self, view: DoctorView) -> list[Message]:
        return self._built(view, lambda ref: {"type": "sound", "seconds": ref.seconds})

    def _built(self, view: DoctorView, sound: Callable[[AudioRef], dict[str, Any]]) -> list[Message]:
        def hear(utterance: Utterance) -> list[Piece] | None:
            if utterance.audio is None or utterance.role != "patient":
                return None
            return [sound(utterance.audio), self._beside(utterance, view)]

        return doctor_messages(view, self._hearing, hear)

    def _part(self, ref: AudioRef) -> dict[str, Any]:
        encoded = self._sounds.wav_base64(ref)
        if self._hearing.audio_part == "audio_url":
            return {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{encoded}"}}
        return {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}}

    def _beside(self, utterance: Utterance, view: DoctorView) -> str:
        note = self._hearing.beside_sound
        fixed = note.text(view.language) if note else ""
        words = without_special_tokens(utterance.text) if self._hearing.also_text else ""
        return "\n".join(part for part in (fixed, words) if part)
