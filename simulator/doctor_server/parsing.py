"""Bytes of a request become a ChatRequest, or one refusal that names the value; it knows no model."""

from __future__ import annotations

from typing import Any

import pydantic_core
from pydantic import ValidationError

from simulator.doctor_server.errors import Refused
from simulator.doctor_server.request import ChatRequest, NotUsed

SHOWN = 3


def parsed(content: bytes) -> ChatRequest:
    """Return the request. Raises Refused(400)."""
    try:
        asked = ChatRequest.model_validate_json(content)
    except ValidationError as error:
        raise _refused(error, content) from error
    _check_together(asked)
    return asked


def _check_together(asked: ChatRequest) -> None:
    """Refuse what does not go together."""
    if asked.speaks and "text" not in (asked.modalities or ()):
        raise Refused(400, 'a spoken answer is written too: modalities must be ["text", "audio"]', param="modalities")
    if asked.audio is not None and not asked.speaks:
        raise Refused(400, 'audio goes only with modalities ["text", "audio"]', param="audio")
    if asked.stream and asked.audio is not None and asked.audio.format == "wav":
        raise Refused(
            400, "a streamed answer sounds as pcm16 (16-bit mono, 24 kHz): wav only without stream",
            param="audio.format", code="unsupported_value",
        )
    if asked.stream_options is not None and not asked.stream:
        raise Refused(400, "stream_options goes only with stream: true", param="stream_options")
    if None not in (asked.max_tokens, asked.max_completion_tokens) and asked.max_tokens != asked.max_completion_tokens:
        raise Refused(400, "max_tokens and max_completion_tokens differ: send one of them", param="max_tokens")


def _refused(error: ValidationError, content: bytes) -> Refused:
    found = error.errors(include_url=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        return Refused(400, f"the body is not JSON: {found[0]['msg']}", code="invalid_json")
    given = pydantic_core.from_json(content)
    complaints = []
    for one in found[:SHOWN]:
        param = _place(given, one["loc"])
        complaints.append((param, _words(param, one), one["type"]))
    param, _, kind = complaints[0]
    message = "; ".join(f"{place}: {words}" if place else words for place, words, _ in complaints)
    if len(found) > SHOWN:
        message += f"; and {len(found) - SHOWN} more"
    return Refused(400, message, param=param or None, code=_code(param, kind))


def _words(param: str, one: Any) -> str:
    name = param.partition(".")[0].partition("[")[0]
    if one["type"] == "extra_forbidden":
        return "this server does not know it: leave it out"
    if name in NotUsed.model_fields:
        return f"this server cannot do that: leave {name} out ({one['msg']})"
    return str(one["msg"])


def _code(param: str, kind: str) -> str:
    name = param.partition(".")[0].partition("[")[0]
    if kind == "extra_forbidden" or name in NotUsed.model_fields:
        return "unsupported_parameter"
    return "missing_required_parameter" if kind == "missing" else "invalid_value"


def _place(given: Any, steps: tuple[int | str, ...]) -> str:
    """Return the place of a value as people write it; steps that only name a branch of a union are left out."""
    here, place = given, ""
    for index, step in enumerate(steps):
        if isinstance(here, dict) and step in here:
            here = here[str(step)]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif index < len(steps) - 1 or not isinstance(here, dict):
            continue
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
    return place
