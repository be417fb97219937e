"""The door of the server: a bearer token, and the count of what was answered; it knows no request's content."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.doctor_server.errors import OpenAIProblems
from simulator.web.gate import CHALLENGE, same
from simulator.web.problems import Problem

OPEN = "/health"
"""May be asked without the token: it says only whether the server is ready."""


class Door:
    """Lets in who shows the token as a bearer; without a token, everybody."""

    def __init__(self, app: ASGIApp, problems: OpenAIProblems, token: str) -> None:
        """Stand before ``app``."""
        self._app, self._problems, self._token = app, problems, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http" or not self._token or scope["path"] == OPEN or self._shown(scope):
            return await self._app(scope, receive, send)
        problem = Problem(401, "this server asks for its token: send it as the API key", {"code": "invalid_api_key"})
        await self._problems.answer(scope, problem, CHALLENGE)(scope, receive, send)

    def _shown(self, scope: Scope) -> bool:
        kind, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and same(given.strip(), self._token)


class Counted:
    """Tells ``note`` the path and status of every answer."""

    def __init__(self, app: ASGIApp, note: Callable[[str, int], None]) -> None:
        """Stand around ``app``."""
        self._app, self._note = app, note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope["path"], message["status"])
            await send(message)

        await self._app(scope, receive, noted)
