"""Opens a checkpoint and serves it until it is told to end: what ``clinic serve --doctor`` does."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from fastapi import FastAPI
from pydantic import ValidationError

from agents.doctors.speechlm import OpenedModel, SpeechLMOptions, open_worker
from scenarios.errors import InputError, MissingExtra
from simulator.doctor_server.settings import ServerSettings
from simulator.web.security import shown_host
from simulator.web.serving import Server, listener

SPARE_CONNECTIONS = 128


def options_of(checkpoint: str, **loading: Any) -> SpeechLMOptions:
    """Return the options under which the checkpoint is loaded; an answer may fill the model's context.

    Raises:
        InputError: a value that cannot be, or a checkpoint that is not here.
    """
    try:
        options = SpeechLMOptions(checkpoint=checkpoint, **loading)
    except ValidationError as error:
        words = "; ".join(f"--{str(one['loc'][0]).replace('_', '-')}: {one['msg']}" for one in error.errors())
        raise InputError(words) from error
    return options.model_copy(update={"max_new_tokens": options.facts.context})


def token_of(variable: str) -> str:
    """Return the token that an environment variable holds; '' without one. Raises InputError."""
    from simulator.commands.view import checked_token

    if not variable:
        return ""
    given = os.environ.get(variable, "")
    if not given:
        raise InputError(f"--token-env: the variable {variable} is empty or not set")
    return checked_token(
        given, f"--token-env: the token in {variable}",
        ": python -c 'import secrets; print(secrets.token_urlsafe(24))' makes one",
    )


def serve_doctor(
    options: SpeechLMOptions, settings: ServerSettings, *, loading: AbstractContextManager[object],
    say: Callable[[str], None],
) -> None:
    """Load, then serve until Ctrl-C or SIGTERM; answers under way are cancelled.

    ``loading`` shows progress while it is entered; ``say`` gets the lines of the start.

    Raises:
        InputError: the address or checkpoint cannot be used, or others could reach it and there is no token.
        MissingExtra: packages are missing.
    """
    check(settings)
    with loading:
        opened = open_worker(options)
    try:
        _serve(opened, replace(settings, name=settings.name or opened.info.name), say)
    finally:
        opened.close()


def check(settings: ServerSettings) -> None:
    """Find out before minutes of loading what would stop the server afterwards. Raises as ``serve_doctor``."""
    if find_spec("prometheus_client") is None:
        raise MissingExtra("clinic serve --doctor", "speech")
    if not settings.as_web.is_loopback and not settings.token:
        raise InputError(f"--host {settings.host} can be reached by others: add --token-env NAME with a token in $NAME")
    listener(settings.host, settings.port).close()


def _serve(opened: OpenedModel, settings: ServerSettings, say: Callable[[str], None]) -> None:
    from simulator.doctor_server.app import make_app

    with listener(settings.host, settings.port) as bound:
        mine = replace(settings, port=bound.getsockname()[1])
        server = _Server(make_app(opened, mine), mine, lambda: _announce(opened, mine, say))
        asyncio.run(_until_told(server, bound, opened))


class _Server(Server):
    """Holds as many connections as may wait, and lets the chat know that answers break off because of the server."""

    def __init__(self, app: FastAPI, settings: ServerSettings, listening: Callable[[], None]) -> None:
        """Leave room for those who are told that there is none, and for who asks for health and numbers."""
        super().__init__(app, listening)
        self.config.limit_concurrency = settings.max_streams + settings.max_waiting + SPARE_CONNECTIONS

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and end what is open."""
        self._app.state.chat.ending = True
        await super().shutdown(sockets)


async def _until_told(server: Server, bound: socket.socket, opened: OpenedModel) -> None:
    """Serve; then close the model while the loop still takes the last words of answers that were cancelled."""
    try:
        await server.serve_on(bound)
    finally:
        await asyncio.to_thread(opened.close)


def _announce(opened: OpenedModel, settings: ServerSettings, say: Callable[[str], None]) -> None:
    url = f"http://{shown_host(settings.as_web)}/v1"
    voice = "hears and speaks" if opened.rate_hz else "hears and writes"
    say(f"{settings.name} answers at {url} ({voice}; context {opened.context}; {settings.max_streams} at a time)")
    speak = ", speak: true" if opened.rate_hz else ""
    say(f"In a batch:  {{backend: audio-chat, model: {settings.name}, base_url: {url}{speak}}}")
    say("Ctrl-C stops it.")
