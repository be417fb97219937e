"""Batches started from the browser: each a ``clinic run`` child process, known again after the server's restart.

It decides what may be started, stopped and gone on with; it holds no consultation and shows no page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import structlog

from scenarios.errors import InputError, NotNow, UnknownName
from simulator.store import RUN
from simulator.web.job import Job, JobView, view_of
from simulator.web.job_check import Checked, check_file, check_text
from simulator.web.job_process import is_ours, spawn, wind_down
from simulator.web.job_progress import Standing
from simulator.web.job_store import Entry, JobStore, Kept, Overrides
from simulator.web.settings import Settings

log = structlog.get_logger(__name__)

MAX_RUNNING = 4
LOOK_S = 0.5


class Jobs:
    """All batches that were started from a browser over one folder of runs."""

    def __init__(self, settings: Settings) -> None:
        """Remember where; the disk is first looked at when something is asked."""
        self._runs = settings.runs.resolve()
        self._files = tuple(file.resolve() for file in settings.batches)
        self._store = JobStore(self._runs)
        self._jobs: dict[str, Job] = {}
        self._changing = asyncio.Lock()

    @property
    def files(self) -> tuple[Path, ...]:
        """The batch files that may be started, by place."""
        return self._files

    async def check(self, yaml_text: str, overrides: Overrides | None = None) -> Checked:
        """Read pasted YAML without starting it; raises BatchFileError and its kin, named ``batch.yaml``."""
        return await asyncio.to_thread(check_text, yaml_text, overrides or Overrides())

    async def check_file(self, place: int, overrides: Overrides | None = None) -> Checked:
        """Read the batch file at ``place`` of ``files`` without starting it; raises UnknownName and InputError."""
        if not 0 <= place < len(self._files):
            raise UnknownName("batch file", str(place), map(str, range(len(self._files))))
        return await asyncio.to_thread(check_file, self._files[place], overrides or Overrides())

    async def start(self, yaml_text: str, overrides: Overrides | None = None) -> Job:
        """Start a pasted batch; raises what ``check`` and ``launch`` raise."""
        return await self.launch(await self.check(yaml_text, overrides))

    async def start_file(self, place: int, overrides: Overrides | None = None) -> Job:
        """Start the batch file at ``place``; raises what ``check_file`` and ``launch`` raise."""
        return await self.launch(await self.check_file(place, overrides))

    async def launch(self, checked: Checked) -> Job:
        """Start what was checked, as a new run named after the batch.

        Raises:
            NotNow: as many batches run as may at once.
            InputError: the view shows one run, so that there is no place for another.
            RunFolderError: the folder of runs cannot be written.
        """
        async with self._changing:
            await self._load()
            self._make_sure_there_is_room()
            kept = Kept(
                run=self._free_name(checked.batch.name), description=checked.batch.description[:2000],
                file=str(checked.file or ""), overrides=checked.overrides, planned=checked.consultations,
                created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
            entry = await asyncio.to_thread(self._store.add, kept, checked.text)
            job = self._job(entry)
            await self._spawn(job, checked.overrides.flags())
            return job

    async def resume(self, job_id: str) -> Job:
        """Go on with a batch that was stopped, killed or failed; nothing finished is repeated.

        Its text is checked again: it may come from a folder that somebody else gave.

        Raises:
            UnknownName: there is no such batch.
            NotNow: it is at work, or is finished.
            InputError: its file is no longer among those that this view may start, or is wrong by now.
        """
        async with self._changing:
            job = await self._find(job_id)
            if (state := await asyncio.to_thread(job.state)) not in ("stopped", "failed"):
                raise NotNow(f"the batch {job_id!r} is {state}: there is nothing to go on with")
            self._make_sure_there_is_room()
            kept = job.entry.kept
            if kept.file:
                if Path(kept.file) not in self._files:
                    raise InputError(f"the view may not start {kept.file}: add --batch {kept.file} to clinic view")
                await asyncio.to_thread(check_file, Path(kept.file), kept.overrides)
            else:
                text = await asyncio.to_thread(job.entry.text)
                if not text:
                    raise InputError("the batch's text is gone from the folder of runs: start it anew")
                await asyncio.to_thread(check_text, text, kept.overrides)
            await self._spawn(job, [*kept.overrides.flags(), "--resume"])
            return job

    async def stop(self, job_id: str) -> Job:
        """Let a batch end so that it can be gone on with; returns at once. Raises UnknownName and NotNow."""
        job = await self.find(job_id)
        if not await asyncio.to_thread(job.is_alive):
            raise NotNow(f"the batch {job_id!r} is not running")
        pid = job.process.pid if job.process else job.entry.kept.pid
        if job.process is None and not is_ours(pid, job.run):
            raise NotNow(f"the run {job_id!r} is written by a process that this view did not start: stop it there")
        if job.ending is None or job.ending.done():
            job.ending = asyncio.create_task(wind_down(pid, job.is_alive))
        return job

    async def jobs(self) -> list[JobView]:
        """Return every batch, newest first."""
        await self._load()
        return [await asyncio.to_thread(view_of, job) for job in self._newest_first()]

    async def find(self, job_id: str) -> Job:
        """Return one batch; raises UnknownName."""
        await self._load()
        return await self._find(job_id)

    async def view(self, job_id: str) -> JobView:
        """Return how a batch stands; raises UnknownName."""
        job = await self.find(job_id)
        return await asyncio.to_thread(view_of, job, whole=True)

    async def text(self, job_id: str) -> str:
        """Return the YAML that a batch was pasted as, '' when it came from a file or is gone; raises UnknownName."""
        entry = (await self.find(job_id)).entry
        return "" if entry.kept.file else await asyncio.to_thread(entry.text)

    async def watch(self, job_id: str) -> AsyncIterator[JobView]:
        """Yield how a batch stands whenever that changed, at most twice a second, until it ends."""
        job = await self.find(job_id)
        last: JobView | None = None
        while last is None or last.is_active:
            if last is not None:
                await asyncio.sleep(LOOK_S)
            view = await asyncio.to_thread(view_of, job, whole=True)
            if view != last:
                yield view
            last = view

    async def aclose(self) -> None:
        """End the batches of this server; each can be gone on with later."""
        alive = self._running()
        if alive:
            log.info("batches are being stopped; resume them from the page", batches=[job.id for job in alive])
        await asyncio.gather(*(self.stop(job.id) for job in alive), return_exceptions=True)
        waited = [task for job in self._jobs.values() for task in (job.ending, job.watching) if task is not None]
        if waited:
            await asyncio.wait(waited)

    async def _load(self) -> None:
        """Learn of jobs that another server, or an earlier one, started."""
        for entry in await asyncio.to_thread(self._store.entries):
            known = self._jobs.get(entry.kept.run)
            if known is None:
                self._job(entry)
            elif not known.is_own:
                known.entry = entry

    def _job(self, entry: Entry) -> Job:
        run = self._runs / entry.kept.run
        return self._jobs.setdefault(entry.kept.run, Job(entry, run, Standing(run)))

    async def _find(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise UnknownName("batch", job_id, self._jobs)
        return self._jobs[job_id]

    def _running(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.process is not None]

    def _newest_first(self) -> list[Job]:
        return sorted(self._jobs.values(), key=lambda job: job.entry.kept.created_at, reverse=True)

    def _make_sure_there_is_room(self) -> None:
        if (self._runs / RUN).exists():
            raise InputError("this view was opened on one run; to start batches, open it on the folder above")
        running = [job.id for job in self._running()]
        if len(running) >= MAX_RUNNING:
            raise NotNow(f"{len(running)} batches are running ({', '.join(running)}): wait for one, or stop one")

    def _free_name(self, name: str) -> str:
        """Return ``name``, or with a number when there is such a run already."""
        tried, number = name, 1
        while tried in self._jobs or (self._runs / tried).exists():
            number += 1
            tried = f"{name[: 99 - len(str(number))]}-{number}"
        return tried

    async def _spawn(self, job: Job, flags: list[str]) -> None:
        await asyncio.to_thread(job.standing.begin)
        process = await spawn(job.entry.batch, job.run, job.entry.log, flags)
        job.process, job.is_own, job.ending = process, True, None
        try:
            await asyncio.to_thread(self._keep, job, pid=process.pid, ended="", finished=None)
        finally:
            job.watching = asyncio.create_task(self._follow(job, process))

    async def _follow(self, job: Job, process: asyncio.subprocess.Process) -> None:
        """Note how the process ended; until that is kept it counts as running."""
        code = await process.wait()
        asked = job.ending is not None
        ended = "finished" if code == 0 else "stopped" if asked or code < 0 or code == 130 else "failed"
        try:
            await asyncio.to_thread(job.standing.refresh)
            await asyncio.to_thread(self._keep, job, ended=ended, finished=job.standing.finished, pid=0)
        finally:
            job.process = None
        log.info("a batch ended", batch=job.id, ended=ended, code=code)

    def _keep(self, job: Job, **changed: object) -> None:
        entry = Entry(job.entry.folder, job.entry.kept.model_copy(update=changed))
        job.entry = self._store.write(entry)
