"""Steps of a session as JSON: on, back, apart, by a person, judged; each answers with where the branch stands then."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends

from scenarios.errors import InputError
from simulator.session import Branch, Session, Snapshot
from simulator.web import castings
from simulator.web.api import models
from simulator.web.api.document import SPEAKING, WRITING, problems
from simulator.web.api.sessions import chosen, chosen_name
from simulator.web.site import Site, site_of


async def session_of(session: models.SessionName, site: Annotated[Site, Depends(site_of)]) -> Session:
    """Return the session that the address names; raises UnknownName."""
    return await site.book.open(session)


HERE = Annotated[Site, Depends(site_of)]
OF = Annotated[Session, Depends(session_of)]
MAYBE = Annotated[models.Step | None, Body()]


def routes() -> APIRouter:
    """Return the operations on a branch."""
    router = APIRouter(prefix="/sessions/{session}/branches/{branch}", tags=["steps"])
    _going_on(router)
    _by_hand(router)
    _branching(router)
    return router


def _going_on(router: APIRouter) -> None:
    @router.post("/next", responses=problems(SPEAKING), summary="Let the agent whose turn it is speak")
    async def step(of: OF, branch: models.BranchName, asked: MAYBE = None) -> Snapshot:
        return await of.next(branch, expected=_expected(asked))

    @router.post("/run", responses=problems(SPEAKING), summary="Go on until it ends or a person is to speak")
    async def run(of: OF, branch: models.BranchName, asked: MAYBE = None) -> Snapshot:
        return await of.run(branch, expected=_expected(asked))

    @router.post("/judge", responses=problems(SPEAKING), summary="Have what was said so far judged")
    async def judge(of: OF, branch: models.BranchName, asked: MAYBE = None) -> Snapshot:
        return await of.judge(branch, expected=_expected(asked))


def _by_hand(router: APIRouter) -> None:
    @router.post("/say", responses=problems(SPEAKING), summary="Speak as doctor or patient in this turn")
    async def say(of: OF, branch: models.BranchName, asked: models.Say) -> Snapshot:
        return await of.say(
            branch, asked.role, asked.text, requests=asked.requests, end=asked.end, expected=asked.expected
        )

    @router.post("/examine", responses=problems(SPEAKING), summary="Order examinations now")
    async def examine(of: OF, branch: models.BranchName, asked: models.Examine) -> Snapshot:
        return await of.examine(branch, asked.requests, expected=asked.expected)

    @router.post("/rewind", responses=problems(WRITING), summary="Go back: the first turns stay")
    async def rewind(of: OF, branch: models.BranchName, asked: models.Rewind) -> Snapshot:
        return await of.rewind(branch, asked.keep, expected=asked.expected)

    @router.post("/edit", responses=problems(WRITING), summary="Rewrite a turn and drop what came after it")
    async def edit(of: OF, branch: models.BranchName, asked: models.Edit) -> Snapshot:
        return await of.edit(branch, asked.number, asked.text, expected=asked.expected)


def _branching(router: APIRouter) -> None:
    @router.post("/fork", status_code=201, responses=problems(SPEAKING), summary="Begin another branch")
    async def fork(site: HERE, of: OF, branch: models.BranchName, asked: models.Fork) -> Branch:
        who = await asyncio.to_thread(_who, site, asked)
        return await of.fork(
            branch, asked.keep, name=asked.name or "", label=asked.label, persona=asked.persona, seed=asked.seed,
            max_turns=asked.max_turns, **who,
        )

    @router.post("/cast", responses=problems(SPEAKING), summary="Put somebody else in a role from here on")
    async def cast(site: HERE, of: OF, branch: models.BranchName, asked: models.Cast) -> Branch:
        if asked.doctor is None and asked.patient is None:
            raise InputError("name a doctor or a patient to put in")
        return await of.cast(branch, **await asyncio.to_thread(_who, site, asked))

    @router.post("/label", responses=problems(WRITING), summary="Name a branch")
    async def label(of: OF, branch: models.BranchName, asked: models.NewLabel) -> Branch:
        await of.label(asked.text, branch)
        return (await of.info()).branch(branch)


def _expected(asked: models.Step | None) -> str:
    return asked.expected if asked else ""


def _who(site: Site, asked: models.Fork | models.Cast) -> dict[str, Any]:
    """Return who is to play; blocks. Raises UnknownName and InputError."""
    who: dict[str, Any] = {}
    if asked.doctor is not None:
        who = {"doctor": chosen(site, asked.doctor), "doctor_name": chosen_name(asked.doctor, asked.doctor_name)}
    if asked.patient is not None:
        who["patient"] = castings.checked("patient", asked.patient.backend, asked.patient.options)
    return who
