"""The progress bar of comparisons on a terminal: done, rate, time left, who won; decides nothing."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scenarios.schema.pairing import Pairing


class PairBar:
    """A rich progress bar on standard error; keeps one count a doctor, nothing else."""

    def __init__(self, name: str) -> None:
        """Prepare the bar; it shows itself inside ``with``."""
        self._bar = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[standing]}"), console=Console(stderr=True), refresh_per_second=5,
        )
        self._name = escape(name)
        self._wins: Counter[str] = Counter()
        self._unread = 0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Leave the last state on the screen."""
        self._bar.stop()

    def start(self, total: int, already: int) -> None:
        """Set the length, with what an earlier call finished."""
        self._task = self._bar.add_task(self._name, total=total, completed=already, standing="")

    def pairing(self, done: Pairing) -> None:
        """Advance by one and update who won how often."""
        winner = done.preference.winner
        if not done.preference.parsed:
            self._unread += 1
        else:
            self._wins[{"a": done.doctor_a, "b": done.doctor_b, "tie": "ties"}[winner]] += 1
        wins = [f"{escape(name)} {count}" for name, count in self._wins.most_common(4)]
        standing = " · ".join(wins) + (f" · [red]{self._unread} not readable" if self._unread else "")
        self._bar.update(self._task, advance=1, standing=standing)
