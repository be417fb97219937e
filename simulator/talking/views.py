"""Shows a conversation: on a terminal in colours, or plainly, a line for each thing; words appear as they come."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console
from rich.text import Text

from scenarios.errors import Interrupted
from scenarios.schema import Language
from simulator.talking.texts import text
from simulator.terminal.harmless import harmless, in_one_line

QUIET, FLAG, ACCENT = "dim", "red", "cyan"


class View(Protocol):
    """A way to show a conversation; every text may have been written by a model or stand in a file."""

    def note(self, said: str) -> None:
        """Show something worth knowing."""

    def error(self, said: str) -> None:
        """Show what went wrong."""

    def patient(self, number: int, words: str) -> None:
        """Show what the patient says."""

    def begin(self, number: int) -> None:
        """Show that the doctor answers."""

    def words(self, more: str) -> None:
        """Show more of the answer."""

    def anew(self) -> None:
        """Show that the answer starts over."""

    def end(self, facts: Sequence[str]) -> None:
        """Show that the answer is over, and what it took."""


class PlainView:
    """``[1 patient] words`` and ``[2 doctor] words`` are turns, ``* `` begins what is worth knowing, ``error: ``."""

    def __init__(self) -> None:
        """Nothing stands in the line."""
        self._number = 0

    def note(self, said: str) -> None:
        """Write a line."""
        _write(f"* {in_one_line(said)}\n")

    def error(self, said: str) -> None:
        """Write a line."""
        _write(f"error: {in_one_line(said)}\n")

    def patient(self, number: int, words: str) -> None:
        """Write a line."""
        _write(f"[{number} patient] {in_one_line(words)}\n")

    def begin(self, number: int) -> None:
        """Begin a line."""
        self._number = number
        _write(f"[{number} doctor] ")

    def words(self, more: str) -> None:
        """Go on in the line."""
        _write(in_one_line(more))

    def anew(self) -> None:
        """End the line and begin another."""
        _write("\n* it starts over\n")
        self.begin(self._number)

    def end(self, facts: Sequence[str]) -> None:
        """End the line; a line of facts follows."""
        _write("\n")
        self.note(f"turn {self._number}: {'; '.join(facts)}")


class ScreenView:
    """Writes to a terminal in its own colours."""

    def __init__(self, language: Language, console: Console | None = None) -> None:
        """Write to ``console``, or to standard output."""
        self.console = console or Console(highlight=False)
        self._language, self._number = language, 0

    def note(self, said: str) -> None:
        """Write it small."""
        self._print(harmless(said), QUIET)

    def error(self, said: str) -> None:
        """Write it so that it is seen."""
        self._print(harmless(said), FLAG)

    def patient(self, number: int, words: str) -> None:
        """Write who speaks and the words."""
        self._print(f"{number} {text(self._language, 'patient')}  ", QUIET, end="")
        self._print(harmless(words), "")

    def begin(self, number: int) -> None:
        """Write who speaks."""
        self._number = number
        self._print(f"{number} {text(self._language, 'doctor')}  ", ACCENT, end="")

    def words(self, more: str) -> None:
        """Write on."""
        self._print(harmless(more), "", end="")

    def anew(self) -> None:
        """Say so and begin again."""
        self._print("", "")
        self.note(text(self._language, "anew"))
        self.begin(self._number)

    def end(self, facts: Sequence[str]) -> None:
        """End the words and write what they took."""
        self._print("", "")
        self._print("  " + harmless(" · ".join(facts)), QUIET)

    def _print(self, said: str, style: str, end: str = "\n") -> None:
        self.console.print(Text(said, style), end=end, soft_wrap=True)
        self.console.file.flush()


def _write(said: str) -> None:
    try:
        sys.stdout.write(said)
        sys.stdout.flush()
    except BrokenPipeError as error:
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains once more when the process ends
        raise Interrupted("nobody reads the output any more; every finished turn is kept") from error
