"""A speech model as a doctor: utterances that have sound go to it as sound, and its own voice may come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from agents.doctors.chat import ChatDoctor, ChatOptions
from agents.doctors.cleaning import without_special_tokens
from agents.doctors.habits import Bilingual
from agents.doctors.prompting import Piece, doctor_messages
from agents.doctors.sounds import SoundFolder
from agents.doctors.speaking import spoken_reply
from agents.llm.forecast import Forecast
from agents.llm.sounding import Wanted
from agents.llm.types import Message, Model
from agents.protocols import DoctorReply, DoctorView
from scenarios.errors import AgentFailure
from scenarios.schema import AudioRef, Case, Utterance

SECONDS_PER_ANSWER, TOKENS_PER_SECOND = 9, 25
"""A patient's usual answer, and what a second of it costs an audio encoder (Qwen2-Audio, Qwen2.5-Omni: 25)."""


class AudioChatOptions(ChatOptions):
    """A model that hears; ``audio_root`` is the only folder that sound is read from.

    With ``speak`` its own voice is asked for when the doctor is to be heard: ``modalities`` and ``audio`` of the
    request, the sound in ``message.audio``, as OpenAI and vLLM-Omni have it. ``voice`` is a name of the server's.
    """

    speed_only = ChatOptions.speed_only | {"audio_root", "audio_cache", "max_audio_bytes", "max_spoken_s"}

    audio_part: Literal["input_audio", "audio_url"] = Field(
        default="input_audio", description="input_audio: OpenAI's part, base64; audio_url: vLLM's part, a data URL"
    )
    audio_root: str = Field(default="", description="the folder that audio paths are relative to; empty: the run's own")
    also_text: bool = Field(default=False, description="send beside the sound what the listener understood of it")
    beside_sound: Bilingual | None = Field(
        default=None, description="a fixed text beside each sound, for models that were trained with one"
    )
    speak: bool = Field(default=False, description="take the model's own voice when the doctor is to be heard")
    voice: str = Field(default="", max_length=200, description="as the server calls it, e.g. alloy; empty: its own")
    speak_stream: bool = Field(
        default=False, description="spoken replies in pieces, for the time to first sound; many servers cannot"
    )
    audio_format: Literal["", "wav", "pcm16"] = Field(
        default="", description="of spoken replies; empty: wav, in pieces pcm16 (OpenAI; Qwen-Omni's own wants wav)"
    )
    max_spoken_s: float = Field(default=120.0, gt=0, le=600, description="longest sound of one reply")
    max_audio_bytes: int = Field(default=20_000_000, ge=100, le=1_000_000_000, description="of one sound file")
    audio_cache: int = Field(default=64, ge=0, le=10_000, description="encoded files kept in memory")

    @model_validator(mode="after")
    def _can_be_spoken(self) -> AudioChatOptions:
        if self.speak and self.ask_requests == "form":
            raise ValueError("speak: a form is not read aloud: leave ask_requests out")
        if self.speak and self.engine == "in-process":
            raise ValueError("speak: the in-process engine takes and gives text only: use engine: server")
        return self

    @property
    def speaks(self) -> bool:
        """Whether the model's own voice is heard."""
        return self.speak

    def wanted(self) -> Wanted:
        """Return how a spoken reply is asked for."""
        form = self.audio_format or ("pcm16" if self.speak_stream else "wav")
        audio = {"format": form} | ({"voice": self.voice} if self.voice else {})
        return Wanted(
            {"modalities": ["text", "audio"], "audio": audio}, streamed=self.speak_stream,
            headerless=self.speak_stream or form == "pcm16", max_seconds=self.max_spoken_s,
        )

    @field_validator("beside_sound", mode="before")
    @classmethod
    def _one_note_is_both(cls, value: object) -> object:
        return {"zh": value, "en": value} if isinstance(value, str) else value


class AudioChatDoctor(ChatDoctor):
    """Hears what has sound and reads the rest, in one dialogue.

    ``wants_words``: what a listener understood is sent beside the sound.
    """

    def __init__(self, options: AudioChatOptions, model: Model | None = None) -> None:
        """Open the model and remember the folder of sounds."""
        super().__init__(options, model)
        self._hearing = options
        self._sounds = SoundFolder(options.audio_root, options.max_audio_bytes, options.audio_cache)
        self.wants_words = options.also_text

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the model's next words, spoken too when the view and the options say so.

        Raises:
            AgentFailure: as a chat doctor; ``bad_audio`` (doctor) when the sound is missing or cannot be used.
        """
        if not (view.speak and self._hearing.speak):
            return await super().reply(view)
        messages = await self._messages(view)
        completion = await self._model.say(messages, seed=view.seed, voice=self._hearing.wanted())
        if completion.sound is None:
            raise AgentFailure("doctor", "bad_audio", (
                "a spoken reply was asked for (modalities: text, audio), and the server only wrote: leave speak out, "
                "or serve the model with its voice (vLLM-Omni: vllm serve --omni)"
            ))
        return spoken_reply(completion, view.language, self._hearing)

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
