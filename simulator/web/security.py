"""Who may ask and what every answer carries: host names, origins, headers, errors; it knows no page and no token.

Everything here is plain ASGI, so that a stream of events passes through unbuffered.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.web.problems import Problem, Problems
from simulator.web.settings import Settings

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: with it browsers send `Origin: null` with our own forms, which is refused
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
READS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::\d{1,5})?")
log = structlog.get_logger(__name__)


class SafeAnswers:
    """Adds the headers that keep a browser careful; answers an unexpected error without saying how it came about."""

    def __init__(self, app: ASGIApp, problems: Problems) -> None:
        """Stand around ``app``."""
        self._app, self._problems = app, problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:
            log.exception("unexpected error while answering", method=scope["method"], path=scope["path"])
            if started:
                raise
            problem = Problem(500, "something went wrong inside the server; its log says what")
            await self._problems.answer(scope, problem)(scope, receive, answer)


class HostGuard:
    """Answers only to the server's own names, so that a foreign name that resolves to it (DNS rebinding) is no use."""

    def __init__(self, app: ASGIApp, problems: Problems, settings: Settings) -> None:
        """Know the server's names."""
        self._app, self._problems, self._settings = app, problems, settings
        self._names = own_names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request with no, several or a foreign ``Host``."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(given) == 1 and self._is_ours(host_name(given[0])):
            return await self._app(scope, receive, send)
        problem = Problem(400, f"this server does not go by that name: use http://{shown_host(self._settings)}")
        await self._problems.answer(scope, problem)(scope, receive, send)

    def _is_ours(self, name: str) -> bool:
        return name in self._names or (not self._settings.is_loopback and _is_address(name))


class OriginGuard:
    """Refuses what another site makes a browser write; ``CsrfGuard`` asks for the secret of our own pages besides."""

    def __init__(self, app: ASGIApp, problems: Problems) -> None:
        """Stand before ``app``."""
        self._app, self._problems = app, problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a write whose ``Sec-Fetch-Site`` or ``Origin`` is not this server's own."""
        if scope["type"] != "http" or scope["method"] in READS or not from_elsewhere(scope):
            return await self._app(scope, receive, send)
        problem = Problem(403, "another site asked for this: nothing was changed. Open the page here and try again")
        await self._problems.answer(scope, problem)(scope, receive, send)


def from_elsewhere(scope: Scope) -> bool:
    """Whether a browser says that the request comes from another site."""
    headers = Headers(scope=scope)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return True
    return origin is not None and origin.lower() != f"{scope['scheme']}://{headers.get('host', '')}".lower()


def is_browser(scope: Scope) -> bool:
    """Whether the request has what only browsers send with a write."""
    return any(name in (b"origin", b"sec-fetch-site") for name, _ in scope["headers"])


def own_names(settings: Settings) -> frozenset[str]:
    """Return the names that people may call this server by."""
    if settings.is_loopback:
        return LOOPBACK_NAMES | {settings.host.lower()}
    return LOOPBACK_NAMES | {settings.host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}


def host_name(value: str) -> str:
    """Return the name in a ``Host`` header without port and brackets; '' when it is none."""
    found = HOST.fullmatch(value)
    return (found["six"] or found["name"]).lower() if found else ""


def shown_host(settings: Settings) -> str:
    """Return host and port as they stand in an address; a server on all interfaces shows this machine's name."""
    host = socket.gethostname() if settings.host in ("0.0.0.0", "::") else settings.host
    return f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
