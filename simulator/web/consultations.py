"""Routes of one stored consultation: its page, the sound of a turn, what its model was asked; they decide nothing."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import FileResponse, HTMLResponse

from scenarios.errors import UnknownName
from scenarios.schema import Case, Consultation, KeyId, Slug
from scenarios.schema.base import Text
from simulator.asked import Asked, asked, asked_of_judge
from simulator.measured import measured_turns
from simulator.run_list import Run
from simulator.showing.reading import Reading, neighbours, reading
from simulator.web.site import Site, page, site_of
from simulator.web.sounds import sound_answer, turn_of

Here = Annotated[Site, Depends(site_of)]
Number = Annotated[int, Path(ge=0, le=1_000_000)]
ONE = "/runs/{run}/c/{case}/{doctor}/{trial}"


def routes() -> APIRouter:
    """Return the routes below ``/runs/{run}/c/{case}/{doctor}/{trial}``."""
    router = APIRouter()
    router.get(ONE, response_class=HTMLResponse)(consultation_page)
    router.get(ONE + "/audio/{index}", response_class=FileResponse)(audio)
    router.get(ONE + "/prompt/{index}", response_class=HTMLResponse)(prompt_page)
    router.get(ONE + "/judge-prompt/{judge}", response_class=HTMLResponse)(judge_prompt_page)
    return router


async def consultation_page(
    site: Here, run: Slug, case: Slug, doctor: Slug, trial: Number, t: Annotated[int | None, Query(ge=0)] = None,
) -> HTMLResponse:
    """Answer with a consultation; ``t`` is the ``Turn.index`` to mark."""

    def read() -> Reading:
        stored = site.runs.find(run)
        record, told = _stored(stored, case, doctor, trial)
        beside = neighbours(stored.index(), KeyId(case, doctor, trial))
        persona = stored.described.get("batch", {}).get("patient", {}).get("persona")
        measured = measured_turns(stored.folder, case, doctor).get(trial)
        return reading(record, told, site.links, run, beside, persona=persona, current=t, measured=measured)

    return await page(site, "consultation.html.j2", section="runs", reading=await asyncio.to_thread(read))


async def audio(
    site: Here, run: Slug, case: Slug, doctor: Slug, trial: Number, index: Number,
    which: Annotated[Literal["spoken", "heard"], Query(alias="as")] = "spoken",
) -> FileResponse:
    """Answer with the sound of a turn, as it was spoken or as it arrived, or the part of it that was asked for."""

    def find() -> FileResponse:
        stored = site.runs.find(run)
        turn = turn_of(stored.consultation(case, doctor, trial).turns, index)
        return sound_answer(stored.folder, turn, which == "heard")

    return await asyncio.to_thread(find)


async def prompt_page(site: Here, run: Slug, case: Slug, doctor: Slug, trial: Number, index: Number) -> HTMLResponse:
    """Answer with what the model behind a turn was given."""

    def read() -> tuple[Consultation, Asked]:
        stored = site.runs.find(run)
        record, told = _stored(stored, case, doctor, trial)
        turn_of(record.turns, index)
        return record, asked(stored.described, _known(told, run, case), record, index)

    record, given = await asyncio.to_thread(read)
    return await page(
        site, "prompt.html.j2", section="runs", run=run, record=record, turn=turn_of(record.turns, index), asked=given,
        back=site.links.consultation(run, record.key, index), lang=_language(record),
    )


async def judge_prompt_page(
    site: Here, run: Slug, case: Slug, doctor: Slug, trial: Number, judge: Text
) -> HTMLResponse:
    """Answer with what a judge's model was given about a consultation."""

    def read() -> tuple[Consultation, Asked]:
        stored = site.runs.find(run)
        record, told = _stored(stored, case, doctor, trial)
        return record, asked_of_judge(stored.described, _known(told, run, case), record, judge)

    record, given = await asyncio.to_thread(read)
    return await page(
        site, "prompt.html.j2", section="runs", run=run, record=record, judge=judge, asked=given,
        back=site.links.consultation(run, record.key), lang=_language(record),
    )


def _stored(run: Run, case: str, doctor: str, trial: int) -> tuple[Consultation, Case | None]:
    return run.consultation(case, doctor, trial), run.cases().get(case)


def _known(case: Case | None, run: str, name: str) -> Case:
    if case is None:
        raise UnknownName(f"case of run {run}, without which no prompt can be made again", name, ())
    return case


def _language(record: Consultation) -> str:
    return {"zh": "zh-Hans"}.get(record.language, "en")
