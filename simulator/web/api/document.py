"""What the OpenAPI document says besides the operations: description, problems, how to be let in."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from scenarios.errors import Owner
from simulator.web.problems import MEDIA_TYPE

DESCRIPTION = """\
Runs, consultations and live sessions of the clinic simulator. Simulation for research, not medical advice.

Everything is JSON. A write by a program needs the header `Content-Type: application/json`, and on a server with a
token `Authorization: Bearer TOKEN`; a page of this server sends `X-CSRF-Token` instead. Errors are problem documents
(RFC 9457, `application/problem+json`) whose `detail` says what to do.

A session is one consultation that is stepped. Its branches share their first turns. Hand back a snapshot's `revision`
as `expected`, and a step is refused with 409 when somebody else went on meanwhile. What happens in a branch is
streamed as server-sent events at `/live/{session}/events`.
"""
WHAT: dict[int, str] = {
    400: "The request cannot be read: a malformed body, or a host name that is not this server's.",
    401: "The server asks for its token.",
    403: "A write that does not show that it comes from a page of this server or from a program.",
    404: "There is no run, consultation, case, session, branch or batch of this name.",
    409: "It does not fit where things stand, or somebody else went on meanwhile; nothing was changed.",
    413: "The body is larger than a request may bring.",
    414: "The address is too long.",
    422: "A value is wrong; `errors` says which, or `detail` what to do.",
    500: "Something went wrong inside the server.",
    501: "Optional packages are not installed; `detail` names the command.",
    502: "An agent failed; `owner` says whose failure it is and `kind` which. Nothing was changed.",
}
READING = (400, 401, 404, 414, 422, 500)
LOOKING = (400, 401, 409, 414, 422, 500)
WRITING = (400, 401, 403, 404, 409, 413, 414, 422, 500)
SPEAKING = (*WRITING, 501, 502)
Responses = dict[int | str, dict[str, Any]]


class FieldProblem(BaseModel):
    """One value of a request that does not fit."""

    where: str = Field(description="its place: path, query or body, then the keys")
    problem: str


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: Literal["about:blank"]
    title: str = Field(description="the status in words")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="what is wrong and what to do")
    kind: str = Field(default="", description="a short name of the error")
    owner: Owner | None = Field(default=None, description="whose failure it is, of an agent")
    retryable: bool | None = Field(default=None, description="whether trying again may help, of an agent")
    errors: list[FieldProblem] = Field(default=[], description="which values of the request are wrong")


def problems(statuses: tuple[int, ...]) -> Responses:
    """Return how an operation can fail, for its documentation."""
    schema = {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}
    return {status: {"description": WHAT[status], "content": {MEDIA_TYPE: schema}} for status in statuses}


def describe(app: FastAPI) -> None:
    """Let ``app`` describe itself with the shape of problems and the token."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes,
                tags=[{"name": name, "description": text} for name, text in TAGS.items()],
            )
            parts = made.setdefault("components", {})
            schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = parts.setdefault("schemas", {})
            schemas |= schema.pop("$defs", {}) | {ProblemDocument.__name__: schema}
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            made["security"] = [{}, {"token": []}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


TAGS = {
    "runs": "Run folders: what was held, how it was judged.",
    "library": "What there is to choose from.",
    "sessions": "Live consultations and their branches.",
    "steps": "Going on, back and apart within a session.",
    "batches": "Batches started from here.",
}
