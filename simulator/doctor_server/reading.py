"""A ChatRequest becomes what the model takes: messages with sound in memory, and settings; it knows no HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.doctors.speechlm import Message, OpenedModel, Settings
from agents.sound.wave import Sound
from simulator.doctor_server.errors import CONTEXT_FULL, Refused
from simulator.doctor_server.request import (
    AssistantMessage,
    ChatRequest,
    InputAudioPart,
    SystemMessage,
    TextPart,
    UserMessage,
    UserPart,
)
from simulator.doctor_server.settings import ServerSettings
from simulator.doctor_server.sounds import read_base64, read_data_url
from simulator.doctor_server.transcripts import Transcripts

DEFAULT_TOKENS = 512
"""Text ids of an answer whose request does not say how many."""
LONGEST_TOKEN = 32
"""Characters; a text with more of them for each position of the context is not worth tokenizing."""


@dataclass(frozen=True)
class Task:
    """One answer to be made, and how many seconds of sound its request brought."""

    messages: tuple[Message, ...]
    settings: Settings
    heard_s: float


class Reader:
    """Reads requests for one opened model."""

    def __init__(self, opened: OpenedModel, settings: ServerSettings, transcripts: Transcripts) -> None:
        """Keep what requests are measured against."""
        self._opened, self._settings, self._transcripts = opened, settings, transcripts

    def read(self, asked: ChatRequest) -> Task:
        """Return the task; decodes and resamples, so it belongs in a thread. Raises Refused(400 or 404)."""
        if asked.model != self._settings.name:
            raise Refused(
                404, f"the model {asked.model!r} is not here; this server has {self._settings.name!r}",
                param="model", code="model_not_found",
            )
        if asked.speaks and self._opened.rate_hz is None:
            raise Refused(
                400, 'this checkpoint only writes (no speech generator, or started without a vocoder): '
                'ask for modalities ["text"]', param="modalities", code="unsupported_value",
            )
        if asked.messages[-1].role == "assistant":
            raise Refused(400, "the last message is the assistant's own: nothing is to be answered", param="messages")
        self._check_length(asked)
        left = self._settings.max_sounds_s
        messages: list[Message] = []
        for place, message in enumerate(asked.messages):
            parts = self._parts(message, f"messages[{place}]", left)
            left -= sum(part.seconds for part in parts if isinstance(part, Sound))
            role = "system" if message.role == "developer" else message.role
            messages.append(self._opened.to_message(role, parts))
        return Task(tuple(messages), self._chosen(asked), self._settings.max_sounds_s - left)

    def _check_length(self, asked: ChatRequest) -> None:
        """Refuse text that no context can hold before it is tokenized."""
        most = self._opened.context * LONGEST_TOKEN
        length = sum(map(_length, asked.messages))
        if length > most:
            raise Refused(
                400, f"the dialogue has {length} characters, more than {self._opened.context} positions can hold "
                f"({CONTEXT_FULL}): drop the oldest turns", param="messages", code=CONTEXT_FULL,
            )

    def _parts(self, message: Any, place: str, left: float) -> Sequence[str | Sound]:
        match message:
            case SystemMessage():
                return _texts(message.content)
            case AssistantMessage():
                return self._said(message, place)
            case UserMessage() if isinstance(message.content, str):
                return (message.content,)
            case _:
                return self._heard(message.content, f"{place}.content", left)

    def _said(self, message: AssistantMessage, place: str) -> Sequence[str | Sound]:
        if message.content is not None:
            return _texts(message.content)
        if message.audio is None:
            raise Refused(400, "an assistant's message needs its text", param=f"{place}.content")
        text = self._transcripts.find(message.audio.id)
        if text is None:
            raise Refused(
                400, "no answer of this id is remembered (they are for an hour, until the server ends): send the text "
                "as content", param=f"{place}.audio.id", code="audio_not_found",
            )
        return (text,)

    def _heard(self, content: Sequence[UserPart], place: str, left: float) -> Sequence[str | Sound]:
        parts: list[str | Sound] = []
        for index, part in enumerate(content):
            parts.append(self._part(part, f"{place}[{index}]", self._settings.max_sound_s))
            if isinstance(parts[-1], Sound):
                left -= parts[-1].seconds
                if left < 0:
                    raise Refused(
                        400, f"the request brings more than {self._settings.max_sounds_s:g} s of sound",
                        param=f"{place}[{index}]", code="audio_too_long",
                    )
        return parts

    def _part(self, part: UserPart, place: str, longest: float) -> str | Sound:
        if isinstance(part, TextPart):
            return part.text
        if isinstance(part, InputAudioPart):
            sound = part.input_audio
            return read_base64(
                sound.data, sound.format, param=f"{place}.input_audio.data", max_seconds=longest
            )
        return read_data_url(part.audio_url.url, param=f"{place}.audio_url.url", max_seconds=longest)

    def _chosen(self, asked: ChatRequest) -> Settings:
        stop = (asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ()) or None
        given: dict[str, Any] = {
            "temperature": asked.temperature, "top_p": asked.top_p, "stop": stop,
            "top_k": None if asked.top_k is None else max(asked.top_k, 0),
            "repetition_penalty": asked.repetition_penalty,
        }
        return self._opened.settings(
            seed=secrets.randbits(31) if asked.seed is None else asked.seed,
            speak=asked.speaks,
            max_new_tokens=asked.tokens or min(DEFAULT_TOKENS, self._opened.options.max_new_tokens),
            **{name: value for name, value in given.items() if value is not None},
        )


def _length(message: SystemMessage | UserMessage | AssistantMessage) -> int:
    content = message.content or ""
    if isinstance(content, str):
        return len(content)
    return sum(len(part.text) for part in content if isinstance(part, TextPart))


def _texts(content: str | Sequence[TextPart]) -> tuple[str, ...]:
    return (content,) if isinstance(content, str) else tuple(part.text for part in content)
