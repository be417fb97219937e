"""The pages that start batches and show them under way; what may be started, and how, is decided in ``jobs``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel

from scenarios.errors import ClinicError, InputError
from scenarios.loader import load_batch
from scenarios.schema import Slug
from simulator.web.job import JobView
from simulator.web.job_check import Checked, problem_line
from simulator.web.job_store import Overrides
from simulator.web.jobs import Jobs
from simulator.web.site import Site, page, site_of
from simulator.web.sse import Event, sse

EXAMPLE = """\
# Six shipped cases, two embedded doctors: a few seconds, no model and no network.
name: first-batch
cases:
  - {library: zh, limit: 3}
  - {library: en, limit: 3}
doctors:
  careful: {backend: history-taker}
  quick: {backend: one-shot}
judges: [{backend: rubric}]
trials: 2
seed: 2026
"""
Here = Annotated[Site, Depends(site_of)]


class Asked(BaseModel):
    """The form as it was sent: a pasted batch or the place of a file, and what is changed of it for this run."""

    action: Literal["check", "start"] = "check"
    text: str = ""
    place: str = ""
    trials: str = ""
    limit: str = ""
    confirmed: str = ""

    def overrides(self) -> Overrides:
        """Return the numbers; raises InputError."""
        return Overrides(trials=_number(self.trials, "Trials", 1000), limit=_number(self.limit, "First cases", 10**6))


@dataclass(frozen=True)
class Offered:
    """A batch file that may be started; ``problem`` says why it cannot."""

    place: int
    file: str
    name: str
    description: str
    problem: str = ""


def routes() -> APIRouter:
    """Return the routes below ``/batches``."""
    router = APIRouter()
    router.add_api_route("/batches", overview, response_class=HTMLResponse)
    router.add_api_route("/batches", submit, methods=["POST"], response_class=HTMLResponse)
    router.add_api_route("/batches/{job}", one, response_class=HTMLResponse)
    router.add_api_route("/batches/{job}/events", events, response_class=StreamingResponse)
    router.add_api_route("/batches/{job}/stop", stop, methods=["POST"], response_class=RedirectResponse)
    router.add_api_route("/batches/{job}/resume", resume, methods=["POST"], response_class=RedirectResponse)
    return router


async def overview(site: Here, like: Slug | None = None) -> HTMLResponse:
    """Show the form and every batch; ``like`` fills the form with the text of an earlier one."""
    text = EXAMPLE if like is None else await site.jobs.text(like)
    return await _overview(site, Asked(text=text or EXAMPLE))


async def submit(site: Here, asked: Annotated[Asked, Form()]) -> Response:
    """Check what was sent, and start it when that was asked and nothing is left to confirm."""
    try:
        checked = await _check(site.jobs, asked)
        agreed = not checked.needs_consent or asked.confirmed == str(checked.consultations)
        if asked.action == "start" and agreed:
            job = await site.jobs.launch(checked)
            return RedirectResponse(site.links.batches(job.id), 303)
    except ClinicError as error:
        return await _overview(site, asked, 400, problem=str(error), line=problem_line(error))
    return await _overview(site, asked, checked=checked)


async def one(job: Slug, site: Here) -> HTMLResponse:
    """Show one batch: how far it is, how the doctors stand, what it printed."""
    view = await site.jobs.view(job)
    text = await site.jobs.text(job)
    return await page(site, "batch.html.j2", section="batches", job=view, now=shown(view), text=text)


async def events(job: Slug, site: Here) -> StreamingResponse:
    """Tell how a batch goes on: ``progress`` with what ``shown`` returns, then ``end`` with its last state."""
    await site.jobs.find(job)
    return sse(_told(site.jobs, job))


async def stop(job: Slug, site: Here) -> RedirectResponse:
    """Let a batch end, resumable."""
    await site.jobs.stop(job)
    return RedirectResponse(site.links.batches(job), 303)


async def resume(job: Slug, site: Here) -> RedirectResponse:
    """Go on with a batch."""
    await site.jobs.resume(job)
    return RedirectResponse(site.links.batches(job), 303)


def shown(view: JobView) -> dict[str, Any]:
    """Return how a batch stands in the words of the page; the same when it is loaded and while it is watched."""
    parts = [f"{view.finished:,} of {view.planned:,} consultations"]
    if view.rate:
        parts.append(f"{view.rate:.1f} a second" if view.rate >= 1 else f"{view.rate * 60:.1f} a minute")
    if view.left_s is not None and view.finished < view.planned:
        parts.append(f"about {_span(view.left_s)} left")
    if view.state == "running" and view.finished >= view.planned:
        parts.append("writing summary and report")
    elif view.state == "running" and not view.has_run:
        parts.append("getting ready")
    return {
        "state": view.state, "finished": view.finished, "planned": view.planned, "words": " · ".join(parts),
        "failures": [f"{owner} {count:,}" for owner, count in view.failures.items()],
        "means": [{"doctor": one.doctor, "mean": f"{one.mean:.1f}", "share": round(min(100, max(0, one.mean)), 1),
                   "count": f"{one.count:,}"} for one in view.means],
        "log": "\n".join(view.log), "has_run": view.has_run,
    }


async def _told(jobs: Jobs, job: str) -> AsyncIterator[Event]:
    state = ""
    async for view in jobs.watch(job):
        state = view.state
        yield Event("progress", shown(view))
    yield Event("end", {"state": state})


async def _check(jobs: Jobs, asked: Asked) -> Checked:
    overrides = asked.overrides()
    if not asked.place:
        return await jobs.check(asked.text, overrides)
    if not (asked.place.isascii() and asked.place.isdigit() and len(asked.place) < 5):
        raise InputError("choose one of the batch files in the list")
    return await jobs.check_file(int(asked.place), overrides)


async def _overview(
    site: Site, asked: Asked, status: int = 200, *, checked: Checked | None = None, problem: str = "",
    line: int | None = None,
) -> HTMLResponse:
    views = await site.jobs.jobs()
    offered = await asyncio.to_thread(lambda: [_offered(*each) for each in enumerate(site.jobs.files)])
    return await page(
        site, "batches.html.j2", status, section="batches", asked=asked, checked=checked, problem=problem, line=line,
        jobs=[(view, shown(view)) for view in views], offered=offered, text=asked.text or EXAMPLE,
    )


def _offered(place: int, file: Path) -> Offered:
    try:
        batch, _ = load_batch(file)
    except ClinicError as error:
        return Offered(place, file.name, "", "", str(error))
    return Offered(place, file.name, batch.name, " ".join(batch.description.split()))


def _number(text: str, name: str, most: int) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= most):
        raise InputError(f"{name} must be a number from 1 to {most:,} or empty (as the batch says), got {text[:20]!r}")
    return int(text)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
