"""What there is to choose from: shipped cases and those of the runs, doctors of the catalogue."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from agents import catalog
from scenarios.schema import Case, Language
from scenarios.schema.base import Slug
from simulator.listing import needs_of
from simulator.session import HUMAN
from simulator.web.allowed import may_be_named
from simulator.web.api import answers, models
from simulator.web.api.document import READING, problems
from simulator.web.castings import find_case, shipped_cases
from simulator.web.site import Site, site_of

HERE = Annotated[Site, Depends(site_of)]
OfRun = Annotated[Slug | None, Query(description="a run's cases; none: the shipped ones")]


def routes() -> APIRouter:
    """Return the operations on cases and doctors."""
    router = APIRouter(tags=["library"])

    @router.get("/cases", responses=problems((*READING, 409)), summary="List cases")
    async def list_cases(
        site: HERE, run: OfRun = None, language: Annotated[Language | None, Query()] = None,
        limit: models.Limit = 50, offset: models.Offset = 0,
    ) -> list[answers.CaseItem]:
        return await asyncio.to_thread(_cases, site, run, language, slice(offset, offset + limit))

    @router.get("/cases/{case}", responses=problems((*READING, 409)), summary="One case with its record")
    async def get_case(site: HERE, case: models.CaseName, run: OfRun = None) -> Case:
        return await asyncio.to_thread(find_case, site, run, case)

    @router.get("/doctors", responses=problems(tuple(s for s in READING if s not in (404, 422))),
                summary="List the doctors that may be cast")
    async def list_doctors() -> list[answers.DoctorItem]:
        person = answers.DoctorItem(name=HUMAN, summary="you, by typing", capabilities=[], needs="", allowed=True)
        return [person, *(
            answers.DoctorItem(
                name=spec.name, summary=spec.summary, capabilities=sorted(spec.capabilities), needs=needs_of(spec),
                allowed=may_be_named(spec),
            ) for spec in catalog.specs("doctor").values()
        )]

    return router


def _cases(site: Site, run: str | None, language: str | None, part: slice) -> list[answers.CaseItem]:
    cases = shipped_cases() if run is None else site.runs.find(run).cases()
    if language:
        found = [case for case in cases.values() if case.language == language][part]
    else:
        found = [cases[name] for name in list(cases)[part]]
    return [
        answers.CaseItem(id=case.id, run=run, language=case.language, department=case.department, urgency=case.urgency,
                        complaint=case.chief_complaint)
        for case in found
    ]
