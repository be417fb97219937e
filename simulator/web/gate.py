"""The door of a server with a token: a link or a form lets a browser in once, programs show the token each time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator.web.problems import Problem, Problems, wants_json
from simulator.web.settings import Settings

BEARER = "clinic.bearer"
"""Set in the scope of a request that showed the token itself: no other site can make a browser do that."""
LOGIN = "/login"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="clinic"'}


class Gate:
    """Lets in whom the token allows; the cookie holds a word made from the token, never the token."""

    def __init__(self, app: ASGIApp, problems: Problems, settings: Settings) -> None:
        """Make the cookie's word; a server without a token lets everybody in."""
        self._app, self._problems, self._token = app, problems, settings.token
        self._cookie = f"clinic_{settings.port}"
        self._word = hmac.new(settings.token.encode(), b"clinic view", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on who may come in; answer everybody else with 401."""
        if scope["type"] != "http" or not self._token:
            return await self._app(scope, receive, send)
        if scope["path"] == LOGIN and scope["method"] == "POST":
            return await (await self._login(Request(scope, receive)))(scope, receive, send)
        link = self._by_link(scope)
        if link is not None:
            return await link(scope, receive, send)
        scope[BEARER] = self._has_bearer(scope)
        if scope[BEARER] or self._has_cookie(scope) or scope["path"].startswith("/static/"):
            return await self._app(scope, receive, send)
        await self._refusal(scope, address(scope))(scope, receive, send)

    def _by_link(self, scope: Scope) -> Response | None:
        """Answer an address that carries a token: with the cookie and the same address without it, or with 401."""
        if scope["method"] not in ("GET", "HEAD"):
            return None
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in asked if name == "token"]
        if not given:
            return None
        bare = address(scope, [(name, value) for name, value in asked if name != "token"])
        return self._welcome(bare) if same(given[0], self._token) else self._refusal(scope, bare, wrong=True)

    async def _login(self, request: Request) -> Response:
        async with request.form(max_files=0, max_fields=5, max_part_size=4096) as form:
            given, after = form.get("token"), form.get("next")
        goal = after if isinstance(after, str) and is_local(after) else "/"
        if isinstance(given, str) and same(given.strip(), self._token):
            return self._welcome(goal)
        return self._refusal(request.scope, goal, wrong=True)

    def _welcome(self, goal: str) -> Response:
        answer = RedirectResponse(goal, 303)
        answer.set_cookie(self._cookie, self._word, httponly=True, samesite="strict", path="/")
        return answer

    def _refusal(self, scope: Scope, goal: str, *, wrong: bool = False) -> Response:
        detail = "that is not this server's token" if wrong else "this server asks for its token"
        if wants_json(scope):
            return self._problems.answer(scope, Problem(401, detail), CHALLENGE)
        return self._problems.page("login.html.j2", 401, CHALLENGE, wrong=wrong, goal=goal, action=LOGIN)

    def _has_bearer(self, scope: Scope) -> bool:
        kind, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and same(given.strip(), self._token)

    def _has_cookie(self, scope: Scope) -> bool:
        try:
            found = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and same(found.value, self._word)


def same(given: str, secret: str) -> bool:
    """Compare in a time that does not depend on where they differ."""
    return secrets.compare_digest(given.encode("utf-8", "backslashreplace"), secret.encode())


def address(scope: Scope, asked: list[tuple[str, str]] | None = None) -> str:
    """Return the request's address on this server; never one that a browser reads as another server's."""
    query = scope["query_string"].decode("latin-1") if asked is None else urlencode(asked, encoding="latin-1")
    path = "/" + quote(scope["path"].lstrip("/\\"), errors="replace")
    return path + (f"?{query}" if query else "")


def is_local(goal: str) -> bool:
    """Whether a browser that follows ``goal`` stays on this server."""
    return goal.startswith("/") and not goal.startswith(("//", "/\\")) and goal.isprintable()
