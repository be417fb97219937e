"""One batch started from the browser, and what a page shows of it; it starts and ends nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from simulator.store import RUN, SUMMARY
from simulator.web.job_process import is_locked, is_ours
from simulator.web.job_progress import Mean, Standing
from simulator.web.job_store import Entry

LOG_LINES = 30
State = Literal["running", "stopping", "finished", "stopped", "failed"]


@dataclass
class Job:
    """One batch: what is kept of it, its run folder, and its process while this server has one for it.

    ``is_own`` is True once this server started a process for it: then nobody else's word on it is taken.
    """

    entry: Entry
    run: Path
    standing: Standing
    is_own: bool = False
    process: asyncio.subprocess.Process | None = None
    ending: asyncio.Task[None] | None = field(default=None, repr=False)
    watching: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """The name of its run, which no other job has."""
        return self.entry.kept.run

    def is_alive(self) -> bool:
        """Whether a process, of this server or an earlier one, is at work on it."""
        return self.process is not None or is_locked(self.run) or is_ours(self.entry.kept.pid, self.run)

    def state(self) -> State:
        """Say how it stands; reads what the journal has grown by where nobody saw it end."""
        if self.is_alive():
            return "stopping" if self.ending is not None and not self.ending.done() else "running"
        if self.entry.kept.ended:
            return self.entry.kept.ended
        self.standing.refresh()
        done = (self.run / SUMMARY).exists() and self.standing.finished >= self.entry.kept.planned
        return "finished" if done else "stopped"


@dataclass(frozen=True)
class JobView:
    """What a page shows of a job.

    ``source`` is its batch file's name, '' when it was pasted; ``rate`` is in consultations a second and ``left_s``
    in seconds, None while they cannot be told; ``message`` is what a failed batch said; ``log`` its last printed
    lines; ``has_run`` whether there is a run page to go to.
    """

    id: str
    description: str
    source: str
    state: State
    planned: int
    finished: int
    created_at: str
    failures: dict[str, int]
    means: tuple[Mean, ...]
    rate: float | None
    left_s: float | None
    message: str
    log: tuple[str, ...]
    has_run: bool

    @property
    def is_active(self) -> bool:
        """Whether it changes by itself."""
        return self.state in ("running", "stopping")


def view_of(job: Job, *, whole: bool = False) -> JobView:
    """Look at a job; blocks. Without ``whole`` the journal of one that ended is not read again."""
    state = job.state()  # first: what is read afterwards is at least as new
    kept = job.entry.kept
    if whole or kept.finished is None:
        job.standing.refresh()
    finished = job.standing.finished if whole or kept.finished is None else kept.finished
    rate = job.standing.rate() if state == "running" else None
    text = job.entry.log_tail()
    return JobView(
        id=job.id, description=kept.description, source=Path(kept.file).name if kept.file else "", state=state,
        planned=kept.planned, finished=finished, created_at=kept.created_at,
        failures=dict(sorted(job.standing.failures.items())), means=job.standing.means(), rate=rate,
        left_s=max(0, kept.planned - finished) / rate if rate else None,
        message=_said(text) if state == "failed" else "",
        log=tuple(line.rstrip() for line in text.splitlines()[-LOG_LINES:]),
        has_run=(job.run / RUN).exists(),
    )


def _said(text: str) -> str:
    """Return the message that a failed run ended with."""
    _, marked, message = f"\n{text}".rpartition("\nError: ")
    return message.strip() if marked else "the batch ended unexpectedly: its last printed lines say more"
