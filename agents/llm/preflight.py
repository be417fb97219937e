"""Asks a server before a run whether it has the model and a context long enough; every complaint names the fix."""

from __future__ import annotations

from typing import Any

from agents.llm.options import LLMOptions
from agents.llm.server import CONNECT_S, Server
from scenarios.errors import AgentFailure, ClinicError, InputError, UnknownName


async def check_card(server: Server, options: LLMOptions, longest: int) -> None:
    """Raise ClinicError when the server is away, refuses the key, lacks the model or has too short a context."""
    cards = await _cards(server, options)
    by_name = {str(card.get("id")): card for card in cards if isinstance(card, dict)}
    if options.model not in by_name:
        raise UnknownName(f"model at {server.url}", options.model, by_name)
    check_length(by_name[options.model].get("max_model_len"), longest, options.model)


def check_length(has: Any, longest: int, model: str) -> None:
    """Raise InputError when a context of ``has`` tokens (None: not told) cannot hold ``longest``."""
    if isinstance(has, int) and has < longest:
        raise InputError(
            f"{model} is served with a context of {has} tokens (max_model_len), but the longest prompt with its "
            f"reply may need {longest}. Start the server with --max-model-len {longest} or more, or lower max_turns"
        )


async def _cards(server: Server, options: LLMOptions) -> list[Any]:
    from openai import APIConnectionError, APIStatusError

    try:
        told: Any = await server.client.get("/models", cast_to=object, options={"timeout": CONNECT_S})
    except APIConnectionError as error:
        raise AgentFailure("infrastructure", "server_down", (
            f"nobody answers at {server.url}: start a server (`clinic serve --patient` for Qwen2.5-72B, "
            f"`clinic serve --list` for others), or set base_url or $CLINIC_BASE_URL to where it runs"
        )) from error
    except APIStatusError as error:
        raise _refused(error.status_code, server, options) from error
    except ValueError:
        told = None  # a page, not JSON
    cards = told.get("data") if isinstance(told, dict) else None
    if not isinstance(cards, list):
        raise InputError(f"{server.url}/models lists no models: is this an OpenAI-compatible address ending in /v1?")
    return cards


def _refused(status: int, server: Server, options: LLMOptions) -> ClinicError:
    if status in (401, 403):
        key = f"the key in {options.api_key_env}" if options.api_key_env else "a request without a key: set api_key_env"
        return AgentFailure("infrastructure", "unauthorised", f"{server.url} refuses {key} (it answered {status})")
    return InputError(
        f"{server.url}/models answered {status}: is this an OpenAI-compatible address (they mostly end in /v1)?"
    )
