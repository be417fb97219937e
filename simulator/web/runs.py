"""Routes of the list of runs and of one run; they read through the site's RunList and decide nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from scenarios.schema import Slug
from simulator.measured import gap_counts
from simulator.report import context, silent
from simulator.run_list import Run
from simulator.showing.filters import Filters
from simulator.showing.links import Links
from simulator.showing.run_page import listing, run_card
from simulator.web.site import Site, page, site_of

Here = Annotated[Site, Depends(site_of)]


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    finished: int
    planned: int
    underway: bool


def routes() -> APIRouter:
    """Return the routes ``/`` and ``/runs/{run}``."""
    router = APIRouter()
    router.get("/", response_class=HTMLResponse)(home_page)
    router.get("/runs/{run}", response_class=HTMLResponse)(run_page)
    return router


async def home_page(site: Here) -> HTMLResponse:
    """Answer with every run, newest first."""
    entries = await asyncio.to_thread(site.runs.runs)
    cards = [run_card(entry, site.links) for entry in entries]
    return await page(site, "runs.html.j2", section="runs", cards=cards, root=str(site.runs.root))


async def run_page(site: Here, run: Slug, request: Request) -> HTMLResponse:
    """Answer with a run's figures and the consultations that the address asks for."""
    filters = Filters.read(request.query_params)
    shown = await asyncio.to_thread(lambda: run_context(site.runs.find(run), filters, site.links))
    return await page(site, "run.html.j2", section="runs", **shown)


def run_context(run: Run, filters: Filters, links: Links) -> dict[str, Any]:
    """Return everything the template of a run shows: figures, progress and the list of consultations.

    Raises:
        RunFolderError: the folder cannot be read or understood.
    """
    index, described = run.index(), run.described
    summary = run.summary(index)
    shown = listing(index, filters, run.search(filters.q, index), links, run.name)
    planned = max(int(described["planned"]), len(index))
    return {
        **context(described, summary, index.table, index.curves, gap_counts(run.folder)),
        "shown": shown, "name": run.name,
        "folder": str(run.folder), "created_at": run.created_at,
        "reasons": {**index.reasons.main(), **silent(summary)},
        "progress": Progress(len(index), planned, run.underway(len(index))),
    }
