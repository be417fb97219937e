"""Batches started from here as JSON: started from YAML or a named file, watched, stopped."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from scenarios.errors import NotNow
from simulator.web.api import answers, models
from simulator.web.api.document import LOOKING, READING, WRITING, problems
from simulator.web.job import JobView
from simulator.web.job_store import Overrides
from simulator.web.site import Site, site_of

HERE = Annotated[Site, Depends(site_of)]


def routes() -> APIRouter:
    """Return the operations on batches."""
    router = APIRouter(tags=["batches"])

    @router.get("/batches", responses=problems(LOOKING), summary="List the batches, newest first")
    async def list_batches(site: HERE, limit: models.Limit = 50, offset: models.Offset = 0) -> list[answers.JobItem]:
        return [_item(view) for view in (await site.jobs.jobs())[offset : offset + limit]]

    @router.post("/batches", status_code=201, responses=problems(WRITING), summary="Start a batch")
    async def start_batch(site: HERE, asked: models.NewBatch) -> answers.JobItem:
        overrides = Overrides(trials=asked.trials, limit=asked.limit, seed=asked.seed)
        if asked.yaml is not None:
            found = await site.jobs.check(asked.yaml, overrides)
        else:
            found = await site.jobs.check_file(asked.file or 0, overrides)
        if found.needs_consent and asked.consultations != found.consultations:
            raise NotNow(
                f"this holds {found.consultations} consultations and asks models about {found.calls} times: send it "
                f"again with \"consultations\": {found.consultations}"
            )
        return _item(await site.jobs.view((await site.jobs.launch(found)).id))

    @router.get("/batches/{job}", responses=problems(READING), summary="How a batch stands")
    async def get_batch(site: HERE, job: models.JobName) -> answers.JobItem:
        return _item(await site.jobs.view(job))

    @router.post("/batches/{job}/stop", responses=problems(WRITING), summary="Stop a batch; it can be gone on with")
    async def stop_batch(site: HERE, job: models.JobName) -> answers.JobItem:
        await site.jobs.stop(job)
        return _item(await site.jobs.view(job))

    return router


def _item(view: JobView) -> answers.JobItem:
    return answers.JobItem(**{name: getattr(view, name) for name in answers.JobItem.model_fields})
