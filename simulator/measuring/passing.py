"""Measures the sound of a whole run, each distinct sound once, and goes on where an earlier pass stopped."""

from __future__ import annotations

import os
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from agents.sound.shelf import AUDIO
from scenarios.errors import InputError, Interrupted, RunFolderError
from scenarios.schema import Turn
from simulator.journal import read_lines
from simulator.measuring.crew import Crew
from simulator.measuring.lines import Line, SoundBook
from simulator.measuring.plan import Wanted, jobs_of, lacking, lines_of, sounds
from simulator.measuring.work import Finding, Job
from simulator.store import CONSULTATIONS, key_id, lock_folder, read_run

GROUP, GROUP_S = 32, 300.0
"""Sounds that go through the voice activity model together, and the seconds they may have in all."""
SLOW_GROUP = 4
"""Sounds in a group whose measuring takes long (PESQ, UTMOS): Ctrl-C waits for the groups under way."""
KEPT = 20_000
"""Sounds whose figures are held in memory, for the turns in which the same is said again."""
HERE_UP_TO = 96
"""Spoken turns up to which this process measures by itself: starting others takes longer."""


class MeasureProgress(Protocol):
    """What a progress display must be able to do."""

    def start(self, total: int) -> None:
        """Say how many spoken turns there are."""

    def measured(self, turns: int, problems: int) -> None:
        """Note so many turns more, of which so many had a problem."""


@dataclass
class MeasureTally:
    """What happened: spoken turns in all, those whose lines were whole before, and those measured now."""

    total: int = 0
    already: int = 0
    measured: int = 0
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        """Turns that time did not suffice for."""
        return self.total - self.already - self.measured


class _Open(NamedTuple):
    """A consultation with something to be measured."""

    key: dict[str, Any]
    turns: tuple[Turn, ...]
    old: dict[int, Line]
    spoken: int


def has_sound(folder: Path) -> bool:
    """Whether a run folder holds any sound; costs next to nothing."""
    return (folder / AUDIO).is_dir()


def measure_run(
    folder: Path, wanted: Wanted, *, jobs: int | None = None, progress: MeasureProgress | None = None,
    limit_s: float | None = None,
) -> MeasureTally:
    """Measure what sound.jsonl lacks of the spoken turns of finished consultations.

    Args:
        folder: a run folder with sound.
        wanted: what is measured.
        jobs: processes; 0: this one only. Default: this one for few turns (without PESQ, whose C code has crashed on
            odd sounds), else one a core.
        progress: shown as consultations are measured.
        limit_s: begin nothing new after so many seconds; a later pass goes on there.

    Raises:
        InputError: the run holds no sound, or a scorer that does not exist.
        MissingExtra, RunFolderError: packages are missing; no run folder, or somebody else is writing it.
        Interrupted: Ctrl-C; what was measured is kept.
    """
    read_run(folder)
    if not has_sound(folder):
        raise InputError(f"{folder} holds no sound: nobody spoke in it, or its {AUDIO} folder was not copied along")
    lock = lock_folder(folder)
    try:
        tally = MeasureTally(total=_count(folder))
        if progress:
            progress.start(tally.total)
        if jobs is None:
            jobs = 0 if tally.total <= HERE_UP_TO and not wanted.pesq else len(os.sched_getaffinity(0))
        book = SoundBook(folder)
        try:
            with Crew(folder, jobs) as crew:
                _measure(folder, wanted, _Pass(book, crew, tally, progress), jobs, limit_s)
            book.settle()
        except KeyboardInterrupt as error:
            raise Interrupted(f"stopped; {tally.measured} turns were measured. The same command goes on.") from error
        finally:
            book.close()
    finally:
        os.close(lock)
    return tally


def _count(folder: Path) -> int:
    return sum(sounds(turn) for record in read_lines(folder / CONSULTATIONS) for turn in record.get("turns", ()))


@dataclass
class _Pass:
    """One pass over a run: what is open is measured window by window."""

    book: SoundBook
    crew: Crew
    tally: MeasureTally
    progress: MeasureProgress | None
    known: OrderedDict[tuple[str, str], tuple[frozenset[str], Finding]] = field(default_factory=OrderedDict)

    def measure(self, window: list[_Open], wanted: Wanted) -> None:
        """Measure a window of consultations and write their lines, in order."""
        for job, finding in self.crew.run(_groups(self._new(window, wanted))):
            self.known[job.key] = (job.asked, finding)
        for one in window:
            lines = lines_of(one.key, one.turns, one.old, wanted, lambda job: self.known[job.key][1])
            self.book.add(lines)
            problems = [str(line["problem"]) for line in lines if line["problem"]]
            self.tally.problems.update(part for problem in problems for part in problem.split("; "))
            self.tally.measured += one.spoken
            if self.progress:
                self.progress.measured(one.spoken, len(problems))
        while len(self.known) > KEPT:
            self.known.popitem(last=False)

    def _new(self, window: list[_Open], wanted: Wanted) -> list[Job]:
        """Return the distinct sounds that are not known yet; a sound asked for more than before is measured anew."""
        new: dict[tuple[str, str], Job] = {}
        for one in window:
            for turn in one.turns:
                for job in jobs_of(turn, one.old.get(turn.index), wanted):
                    before = self.known.get(job.key)
                    if before is not None and job.asked <= before[0]:
                        self.known.move_to_end(job.key)
                        continue
                    more = new.get(job.key, job).asked | job.asked
                    new[job.key] = job._replace(asked=more, utmos=wanted.utmos)
        return list(new.values())

    def skip(self, turns: int) -> None:
        """Count turns that need nothing."""
        self.tally.already += turns
        if self.progress and turns:
            self.progress.measured(turns, 0)


def _measure(folder: Path, wanted: Wanted, going: _Pass, jobs: int, limit_s: float | None) -> None:
    end = None if limit_s is None else time.monotonic() + limit_s
    size = GROUP * 2 * max(1, jobs)
    for window in _windows(_open(folder, wanted, going), size):
        going.measure(window, wanted)
        if end is not None and time.monotonic() >= end:
            return


def _open(folder: Path, wanted: Wanted, going: _Pass) -> Iterator[_Open]:
    """Yield the consultations whose lines are not whole; of the others only the turns are counted."""
    for number, record in enumerate(read_lines(folder / CONSULTATIONS), 1):
        spoken = sum(map(sounds, record.get("turns", ())))
        if not spoken:
            continue
        try:
            old = going.book.of(key_id(record["key"]))
            turns = tuple(Turn.model_validate(turn) for turn in record["turns"])
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"{folder / CONSULTATIONS}:{number}: is not a consultation: {error}") from error
        if any(turn.audio is not None and lacking(turn, old.get(turn.index), wanted) for turn in turns):
            yield _Open(record["key"], turns, old, spoken)
        else:
            going.skip(spoken)


def _windows(records: Iterable[_Open], turns: int) -> Iterator[list[_Open]]:
    """Yield consultations in lists of about so many spoken turns."""
    window: list[_Open] = []
    for record in records:
        window.append(record)
        if sum(one.spoken for one in window) >= turns:
            yield window
            window = []
    if window:
        yield window


def _groups(jobs: list[Job]) -> list[list[Job]]:
    """Return the jobs in groups of like kind and similar length."""
    groups: list[list[Job]] = []
    for alike in ([job for job in jobs if job.arrived is None], [job for job in jobs if job.arrived is not None]):
        ordered = iter(sorted(alike, key=lambda job: -job.sound.seconds))
        for first in ordered:
            most = SLOW_GROUP if first.asked & {"utmos", "pesq"} else GROUP
            room = max(1, min(most, int(GROUP_S / max(first.sound.seconds, 0.1))))
            groups.append([first, *islice(ordered, room - 1)])
    return groups
