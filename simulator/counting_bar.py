"""A progress bar on a terminal that counts judgements; it knows no judge."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class CountingBar:
    """A rich progress bar on standard error."""

    def __init__(self, name: str) -> None:
        """Prepare the bar; it shows itself inside ``with``."""
        self._bar = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=Console(stderr=True), refresh_per_second=5,
        )
        self._name = escape(name)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Leave the last state on the screen."""
        self._bar.stop()

    def start(self, total: int) -> None:
        """Set the length."""
        self._task = self._bar.add_task(self._name, total=total)

    def judged(self) -> None:
        """Advance by one."""
        self._bar.update(self._task, advance=1)
