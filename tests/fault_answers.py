"""What a server may do with one chat request, from a slow reply to a broken connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What becomes of one chat request.

    Args:
        status: anything but 200 is sent with ``error`` (an OpenAI error object, a string or None).
        headers: further headers, e.g. ``{"Retry-After": "1"}``.
        text: instead of the good reply; ``finish``, ``refusal`` likewise.
        wait_s: before anything is sent.
        hang: accept and never answer; ``hang_after``: stop after so many streamed chunks, and stay silent.
        reset_after: close the connection rudely after so many streamed chunks (0: before any byte).
        pad_bytes: so many bytes of filling in the text.
        raw: these bytes as the body instead of anything composed.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: Any = None
    text: str | None = None
    finish: str | None = None
    refusal: str | None = None
    wait_s: float = 0.0
    hang: bool = False
    hang_after: int | None = None
    reset_after: int | None = None
    pad_bytes: int = 0
    raw: bytes | None = None


def too_many(retry_after: str | None = None, **headers: str) -> Answer:
    given = {"Retry-After": retry_after} if retry_after is not None else {}
    return Answer(429, {**given, **headers}, {"message": "slow down", "code": "rate_limit_exceeded"})


def broken(status: int = 500) -> Answer:
    return Answer(status, error={"message": "internal error"})


def overflow(wording: str = "This model's maximum context length is 8192 tokens. You requested 9000") -> Answer:
    return Answer(400, error={"message": wording, "type": "BadRequestError", "code": 400})
