"""What every route of one server shares, held by the app and never by a module; and how a page is answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from simulator import pages
from simulator.run_list import RunList
from simulator.session import SessionBook
from simulator.showing.links import Links
from simulator.web.jobs import Jobs
from simulator.web.settings import Settings


@dataclass(frozen=True)
class Site:
    """Runs on disk, live sessions, batches under way, and the secret that forms of this server carry."""

    settings: Settings
    runs: RunList
    book: SessionBook
    jobs: Jobs
    csrf: str
    links: Links


def site_of(request: Request) -> Site:
    """Return the site that answers ``request`` (a FastAPI dependency: ``Annotated[Site, Depends(site_of)]``)."""
    site: Site = request.app.state.site
    return site


async def page(site: Site, template: str, status: int = 200, /, **context: Any) -> HTMLResponse:
    """Return ``templates/web/<template>`` rendered in a thread, so that no page keeps the event loop waiting."""
    made = pages.environment().get_template(f"web/{template}")
    text = await asyncio.to_thread(made.render, links=site.links, csrf=site.csrf, **context)
    return HTMLResponse(text, status)
