"""Who measures: this process, or several beside it; a process that dies costs the sound it died of and nothing else."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Self

from scenarios.errors import InputError
from simulator.measuring.work import Finding, Job, Trouble, begin, measure_group

Measure = Callable[[Path, list[Job]], list[Finding] | Trouble]
DIED = "the process that measured this sound died"


class Crew:
    """Measures groups of sounds with ``jobs`` processes; 0: in this one, which starts nothing."""

    def __init__(self, folder: Path, jobs: int, measure: Measure = measure_group) -> None:
        """Prepare; processes start with the first group."""
        self._folder, self._jobs, self._measure = folder, jobs, measure
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Let the processes go; what has not begun is not begun."""
        self._dismiss()

    def run(self, groups: list[list[Job]]) -> Iterator[tuple[Job, Finding]]:
        """Yield what was found of every job, in order. Raises InputError when nothing can be measured at all."""
        if not self._jobs:
            for group in groups:
                yield from _paired(group, self._measure(self._folder, group))
            return
        futures = [self._submit(group) for group in groups]
        for group, future in zip(groups, futures, strict=True):
            try:
                found = future.result()
            except BrokenProcessPool:
                found = self._one_by_one(group)
            yield from _paired(group, found)

    def _submit(self, group: list[Job]) -> Future[list[Finding] | Trouble]:
        try:
            return self._alive().submit(self._measure, self._folder, group)
        except BrokenProcessPool as error:
            broken: Future[list[Finding] | Trouble] = Future()
            broken.set_exception(error)
            return broken

    def _one_by_one(self, group: list[Job]) -> list[Finding]:
        """Measure a group again sound by sound, beside the pool that broke, to find the one that is deadly."""
        self._dismiss()
        findings = []
        with Crew(self._folder, 1, self._measure) as alone:
            for job in group:
                try:
                    found = alone._submit([job]).result()
                except BrokenProcessPool:
                    alone._dismiss()
                    found = [Finding(dict.fromkeys(job.asked), DIED)]
                findings += [finding for _, finding in _paired([job], found)]
        return findings

    def _alive(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._jobs, mp_context=multiprocessing.get_context("spawn"), initializer=begin
            )
        return self._pool

    def _dismiss(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _paired(group: list[Job], found: list[Finding] | Trouble) -> Iterator[tuple[Job, Finding]]:
    if isinstance(found, Trouble):
        raise InputError(found.message)
    return zip(group, found, strict=True)
