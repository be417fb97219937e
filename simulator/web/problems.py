"""What a request gets when something is wrong: a readable page, or a problem document (RFC 9457) for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from scenarios.errors import (
    AgentFailure,
    ClinicError,
    InputError,
    MissingExtra,
    NotNow,
    RunFolderError,
    Stale,
    UnknownName,
)
from simulator import pages
from simulator.web.links import ServerLinks

MEDIA_TYPE = "application/problem+json"
SHOWN_ERRORS = 20
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Problem:
    """What went wrong: an HTTP status, one sentence that says what to do, and further members for programs."""

    status: int
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Return the status in words."""
        return HTTPStatus(self.status).phrase


@dataclass(frozen=True)
class Problems:
    """Turns problems into answers; they show no secret, so that a stranger may see them."""

    links: ServerLinks

    def answer(self, scope: Scope, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
        """Return the page or the document, whichever the request can read."""
        if wants_json(scope):
            body = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail,
                    **problem.more}
            return Response(json.dumps(body).encode(), problem.status, headers, MEDIA_TYPE)
        return self.page("problem.html.j2", problem.status, headers, problem=problem, path=printable(scope["path"]))

    def page(self, template: str, status: int, headers: Mapping[str, str] | None = None, **context: Any) -> Response:
        """Return a small page that needs nothing of a site."""
        made = pages.environment().get_template(f"web/{template}")
        text = made.render(links=self.links, **context).encode("utf-8", "replace")
        return HTMLResponse(text, status, headers)

    def install(self, app: FastAPI) -> None:
        """Let every expected error of ``app`` be answered here."""

        async def of_clinic(request: Request, error: Exception) -> Response:
            assert isinstance(error, ClinicError)
            return self.answer(request.scope, problem_of(error, in_api=in_api(request.scope)))

        async def of_http(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)
            detail = str(error.detail)
            if detail == HTTPStatus(error.status_code).phrase:
                detail = DETAILS.get(error.status_code, detail)
            return self.answer(request.scope, Problem(error.status_code, detail), error.headers)

        async def of_request(request: Request, error: Exception) -> Response:
            assert isinstance(error, RequestValidationError)
            return self.answer(request.scope, invalid(error, in_api=in_api(request.scope)))

        app.add_exception_handler(ClinicError, of_clinic)
        app.add_exception_handler(HTTPException, of_http)
        app.add_exception_handler(RequestValidationError, of_request)


DETAILS = {
    404: "there is nothing at this address: follow the links from the list of runs",
    405: "this address cannot be asked with this method",
}


def problem_of(error: ClinicError, *, in_api: bool) -> Problem:
    """Return the status and words of an expected error; a request's wrong value is 422 in the API, 400 on a page."""
    kind = {"kind": type(error).__name__}
    match error:
        case UnknownName():
            return Problem(404, str(error), kind)
        case Stale() | NotNow() | RunFolderError():
            return Problem(409, str(error), kind)
        case InputError():
            return Problem(422 if in_api else 400, str(error), kind)
        case AgentFailure():
            return Problem(502, str(error), {
                "kind": error.kind, "owner": error.owner, "retryable": error.retryable,
            })
        case MissingExtra():
            return Problem(501, str(error), kind)
        case _:
            return Problem(500, str(error), kind)


def invalid(error: RequestValidationError, *, in_api: bool) -> Problem:
    """Return which values of a request are wrong and why; the values themselves are not repeated."""
    found = [
        {"where": ".".join(printable(str(part)) for part in one["loc"]), "problem": printable(str(one["msg"]))}
        for one in error.errors()[:SHOWN_ERRORS]
    ]
    words = "; ".join(f"{one['where']}: {one['problem']}" for one in found)
    return Problem(422 if in_api else 400, f"the request does not fit: {words}", {"errors": found})


def in_api(scope: Scope) -> bool:
    """Whether the request is one of the REST API."""
    return str(scope["path"]).startswith("/api/")


def wants_json(scope: Scope) -> bool:
    """Whether the one who asks is a program: everything below ``/api/``, or who accepts no HTML but JSON or events."""
    accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
    reads = any(kind in accept for kind in ("json", "text/event-stream"))
    return in_api(scope) or (reads and "text/html" not in accept)


def printable(text: str) -> str:
    """Return ``text`` with what cannot be shown or encoded replaced, and not too long."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:500])
