"""The route that shows one case under several doctors side by side; it decides nothing."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse
from pydantic import StringConstraints

from scenarios.schema import Slug
from simulator.showing.entrants import compare_case
from simulator.web.site import Site, page, site_of

Doctor = Annotated[str, StringConstraints(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$"
)]
"""A doctor of the page's run, or RUN/DOCTOR of another one."""


def routes() -> APIRouter:
    """Return the route ``/runs/{run}/compare/{case}``."""
    router = APIRouter()
    router.get("/runs/{run}/compare/{case}", response_class=HTMLResponse)(compare_page)
    return router


async def compare_page(
    site: Annotated[Site, Depends(site_of)], run: Slug, case: Slug,
    doctor: Annotated[list[Doctor] | None, Query(max_length=100)] = None,
    trial: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> HTMLResponse:
    """Answer with the case under the doctors that were asked for; under all of the run when none was."""
    shown = await asyncio.to_thread(compare_case, site.runs, run, case, doctor or [], trial, site.links)
    return await page(site, "compare.html.j2", section="runs", shown=shown)
