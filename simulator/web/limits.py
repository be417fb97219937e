"""How much one request may bring: bytes of its address and of its body; it knows no content."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.web.problems import Problem, Problems

MAX_BODY = 1 << 20
MAX_ADDRESS = 8192
MAX_SOUND = 6 << 20
"""Bytes of a recording: a minute at 48 kHz."""
_RECORDING = re.compile(r"/live/[^/]+/microphone")


class Limits:
    """Refuses addresses and bodies that are too long, a body without a stated length while it comes in."""

    def __init__(self, app: ASGIApp, problems: Problems) -> None:
        """Stand before ``app``."""
        self._app, self._problems = app, problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 414, 400 or 413, or pass the request on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        problem = _refused(scope)
        if problem is not None:
            return await self._problems.answer(scope, problem, {"Connection": "close"})(scope, receive, send)
        try:
            await self._app(scope, counted(receive, most(scope)), send)
        except TooLarge as error:  # read by a middleware, outside of the handlers
            await self._problems.answer(scope, Problem(413, error.detail))(scope, receive, send)


class TooLarge(HTTPException):
    """A body that grew beyond the limit while it came in."""

    def __init__(self, limit: int) -> None:
        """Say what the limit is."""
        super().__init__(413, _too_much(limit))


def most(scope: Scope) -> int:
    """Return how many bytes a request's body may have."""
    return MAX_SOUND if _RECORDING.fullmatch(scope["path"]) else MAX_BODY


def counted(receive: Receive, limit: int = MAX_BODY) -> Callable[[], Awaitable[Message]]:
    """Return ``receive``, which raises TooLarge once more than the limit came in."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge(limit)
        return message

    return receive_counted


def _refused(scope: Scope) -> Problem | None:
    if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > MAX_ADDRESS:
        return Problem(414, f"an address may have at most {MAX_ADDRESS} bytes")
    if any(ord(letter) < 32 or letter == "\x7f" for letter in scope["path"]):
        return Problem(400, "an address cannot hold control characters")
    stated = Headers(scope=scope).get("content-length")
    if stated is None:
        return None
    if not (stated.isascii() and stated.isdigit()):
        return Problem(400, "the header Content-Length is not a number")
    limit = most(scope)
    return Problem(413, _too_much(limit)) if len(stated) > 12 or int(stated) > limit else None


def _too_much(limit: int) -> str:
    return f"a request may bring at most {limit >> 20} MiB"
