"""Puts the server together: settings become an application of pages, API and guards; nothing is kept in a module."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware

from scenarios.errors import InputError
from simulator import pages
from simulator.run_list import RunList
from simulator.session import open_book
from simulator.web import api, assets, batches, compare, consultations, live, runs
from simulator.web.api.document import DESCRIPTION, describe
from simulator.web.csrf import CsrfGuard
from simulator.web.gate import Gate
from simulator.web.jobs import Jobs
from simulator.web.limits import Limits
from simulator.web.links import ServerLinks
from simulator.web.problems import Problems
from simulator.web.security import HostGuard, OriginGuard, SafeAnswers
from simulator.web.settings import Settings
from simulator.web.site import Site


def make_app(settings: Settings) -> FastAPI:
    """Return the application of ``clinic view``; its lifespan opens the sessions and ends the batches it started.

    Raises:
        InputError: other machines could reach it, and no token is set.
    """
    if not settings.is_loopback and not settings.token:
        raise InputError(f"a server on {settings.host} can be reached by others: give it a token")
    files = assets.read_assets()
    links, csrf = ServerLinks(files.version), secrets.token_urlsafe(32)
    problems = Problems(links)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for first in ("runs", "run", "consultation"):  # compiled before anybody waits for them
            await asyncio.to_thread(pages.environment().get_template, f"web/{first}.html.j2")
        async with open_book(settings.sessions) as book:
            jobs = Jobs(settings)
            app.state.site = Site(settings, RunList(settings.runs), book, jobs, csrf, links)
            try:
                yield
            finally:
                await jobs.aclose()

    app = FastAPI(
        title="Clinic Simulator", version="1", description=DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None, openapi_url="/api/openapi.json",
        middleware=[  # from the outside inwards
            Middleware(SafeAnswers, problems=problems),
            Middleware(HostGuard, problems=problems, settings=settings),
            Middleware(Limits, problems=problems),
            Middleware(OriginGuard, problems=problems),
            Middleware(Gate, problems=problems, settings=settings),
            Middleware(CsrfGuard, problems=problems, settings=settings, secret=csrf),
        ],
    )
    problems.install(app)
    app.include_router(assets.routes(files), include_in_schema=False)
    for module in (runs, consultations, compare, live, batches):
        app.include_router(module.routes(), include_in_schema=False)
    app.include_router(api.routes())
    describe(app)
    return app
