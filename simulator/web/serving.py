"""Binds the address of ``clinic view`` and runs the application on it; it knows sockets and signals, no page."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scenarios.errors import InputError

CONNECTIONS = 200
GOODBYE_S = 3
"""What is being answered gets so long to end when the server stops."""


class Leaving:
    """Tells every request that its browser has left once the server is to stop: a stream would never end by itself."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around ``app``."""
        self._app, self._over = app, asyncio.Event()

    def leave(self) -> None:
        """End what is open."""
        self._over.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def receive_or_leave() -> Message:
            message, over = asyncio.ensure_future(receive()), asyncio.ensure_future(self._over.wait())
            try:
                await asyncio.wait((message, over), return_when=asyncio.FIRST_COMPLETED)
                return await message if message.done() else {"type": "http.disconnect"}
            finally:
                message.cancel()
                over.cancel()

        await self._app(scope, receive_or_leave, send)


class Server(uvicorn.Server):
    """Says when it listens, and ends on Ctrl-C or SIGTERM as after any other work."""

    def __init__(self, app: FastAPI, listening: Callable[[], None] = lambda: None) -> None:
        """Bound what one client can take.

        Addresses may hold a token and ``SafeAnswers`` logs what fails, so that uvicorn itself logs nothing.
        """
        self._leaving = Leaving(app)
        super().__init__(uvicorn.Config(
            self._leaving, http="h11", ws="none", lifespan="off", access_log=False, log_config=None,
            log_level="critical", server_header=False,
            limit_concurrency=CONNECTIONS, timeout_keep_alive=15, timeout_graceful_shutdown=GOODBYE_S,
            h11_max_incomplete_event_size=64 * 1024, proxy_headers=False,
        ))
        self._app, self._listening = app, listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and end what is open."""
        self._leaving.leave()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the two signals that mean the end, without raising them once more afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def serve_on(self, bound: socket.socket) -> None:
        """Serve until told to end; what the application opens at its start and fails to open is raised from here."""
        async with self._app.router.lifespan_context(self._app):
            await self.serve(sockets=[bound])


def listener(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 picks a free one.

    Raises:
        InputError: the port is in use or may not be used, or the host is none of this machine's.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind)
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: no name or address of this machine") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # without it, head and body of an answer wait 40 ms for each other; accepted connections inherit it
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {port} of {host} is in use, perhaps by another clinic view: choose another --port, or --port 0"
            ) from error
        raise InputError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    return bound
