"""The progress bar of a batch on a terminal: done, rate, time left, failures, and how the doctors stand."""

from __future__ import annotations

from collections import defaultdict
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scenarios.schema import Consultation


class BatchBar:
    """A rich progress bar on standard error; keeps one running mean a doctor, nothing else."""

    def __init__(self, name: str) -> None:
        """Prepare the bar; it shows itself inside ``with``."""
        self._bar = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[rate]}"), TextColumn("{task.fields[standing]}"),
            console=Console(stderr=True), refresh_per_second=5,
        )
        self._name = name
        self._sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._failures = 0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Leave the last state on the screen."""
        self._bar.stop()

    def start(self, total: int, already: int) -> None:
        """Set the length, with what an earlier run finished."""
        self._task = self._bar.add_task(self._name, total=total, completed=already, rate="", standing="")

    def consultation(self, done: Consultation) -> None:
        """Advance by one and update the doctors' running means."""
        self._failures += len(done.failures)
        if done.scored and "total" in done.metrics:
            sums = self._sums[done.key.doctor]
            sums[0] += done.metrics["total"]
            sums[1] += 1
        means = [f"{name} {total / count:.0f}" for name, (total, count) in sorted(self._sums.items())]
        standing = " · ".join(means[:4]) + (f" · [red]{self._failures} failures" if self._failures else "")
        speed = self._bar.tasks[self._task].speed
        self._bar.update(self._task, advance=1, rate=f"{speed:.1f}/s" if speed else "", standing=standing)
