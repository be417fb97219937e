"""Asks a server of the speech contract who it is and waits until it has loaded its model; it sends no text."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from agents.llm.server import CONNECT_S, Server
from scenarios.errors import AgentFailure, InputError, UnknownName

CONTRACT = 1
_LOOK_AGAIN_S = 1.0


async def wait_until_ready(server: Server, model: str, patience_s: float) -> dict[str, Any]:
    """Return what the server says of itself once it is ready.

    Raises:
        ClinicError: nobody answers, another contract or model, a model that cannot be loaded, or ``patience_s`` over.
    """
    start = time.monotonic()
    while True:
        card = await _health(server)
        if card.get("name") != model:
            raise UnknownName(f"voice at {server.url}", model, [str(card.get("name"))])
        if card.get("ready") is True:
            return card
        if card.get("problem"):
            raise InputError(f"{server.url} cannot load its model: {str(card['problem'])[:500]}")
        if time.monotonic() - start >= patience_s:
            raise AgentFailure(
                "infrastructure", "server_down",
                f"{server.url} has been loading its model for {patience_s:g} s (patience_s)",
            )
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _health(server: Server) -> dict[str, Any]:
    from openai import APIConnectionError, APIStatusError

    try:
        card: Any = await server.client.get("/health", cast_to=object, options={"timeout": CONNECT_S})
    except APIConnectionError as error:
        raise AgentFailure(
            "infrastructure", "server_down",
            f"nobody answers at {server.url}: start the speech server (services/ tells how), or set url",
        ) from error
    except (APIStatusError, ValueError) as error:
        raise InputError(f"{server.url}/health did not answer as a speech server does: {error}") from error
    if not isinstance(card, dict) or card.get("contract") != CONTRACT or "clones" not in card:
        raise InputError(f"{server.url}/health does not speak the speech contract {CONTRACT}: is this a voice?")
    return card
