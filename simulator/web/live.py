"""The routes of live sessions: their list, the form that starts one, a session's page, its events, its actions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from agents.sound.wave import read_sound
from scenarios.errors import ClinicError, UnknownName
from scenarios.schema import Slug
from simulator.session import Session
from simulator.showing.live_page import BESIDE, known_doctors, known_patient, live_address, live_page, mark_of
from simulator.web.limits import MAX_SOUND
from simulator.web.live_actions import ACTIONS, Asked, Done, perform
from simulator.web.live_events import Hub, Topic
from simulator.web.live_forms import AXES, Doctors, Fields, fields_of, patient_groups
from simulator.web.live_new import Start, begin, start_again, start_of, summaries
from simulator.web.problems import problem_of, wants_json
from simulator.web.site import Site, page, site_of
from simulator.web.sounds import sound_answer, turn_of
from simulator.web.sse import Event, sse

Here = Annotated[Site, Depends(site_of)]
Branches = Annotated[list[Slug] | None, Query(max_length=BESIDE + 1)]
Index = Annotated[int | None, Query(ge=0, le=1_000_000)]


def routes() -> APIRouter:
    """Return the routes below ``/live``; with the router lives what all browsers of one server share."""
    hub = Hub()
    live = Live(hub, Doctors())
    router = APIRouter(lifespan=hub.lifespan)
    router.add_api_route("/live", live.overview, response_class=HTMLResponse)
    router.add_api_route("/live/new", live.ask, response_class=HTMLResponse)
    router.add_api_route("/live/new", live.make, methods=["POST"], response_class=Response)
    router.add_api_route("/live/{session}", live.show, response_class=HTMLResponse)
    router.add_api_route("/live/{session}/events", live.events, response_class=StreamingResponse)
    router.add_api_route("/live/{session}/audio/{branch}/{index}", live.audio, response_class=FileResponse)
    router.add_api_route("/live/{session}/microphone", live.microphone, methods=["POST"], response_class=JSONResponse)
    router.add_api_route("/live/{session}/do/{action}", live.do, methods=["POST"], response_class=Response)
    return router


class Live:
    """The handlers, with what they share: who looks at what, and which doctors answer."""

    def __init__(self, hub: Hub, doctors: Doctors) -> None:
        """Keep both."""
        self._hub, self._doctors = hub, doctors

    async def overview(self, site: Here) -> HTMLResponse:
        """Answer with all sessions and the form that starts one."""
        start = await asyncio.to_thread(start_of, site, Fields({}))
        return await self._form(site, start, sessions=await summaries(site.book, site.links))

    async def ask(self, request: Request, site: Here) -> HTMLResponse:
        """Answer with the form that starts a session, filled in with what the address names."""
        asked = dict(request.query_params)
        asked["from_doctor"] = asked.pop("doctor", "")
        start = await asyncio.to_thread(start_of, site, Fields(asked))
        return await self._form(site, start)

    async def make(self, request: Request, site: Here) -> Response:
        """Begin a session and lead to its page."""
        fields = await fields_of(request)
        try:
            session = await begin(site, fields)
        except ClinicError as error:
            start = await asyncio.to_thread(start_again, site, fields)
            problem = problem_of(error, in_api=False)
            return await self._form(site, start, status=problem.status, notice=problem.detail)
        return RedirectResponse(site.links.live(session.id), 303)

    async def show(self, site: Here, session: Slug, branch: Branches = None, t: Index = None) -> HTMLResponse:
        """Answer with a session's page: the first branch named is the live one, others stand beside it."""
        return await self._page(site, await site.book.open(session), tuple(branch or ()), t)

    async def events(self, site: Here, session: Slug, branch: Slug = "main") -> StreamingResponse:
        """Answer with what happens in a branch, for as long as the browser looks at it."""
        found = await site.book.open(session)
        (await found.info()).branch(branch)

        async def state() -> dict[str, Any]:
            info, shown = await found.info(), await found.snapshot(branch)
            return {"mark": mark_of(info, shown), "revision": shown.revision, "turns": len(shown.turns),
                    "waiting": shown.waiting, "human": shown.for_human}

        async def told() -> AsyncIterator[Event]:
            async for event in self._hub.watch(Topic(session, branch), state):
                yield event

        return sse(told())

    async def audio(
        self, site: Here, session: Slug, branch: Slug, index: Annotated[int, Path(ge=0, le=1_000_000)],
        which: Annotated[Literal["spoken", "heard"], Query(alias="as")] = "spoken",
    ) -> FileResponse:
        """Answer with the sound of a turn, as it was spoken or as it arrived, or the part of it that was asked for.

        What was said before a session began lies in the run that it began from.
        """
        found = await site.book.open(session)
        turn, source = turn_of((await found.snapshot(branch)).turns, index), (await found.info()).source

        def answer() -> FileResponse:
            try:
                return sound_answer(found.shelf.root, turn, which == "heard")
            except UnknownName:
                if not source:
                    raise
            return sound_answer(site.runs.find(source.partition("/")[0]).folder, turn, which == "heard")

        return await asyncio.to_thread(answer)

    async def microphone(
        self, request: Request, site: Here, session: Slug, role: Literal["patient", "doctor"], branch: Slug = "main",
        expected: Annotated[str, Query(max_length=100)] = "",
    ) -> JSONResponse:
        """Take a sound that a person recorded or chose; answer with what was understood, which the form then says."""
        sound = await asyncio.to_thread(read_sound, await request.body(), name="the recording")
        found = await (await site.book.open(session)).recorded(branch, role, sound, expected=expected)
        return JSONResponse(found._asdict())

    async def do(self, request: Request, site: Here, session: Slug, action: Slug) -> Response:
        """Do what a form asks for, then lead to the page; a script is answered with the new revision."""
        if action not in ACTIONS:
            raise HTTPException(404, "there is no such action")
        found, fields, scripted = await site.book.open(session), await fields_of(request), wants_json(request.scope)
        info = await found.info()
        branch = info.branch(fields.text("branch", 100) or info.branches[0].id)
        try:
            done = await perform(action, Asked(site, self._hub, found, info, branch, fields, scripted))
        except ClinicError as error:
            if scripted:
                raise
            problem = problem_of(error, in_api=False)
            return await self._page(site, found, (branch.id,), None, problem.status, notice=problem.detail,
                                    typed=fields)
        if not scripted:
            return RedirectResponse(done.href or live_address(site.links, session, (done.branch,)), 303)
        return JSONResponse(await _told(found, done))

    async def _page(
        self, site: Site, session: Session, branches: tuple[str, ...], picked: int | None, status: int = 200, *,
        notice: str = "", typed: Fields | None = None,
    ) -> HTMLResponse:
        info = await session.info()
        names = tuple(dict.fromkeys(branches)) or (info.branches[0].id,)
        for name in names:
            info.branch(name)
        found = await asyncio.gather(*(session.snapshot(one.id) for one in info.branches))
        snapshots = {one.branch: one for one in found}
        shown = await asyncio.to_thread(live_page, info, snapshots, names, site.links, picked)
        return await page(
            site, "live.html.j2", status, section="live", page=shown, notice=notice, typed=typed or Fields({}),
            doctors=await self._doctors.groups(known_doctors(info)), patients=patient_groups(), axes=AXES,
            patient=known_patient(info), running=self._hub.under_way(Topic(session.id, names[0])),
            most_sound=MAX_SOUND,
        )

    async def _form(self, site: Site, start: Start, status: int = 200, **context: Any) -> HTMLResponse:
        doctors = await self._doctors.groups(start.known, of=f"Of run {start.run}")
        sessions = context.pop("sessions", None)
        return await page(
            site, "live_new.html.j2" if sessions is None else "live_list.html.j2", status, section="live", start=start,
            doctors=doctors, patients=patient_groups(), axes=AXES, sessions=sessions, notice=context.pop("notice", ""),
        )


async def _told(session: Session, done: Done) -> dict[str, Any]:
    """Return what a script is told of what it asked for."""
    if done.href or not done.branch:
        return {"href": done.href}
    try:
        shown = await session.snapshot(done.branch)
    except UnknownName:
        return {"href": ""}
    return {"revision": shown.revision, "turns": len(shown.turns), "waiting": shown.waiting, "running": done.running}
