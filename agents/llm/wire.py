"""Reads the bytes of a chat completion, whole or as server-sent events; cheap, because there are very many of them."""

from __future__ import annotations

import json
import time
from typing import Any, Protocol

from agents.llm.faults import of_status
from agents.llm.hearing import Hearing
from agents.llm.transport import Fault, Raw

_first_value = json.JSONDecoder().raw_decode
BROKEN = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)
"""What reading a reply of another shape runs into."""


class Reading(Protocol):
    """A reply while its bytes come in."""

    def feed(self, part: bytes) -> None:
        """Take the next bytes. Raises Fault when they are no reply."""
        ...

    def raw(self) -> Raw:
        """Return the reply once all bytes are there. Raises Fault when it is not whole."""
        ...


class ReadingWhole:
    """A reply in one JSON object."""

    def __init__(self, start: float) -> None:
        """``start``: the monotonic time of sending."""
        self.start = start
        self.parts: list[bytes] = []

    def feed(self, part: bytes) -> None:
        """Keep the bytes."""
        self.parts.append(part)

    def raw(self) -> Raw:
        """Parse everything at once."""
        total_s = time.monotonic() - self.start
        try:
            reply = json.loads(b"".join(self.parts))
            choice = reply["choices"][0]
            message = choice["message"]
            spoken = _spoken(reply["choices"])
            text = _text(message.get("content")) or str(spoken.get("transcript") or "")
            refusal = _text(message.get("refusal"))
            finish = choice.get("finish_reason") or "stop"
            audio = (str(spoken["data"]),) if spoken.get("data") else ()
            return Raw(whole(text), finish, total_s, None, refusal, counts(reply.get("usage")), audio)
        except BROKEN as error:
            raise _unreadable(error) from error


class ReadingStream:
    """A reply in server-sent events."""

    def __init__(self, start: float, hear: Hearing | None = None) -> None:
        """``start``: the monotonic time of sending; ``hear`` is told the text as it comes."""
        self.start, self.hear = start, hear
        if hear is not None:
            hear.begin()
        self.rest = b""
        self.texts: list[str] = []
        self.transcript: list[str] = []
        self.sounds: list[str] = []
        self.first_audio_s: float | None = None
        self.refusals: list[str] = []
        self.finish = ""
        self.first_s: float | None = None
        self.done = False
        self.usage: dict[str, int] = {}

    def feed(self, part: bytes) -> None:
        """Read the events that are complete."""
        lines = (self.rest + part).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            if line.startswith(b"data:"):
                self._event(line[5:].strip())

    def raw(self) -> Raw:
        """Put the pieces together."""
        if not self.done and not self.finish:
            raise Fault("connection", "the streamed reply ended before its end", retry=True)
        return Raw(
            whole("".join(self.texts) or "".join(self.transcript)), self.finish or "stop",
            time.monotonic() - self.start, self.first_s, "".join(self.refusals), self.usage, tuple(self.sounds),
            self.first_audio_s,
        )

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.done = True
            return
        try:
            event = _value(data.decode())
            if "error" in event:
                raise _of_event(event["error"], data)
            if event.get("usage"):
                self.usage = counts(event["usage"])
            for choice in event.get("choices") or ():
                if event.get("modality") == "audio":
                    self._sound((choice.get("delta") or {}).get("content"))
                    self.finish = choice.get("finish_reason") or self.finish
                else:
                    self._choice(choice)
        except BROKEN as error:
            raise _unreadable(error) from error

    def _choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta") or {}
        if text := delta.get("content"):
            self._words(self.texts, _text(text))
        if spoken := delta.get("audio"):
            self._sound(spoken.get("data"))
            if (words := spoken.get("transcript")) and not self.texts:
                self._words(self.transcript, str(words))
        if refusal := delta.get("refusal"):
            self.refusals.append(_text(refusal))
        self.finish = choice.get("finish_reason") or self.finish

    def _words(self, among: list[str], words: str) -> None:
        if self.first_s is None:
            self.first_s = time.monotonic() - self.start
        among.append(words)
        if self.hear is not None:
            self.hear.feed(words)

    def _sound(self, data: Any) -> None:
        """Keep a piece of sound: in ``delta.audio``, as OpenAI has it, or as content of an event of its own."""
        if data:
            if self.first_audio_s is None:
                self.first_audio_s = time.monotonic() - self.start
            self.sounds.append(str(data))


def _spoken(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """Return ``message.audio``: of the message, as OpenAI has it, or of a choice of its own, as vLLM-Omni does."""
    return next((spoken for choice in choices if (spoken := (choice.get("message") or {}).get("audio"))), {})


def _value(text: str) -> Any:
    """Return the JSON value that is all of ``text``; quicker than ``json.loads``, which guesses encodings."""
    value, end = _first_value(text)
    if end != len(text):
        raise ValueError("something follows the JSON")
    return value


def whole(text: str) -> str:
    """Return ``text`` with halves of surrogate pairs put together or replaced, so that it can be stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def counts(usage: Any) -> dict[str, int]:
    """Return ``prompt``, ``completion`` and ``cached`` tokens; a server that does not count gives none."""
    if not isinstance(usage, dict):
        return {}
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return {
        "prompt": int(usage.get("prompt_tokens") or 0), "completion": int(usage.get("completion_tokens") or 0),
        "cached": int(cached),
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return "".join(part["text"] for part in value if part.get("type") == "text")


def _of_event(error: Any, data: bytes) -> Fault:
    code = error.get("code") if isinstance(error, dict) else None
    return of_status(code if isinstance(code, int) else 500, {}, data.decode("utf-8", "replace"))


def _unreadable(error: Exception) -> Fault:
    return Fault("server_error", f"the server's reply cannot be read: {type(error).__name__}: {error}", retry=True)
