"""Run folders as JSON: which there are, what one holds, one consultation, one case under several doctors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import FileResponse

from scenarios.errors import UnknownName
from scenarios.schema import Consultation, Language, StopReason
from scenarios.schema.base import Slug
from simulator.run_list import Run, RunEntry
from simulator.showing.case_pairs import pair_rows, run_differences
from simulator.web.api import answers, models
from simulator.web.api.document import LOOKING, READING, problems
from simulator.web.site import Site, site_of
from simulator.web.sounds import sound_answer, turn_of

HERE = Annotated[Site, Depends(site_of)]
MOST_DOCTORS = 12
PRIVATE = frozenset({"argv", "cwd", "host", "hostname", "folder", "path", "replay_of", "source"})
"""Keys of run.json that may name places of this machine."""


def routes() -> APIRouter:
    """Return the operations on runs."""
    router = APIRouter(tags=["runs"])

    @router.get("/runs", responses=problems(LOOKING), summary="List the runs, newest first")
    async def list_runs(site: HERE, limit: models.Limit = 50, offset: models.Offset = 0) -> list[answers.RunItem]:
        found = await asyncio.to_thread(site.runs.runs)
        return [_item(entry) for entry in found[offset : offset + limit]]

    @router.get("/runs/{run}", responses=problems((*READING, 409)), summary="One run: description and figures")
    async def get_run(site: HERE, run: models.RunName) -> answers.RunDetail:
        return await asyncio.to_thread(_detail, site, run)

    @router.get("/runs/{run}/consultations", responses=problems((*READING, 409)), summary="List a run's consultations")
    async def list_consultations(
        site: HERE, run: models.RunName,
        case: Annotated[Slug | None, Query(description="only this case")] = None,
        doctor: Annotated[Slug | None, Query(description="only this doctor")] = None,
        language: Annotated[Language | None, Query(description="only cases in this language")] = None,
        stop_reason: Annotated[StopReason | None, Query(description="only those that ended so")] = None,
        scored: Annotated[bool | None, Query(description="only those that count, or that do not")] = None,
        failed: Annotated[bool | None, Query(description="only those with failures, or without")] = None,
        limit: models.Limit = 50, offset: models.Offset = 0,
    ) -> answers.Rows:
        wanted = {"case": case, "doctor": doctor, "language": language, "stop": stop_reason}
        return await asyncio.to_thread(_rows, site, run, wanted, scored, failed, slice(offset, offset + limit))

    @router.get("/runs/{run}/consultations/{case}/{doctor}/{trial}", responses=problems((*READING, 409)),
                summary="One consultation: turns, verdicts, metrics")
    async def get_consultation(
        site: HERE, run: models.RunName, case: models.CaseName, doctor: models.DoctorName, trial: models.TrialNumber,
    ) -> Consultation:
        return await asyncio.to_thread(lambda: site.runs.find(run).consultation(case, doctor, trial))

    @router.get("/runs/{run}/consultations/{case}/{doctor}/{trial}/audio/{index}", responses={
        **problems(READING), 200: {"description": "The sound; a Range of it on request.", "content": {"audio/wav": {}}},
    }, response_class=FileResponse, summary="The sound of one turn, as it was spoken or as it was heard")
    async def get_sound(
        site: HERE, run: models.RunName, case: models.CaseName, doctor: models.DoctorName, trial: models.TrialNumber,
        index: Annotated[int, Path(ge=0, le=1_000_000, description="of the turn")],
        which: Annotated[Literal["spoken", "heard"], Query(
            alias="as", description="as it was spoken (Turn.audio), or as it arrived (Turn.heard_audio)")] = "spoken",
    ) -> FileResponse:
        def answer() -> FileResponse:
            stored = site.runs.find(run)
            return sound_answer(
                stored.folder, turn_of(stored.consultation(case, doctor, trial).turns, index), which == "heard")

        return await asyncio.to_thread(answer)

    @router.get("/runs/{run}/cases/{case}/compare", responses=problems((*READING, 409)),
                summary="One case under several doctors, with paired differences")
    async def compare(
        site: HERE, run: models.RunName, case: models.CaseName,
        doctor: Annotated[list[Slug], Query(max_length=MOST_DOCTORS, description="repeatable; none: all")] = [],  # noqa: B006
        trial: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> answers.Comparison:
        return await asyncio.to_thread(_comparison, site, run, case, doctor, trial)

    return router


def _item(entry: RunEntry) -> answers.RunItem:
    return answers.RunItem(
        name=entry.name, created_at=entry.created_at, finished=entry.finished, planned=entry.planned,
        doctors=list(entry.described.get("batch", {}).get("doctors", {})), problem=entry.problem,
    )


def _detail(site: Site, name: str) -> answers.RunDetail:
    run = site.runs.find(name)
    found = next((entry for entry in site.runs.runs() if entry.name == name), None)
    if found is None:
        raise UnknownName("run", name, [entry.name for entry in site.runs.runs()])
    described = {key: value for key, value in run.described.items() if key not in PRIVATE}
    return answers.RunDetail(**_item(found).model_dump(), described=described, summary=run.summary())


def _rows(
    site: Site, name: str, wanted: dict[str, str | None], scored: bool | None, failed: bool | None, part: slice
) -> answers.Rows:
    index = site.runs.find(name).index()
    table = index.table
    keep = np.ones(len(index), bool)
    for column, value in wanted.items():
        if value is not None:
            names = table.names[column]
            keep &= getattr(table, column) == (names.index(value) if value in names else -1)
    if scored is not None:
        keep &= table.scored == scored
    if failed is not None:
        keep &= np.array([(row in index.failures) == failed for row in range(len(index))], bool)
    found = np.flatnonzero(keep)
    total = table.metrics.get("total")

    def row(place: int) -> answers.Row:
        key = index.key(place)
        value = None if total is None or not table.scored[place] or np.isnan(total[place]) else float(total[place])
        words = {name: table.names[name][getattr(table, name)[place]] for name in ("language", "department", "stop")}
        return answers.Row(
            case=key.case, doctor=key.doctor, trial=key.trial, language=words["language"],
            department=words["department"], stop_reason=words["stop"], exchanges=int(table.exchanges[place]),
            scored=bool(table.scored[place]), total=value, failures=list(index.failures.get(place, ())),
        )

    return answers.Rows(count=len(found), rows=[row(int(place)) for place in found[part]])


def _comparison(site: Site, name: str, case: str, asked: Sequence[str], trial: int) -> answers.Comparison:
    run = site.runs.find(name)
    held = _trials(run, case)
    unknown = next((doctor for doctor in asked if doctor not in held), None)
    if unknown is not None:
        raise UnknownName("doctor of this case", unknown, held)
    doctors = list(dict.fromkeys(asked)) or list(held)[:MOST_DOCTORS]
    records = {doctor: {one: run.consultation(case, doctor, one) for one in held[doctor]} for doctor in doctors}
    summary: dict[str, Any] = run.summary()
    pairs = []
    for a, b in combinations(doctors, 2):
        rows = pair_rows(records[a], records[b], run_differences(summary, a, b), "not over the whole run")
        pairs.append(answers.Pair(a=a, b=b, metrics=[
            answers.MetricPair(
                metric=one.metric, a=one.of_a, b=one.of_b,
                here=answers.Difference(**asdict(one.here)) if one.here else None,
                run=answers.Difference(**asdict(one.run)) if one.run else None,
            ) for one in rows
        ]))
    shown = [records[doctor][trial] for doctor in doctors if trial in records[doctor]]
    return answers.Comparison(case=case, trial=trial, consultations=shown, pairs=pairs)


def _trials(run: Run, case: str) -> dict[str, list[int]]:
    """Return the trials of each doctor on ``case``; raises UnknownName when the run holds none."""
    index = run.index()
    names = index.table.names
    if case not in names["case"]:
        raise UnknownName("case of this run", case, names["case"])
    held: dict[str, list[int]] = {}
    for row in np.flatnonzero(index.table.case == names["case"].index(case)):
        key = index.key(int(row))
        held.setdefault(key.doctor, []).append(key.trial)
    return held
