"""What the OpenAPI document says besides the operations: the body of a chat, errors, the token."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from simulator.doctor_server.answers import ChatCompletion, ChatCompletionChunk, ErrorAnswer
from simulator.doctor_server.request import ChatRequest

DESCRIPTION = """\
One SpeechLM as a doctor, behind OpenAI's chat completions: it hears (`input_audio`) and answers in text and sound
(`modalities`, `audio`). Simulation for research, not medical advice.

Errors have OpenAI's shape. A server with a token asks for it as the API key (`Authorization: Bearer TOKEN`).
"""
WHAT: dict[int, str] = {
    400: "A value is wrong, or asks for what this server cannot do; `param` says which.",
    401: "The server asks for its token.",
    403: "Another site made a browser send this.",
    404: "There is no such model or path.",
    408: "The body took too long to come in.",
    413: "The body is larger than a request may bring.",
    429: "As many requests as may are being answered or wait: come back after `Retry-After` seconds.",
    500: "The model failed, or something else went wrong inside the server.",
    503: "The model does not answer any more, or the server is about to end.",
}
LOOKING = (400, 401, 404)
CHATTING = tuple(WHAT)
_REF = "#/components/schemas/{model}"
_EVENT_STREAM = "text/event-stream"


def failures(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    """Return how an operation can fail, for its documentation."""
    return {
        status: {"description": WHAT[status], "content": {"application/json": {"schema": _ref(ErrorAnswer)}}}
        for status in statuses
    }


def chat_answers() -> dict[int | str, dict[str, Any]]:
    """Return what a chat may be answered with."""
    good = {
        "description": "The answer; with `stream: true` as server-sent events, each `data:` line one "
        "ChatCompletionChunk, the last `[DONE]`.",
        "content": {
            "application/json": {"schema": _ref(ChatCompletion)}, _EVENT_STREAM: {"schema": {"type": "string"}},
        },
    }
    return {200: good, **failures(CHATTING)}


def chat_body() -> dict[str, Any]:
    """Return what a chat's body is, for its operation."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _ref(ChatRequest)}}}}


def describe(app: FastAPI, *, with_token: bool) -> None:
    """Let ``app`` describe itself with every schema that its operations name."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            parts = made.setdefault("components", {})
            parts.setdefault("schemas", {}).update(_schemas())
            if with_token:
                parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                made["security"] = [{"token": []}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _schemas() -> dict[str, Any]:
    _, asked = models_json_schema([(ChatRequest, "validation")], ref_template=_REF)
    _, said = models_json_schema(
        [(model, "serialization") for model in (ChatCompletion, ChatCompletionChunk, ErrorAnswer)], ref_template=_REF
    )
    found: dict[str, Any] = asked["$defs"] | said["$defs"]
    return found


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
