"""What a request gets when something is wrong: OpenAI's error shape for every status; it shows no secret.

``{"error": {"message", "type", "param", "code"}}``, as in https://platform.openai.com/docs/guides/error-codes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.types import Scope

from simulator.web.links import ServerLinks
from simulator.web.problems import Problem, Problems, printable

RETRY_AFTER = {"Retry-After": "1"}
CONTEXT_FULL, MODEL_GONE = "context_length_exceeded", "model_gone"
KINDS: dict[int, str] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class Refused(Exception):
    """A request that gets an error instead of an answer.

    Args:
        status: HTTP status.
        message: what is wrong and what to do.
        param: which value, e.g. ``messages[1].content[0].input_audio.data``.
        code: a short machine-readable name.
    """

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code

    @property
    def body(self) -> dict[str, Any]:
        """The error as clients read it."""
        return error_body(self.status, self.message, self.param, self.code)

    @property
    def headers(self) -> dict[str, str]:
        """``Retry-After`` where coming back may help."""
        return dict(RETRY_AFTER) if self.status in (429, 503) else {}


class Gone(Exception):
    """The client does not listen any more; nobody reads an answer."""


def ending() -> Refused:
    """Return what is told to those whose answers break off because the server ends."""
    return Refused(503, "the server is about to end, and this answer with it", code="server_ending")


class OpenAIProblems(Problems):
    """Answers the problems of the shared guards in OpenAI's shape; there is no page here."""

    def __init__(self) -> None:
        """Need no links: no page is shown."""
        super().__init__(ServerLinks(""))

    def answer(self, scope: Scope, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
        """Return the problem as JSON."""
        return as_response(Refused(problem.status, problem.detail, code=problem.more.get("code")), headers)

    def install(self, app: FastAPI) -> None:
        """Let refusals be answered too."""
        super().install(app)

        async def of_refusal(request: Request, error: Exception) -> Response:
            assert isinstance(error, Refused)
            return as_response(error)

        async def of_leaving(request: Request, error: Exception) -> Response:
            return Response(status_code=499)

        app.add_exception_handler(Refused, of_refusal)
        app.add_exception_handler(Gone, of_leaving)


def as_response(refused: Refused, headers: Mapping[str, str] | None = None) -> Response:
    """Return the HTTP answer of a refusal."""
    return Response(
        json.dumps(refused.body, ensure_ascii=False).encode("utf-8", "replace"), refused.status,
        {**refused.headers, **(headers or {})}, "application/json",
    )


def error_body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Return OpenAI's error object."""
    kind = KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": printable_lines(message), "type": kind, "param": param, "code": code}}


def printable_lines(message: str) -> str:
    """Return ``message`` in one line, bounded, with what cannot be shown replaced."""
    return printable(" ".join(message.split()))
