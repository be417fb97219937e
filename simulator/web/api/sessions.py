"""Sessions as JSON: made, listed, looked at, named, deleted, exported; going on is the matter of ``steps``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from scenarios.errors import InputError
from scenarios.schema import BackendRef, Case, Consultation, Turn
from simulator.session import Casting, SessionInfo, Snapshot
from simulator.session.model import recast
from simulator.web import castings
from simulator.web.api import answers, models
from simulator.web.api.document import LOOKING, READING, SPEAKING, WRITING, problems
from simulator.web.site import Site, site_of

HERE = Annotated[Site, Depends(site_of)]


def routes() -> APIRouter:
    """Return the operations on whole sessions."""
    router = APIRouter(tags=["sessions"])

    @router.get("/sessions", responses=problems(LOOKING), summary="List the sessions, newest first")
    async def list_sessions(
        site: HERE, limit: models.Limit = 50, offset: models.Offset = 0
    ) -> list[answers.SessionItem]:
        return [_item(info) for info in (await site.book.list())[offset : offset + limit]]

    @router.post("/sessions", status_code=201, responses=problems(SPEAKING), summary="Begin a session")
    async def create_session(site: HERE, asked: models.NewSession) -> SessionInfo:
        case, casting, wanted = await asyncio.to_thread(_prepared, site, asked)
        session = await site.book.create(case, casting, title=asked.title, source=_source(asked), **wanted)
        return await session.info()

    @router.get("/sessions/{session}", responses=problems(READING), summary="One session with its branches")
    async def get_session(site: HERE, session: models.SessionName) -> SessionInfo:
        return await (await site.book.open(session)).info()

    @router.delete("/sessions/{session}", status_code=204, responses=problems(WRITING), summary="Forget a session")
    async def delete_session(site: HERE, session: models.SessionName) -> None:
        await site.book.delete(session)

    @router.post("/sessions/{session}/label", responses=problems(WRITING), summary="Name a session")
    async def label_session(site: HERE, session: models.SessionName, asked: models.NewLabel) -> SessionInfo:
        found = await site.book.open(session)
        await found.label(asked.text)
        return await found.info()

    @router.get("/sessions/{session}/branches/{branch}", responses=problems(READING), summary="A branch as it stands")
    async def get_branch(site: HERE, session: models.SessionName, branch: models.BranchName) -> Snapshot:
        return await (await site.book.open(session)).snapshot(branch)

    @router.get("/sessions/{session}/branches/{branch}/export", responses=problems(READING),
                summary="A branch as a consultation record")
    async def export_branch(site: HERE, session: models.SessionName, branch: models.BranchName) -> Consultation:
        return await (await site.book.open(session)).consultation(branch)

    return router


def _item(info: SessionInfo) -> answers.SessionItem:
    return answers.SessionItem(
        id=info.id, title=info.title, source=info.source, case=info.case.id, language=info.case.language,
        created_at=info.created_at, branches=[branch.id for branch in info.branches],
        doctors=list(dict.fromkeys(branch.casting.doctor_name for branch in info.branches)),
    )


def chosen(site: Site, choice: models.Choice) -> BackendRef:
    """Return the doctor that a request chose; blocks. Raises UnknownName and InputError."""
    if isinstance(choice, models.Preset):
        return castings.preset(site, choice.run, choice.doctor)
    return castings.checked("doctor", choice.backend, choice.options)


def chosen_name(choice: models.Choice, name: str | None) -> str:
    """Return what people call the doctor that a request chose."""
    return name or (choice.doctor if isinstance(choice, models.Preset) else choice.backend)


def _prepared(site: Site, asked: models.NewSession) -> tuple[Case, Casting, dict[str, Any]]:
    """Return case and casting, and what else ``SessionBook.create`` takes."""
    case = castings.find_case(site, asked.run, asked.case)
    doctor = chosen(site, asked.doctor)
    name = chosen_name(asked.doctor, asked.doctor_name)
    if asked.run is None:
        casting, note = Casting(doctor=doctor, doctor_name=name), ""
    else:
        casting, note = castings.casting_of_run(site.runs.find(asked.run), doctor, name)
    patient = castings.checked("patient", asked.patient.backend, asked.patient.options) if asked.patient else None
    casting = recast(casting, patient=patient, persona=asked.persona, seed=asked.seed, max_turns=asked.max_turns)
    doctors = {name: chosen(site, choice) for name, choice in asked.doctors.items()}
    turns = _turns(site, asked)
    sounds = site.runs.find(asked.run).folder if asked.run and turns else None
    return case, casting, {"doctors": doctors, "turns": turns, "sounds": sounds, "note": note}


def _turns(site: Site, asked: models.NewSession) -> tuple[Turn, ...]:
    if asked.start is None:
        return ()
    if asked.run is None:
        raise InputError("start: turns are taken from a run: name it in 'run'")
    record = site.runs.find(asked.run).consultation(asked.case, asked.start.doctor, asked.start.trial)
    if asked.start.keep > len(record.turns):
        raise InputError(f"start.keep: that consultation has {len(record.turns)} turns")
    return record.turns[: asked.start.keep]


def _source(asked: models.NewSession) -> str:
    if asked.run is None or asked.start is None:
        return asked.run or ""
    return f"{asked.run}/{asked.case}/{asked.start.doctor}/{asked.start.trial}"
