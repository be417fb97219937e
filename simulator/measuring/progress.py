"""The progress bar of a measuring pass on a terminal: turns done, time left, problems; decides nothing."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class MeasureBar:
    """A rich progress bar on standard error."""

    def __init__(self, name: str) -> None:
        """Prepare the bar; it shows itself inside ``with``."""
        self._bar = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[problems]}"), console=Console(stderr=True), refresh_per_second=5,
        )
        self._name = escape(name)
        self._problems = 0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Leave the last state on the screen."""
        self._bar.stop()

    def start(self, total: int) -> None:
        """Set the length, in spoken turns."""
        self._task = self._bar.add_task(self._name, total=total, problems="")

    def measured(self, turns: int, problems: int) -> None:
        """Advance by so many turns, of which so many had a problem."""
        self._problems += problems
        shown = f"[yellow]{self._problems} with a problem" if self._problems else ""
        self._bar.update(self._task, advance=turns, problems=shown)
