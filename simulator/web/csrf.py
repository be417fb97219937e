"""What a write has to show besides its origin: the secret of our own pages, or that it is no browser's at all."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.web.gate import BEARER, same
from simulator.web.problems import Problem, Problems, in_api
from simulator.web.security import READS, is_browser
from simulator.web.settings import Settings

FIELD, HEADER = "csrf", "x-csrf-token"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
MAX_FIELDS = 200


class CsrfGuard:
    """Lets writes through that carry the secret (header ``X-CSRF-Token`` or form field ``csrf``).

    A program may write to the API without it: with the bearer token, or, on a server without a token, with JSON and
    none of the headers that a browser sends.
    """

    def __init__(self, app: ASGIApp, problems: Problems, settings: Settings, secret: str) -> None:
        """Keep the secret, new for every start of the server."""
        self._app, self._problems, self._settings, self._secret = app, problems, settings, secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a write without the secret with 403, one whose form cannot be read with 400."""
        if scope["type"] != "http" or scope["method"] in READS or self._is_program(scope):
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(HEADER)
        if given is None and _is_form(scope):
            body = await read_body(receive)
            try:
                given = await _field(scope, body)
            except HTTPException as error:
                problem = Problem(error.status_code, str(error.detail))
                return await self._problems.answer(scope, problem)(scope, receive, send)
            receive = replayed(body, receive)
        if given is not None and same(given, self._secret):
            return await self._app(scope, receive, send)
        problem = Problem(403, "this page is from before the server's last start, or it is not ours: load it again")
        await self._problems.answer(scope, problem)(scope, receive, send)

    def _is_program(self, scope: Scope) -> bool:
        if not in_api(scope):
            return False
        if scope.get(BEARER):
            return True
        return not self._settings.token and not is_browser(scope) and _is_json_or_empty(scope)


async def read_body(receive: Receive) -> bytes:
    """Return the whole body, whose size ``Limits`` bounds."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives ``body`` again, then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _field(scope: Scope, body: bytes) -> str | None:
    async def ended() -> Message:
        return {"type": "http.disconnect"}

    request = Request(scope, replayed(body, ended))
    async with request.form(max_files=5, max_fields=MAX_FIELDS) as form:
        value = form.get(FIELD)
    return value if isinstance(value, str) else None


def _media_type(scope: Scope) -> str:
    return Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()


def _is_form(scope: Scope) -> bool:
    return _media_type(scope) in FORMS


def _is_json_or_empty(scope: Scope) -> bool:
    media_type = _media_type(scope)
    if media_type:
        return media_type == "application/json"
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
