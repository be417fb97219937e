"""Puts one sound on the wire as ``/v1/audio/transcriptions`` wants it and reads the reply; it retries nothing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from agents.llm.faults import of_status
from agents.llm.http import HttpTransport, of_connection, read_bounded
from agents.llm.options import LLMOptions
from agents.llm.server import Server
from agents.llm.transport import Fault, Raw, Request
from agents.llm.wire import whole

Format = Literal["json", "verbose_json", "text"]
PATH = "/audio/transcriptions"
FORM = {"X-Stainless-Raw-Response": "stream", "Content-Type": "multipart/form-data"}
"""Tells the SDK to write a form and to hand over the open response."""


@dataclass(frozen=True, slots=True)
class SoundRequest(Request):
    """A request whose only message names the sound by hash and holds the form's fields; ``wav`` goes with it."""

    wav: bytes = field(default=b"", compare=False, repr=False)


class TranscriptionTransport(HttpTransport):
    """The way to a transcription server: as to a language model, with other words on the wire."""

    def __init__(self, options: LLMOptions, response_format: Format) -> None:
        """Open nothing yet."""
        super().__init__(options)
        self._format = response_format

    async def exchange(self, server: Server, request: Request) -> Raw:
        """Send the sound and read what was understood. Raises Fault."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        if not isinstance(request, SoundRequest):
            raise TypeError("a transcription server is sent sounds only")
        start = time.monotonic()
        fields = {**request.messages[0]["fields"], "model": request.options.model}
        reading = _Reading(start, self._format)
        try:
            response = await server.client.post(
                PATH, body=fields, files=[("file", ("sound.wav", request.wav, "audio/wav"))],
                cast_to=server.http.Response, options={"headers": FORM},
            )
            await read_bounded(response, reading, request.options.max_reply_bytes)
        except APIStatusError as error:
            raise of_status(error.status_code, error.response.headers, error.response.text) from error
        except (APIConnectionError, APITimeoutError) as error:
            raise of_connection(server, error.__cause__ or error) from error
        except server.http.HTTPError as error:
            raise of_connection(server, error) from error
        return reading.raw()


class _Reading:
    """Keeps a reply's bytes until it is whole."""

    def __init__(self, start: float, written: Format) -> None:
        self._start, self._written = start, written
        self._parts: list[bytes] = []

    def feed(self, part: bytes) -> None:
        self._parts.append(part)

    def raw(self) -> Raw:
        return Raw(read_text(b"".join(self._parts), self._written), "stop", time.monotonic() - self._start)


def read_text(reply: bytes, written: Format) -> str:
    """Return the transcription in a reply. Raises Fault(server_error) for anything else."""
    text = reply.decode("utf-8", "replace")
    try:
        told: Any = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and isinstance(told.get("text"), str):
        return whole(told["text"])
    if written == "text" and not isinstance(told, dict) and not text.lstrip().startswith("<"):
        return text
    start = " ".join(text[:300].split())
    raise Fault("server_error", f"the server's reply is no transcription: {start!r}", retry=True)

