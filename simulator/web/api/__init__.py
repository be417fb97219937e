"""The REST API under ``/api/v1``: runs, cases, doctors, sessions and batches as JSON; it decides nothing itself."""

from __future__ import annotations

from fastapi import APIRouter

from simulator.web.api import batches, docs, library, runs, sessions, steps

PREFIX = "/api/v1"


def routes() -> APIRouter:
    """Return every operation of the API and the page that lists them."""
    router = APIRouter()
    for module in (runs, library, sessions, steps, batches):
        router.include_router(module.routes(), prefix=PREFIX)
    router.include_router(docs.routes(), include_in_schema=False)
    return router
