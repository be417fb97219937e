"""The readable way to step: a chat on the terminal, words as they are spoken; it reads no keys."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner

from scenarios.schema import Role, Turn
from simulator.asked import Asked
from simulator.session import Heard, Snapshot
from simulator.terminal import blocks
from simulator.terminal.facts import doctor_words
from simulator.terminal.harmless import in_one_line
from simulator.terminal.view import Here

FRAMES_A_SECOND = 12


class Screen:
    """Draws on a terminal; one step at a time may be heard on it."""

    def __init__(self, console: Console | None = None) -> None:
        """Draw on ``console``, or on standard output."""
        self.console = console or Console(highlight=False)
        self._live: Live | None = None
        self._role: Role = "patient"
        self._words = ""
        self._over = ""

    @property
    def width(self) -> int:
        """Cells in a line."""
        return self.console.width

    def header(self, here: Here, place: str) -> None:
        """Draw whose consultation this is."""
        self.console.print(Padding(blocks.header(here, place), (0, 0, 1, 0)))

    def hear(self, here: Here, heard: Heard) -> None:
        """Draw who speaks, with a spinner, and the words as they come."""
        if heard.kind == "turn":
            return
        if heard.kind == "words":
            self._words += "" if _covered(here, heard) else heard.text
        else:
            self._role, self._words = heard.role, ""
        if self._live is None:
            self._live = Live(
                console=self.console, transient=True, refresh_per_second=FRAMES_A_SECOND, vertical_overflow="crop")
            self._live.start()
        self._live.update(self._speaking(here))

    def silence(self) -> None:
        """Take the words away that were heard; the finished turn is drawn in their place."""
        if self._live is not None:
            self._live.stop()
            self._live, self._words = None, ""

    def turn(self, here: Here, turn: Turn) -> None:
        """Draw a turn."""
        self.console.print(blocks.turn_block(here, turn, self.width))

    def moved(self, here: Here, why: str) -> None:
        """Draw a line and below it the branch as it is now."""
        self.console.print(blocks.moved_line(why))
        self.whole(here)

    def whole(self, here: Here) -> None:
        """Draw all turns."""
        for turn in here.snapshot.turns:
            self.turn(here, turn)

    def branches(self, here: Here, snapshots: Mapping[str, Snapshot]) -> None:
        """Draw the tree."""
        self.console.print(blocks.branches_block(here, snapshots))

    def verdicts(self, here: Here) -> None:
        """Draw scores and evidence."""
        self.console.print(blocks.verdicts_block(here))

    def prompt(self, here: Here, number: int, asked: Asked) -> None:
        """Draw the messages one below the other."""
        self.console.print(blocks.prompt_block(number, asked, self.width))

    def note(self, text: str) -> None:
        """Draw it small."""
        self.console.print(Padding(blocks.said(text, blocks.QUIET), (0, 0, 0, blocks.NUMBER_WIDTH + 1)))

    def error(self, text: str) -> None:
        """Draw it so that it is seen."""
        self.console.print(Padding(blocks.said(text, blocks.FLAG), (0, 0, 1, blocks.NUMBER_WIDTH + 1)))

    def status(self, here: Here) -> None:
        """Draw nothing while it goes on: the toolbar says it. Draw once that it is over."""
        over = f"{here.branch.id} {here.snapshot.revision}" if here.snapshot.ended else ""
        if over and over != self._over:
            self.console.print(Padding(blocks.status_line(here), (0, 0, 1, blocks.NUMBER_WIDTH + 1)))
        self._over = over

    def help(self) -> None:
        """Draw the commands."""
        self.console.print(blocks.help_block())

    def _speaking(self, here: Here) -> RenderableType:
        who = f"the {self._role}"
        if self._role == "doctor" and not here.casting.is_human("doctor"):
            who = f"the doctor, {doctor_words(here.casting)},"
        waiting = blocks.said(in_one_line(f"{who} is speaking · Ctrl-C breaks off"), blocks.QUIET)
        spinner = Spinner("dots", waiting, style=blocks.ACCENT)
        number = str(len(here.snapshot.turns) + 1)
        if not self._words:
            return Padding(spinner, (0, 0, 0, blocks.NUMBER_WIDTH + 1))
        return Group(
            blocks.chat_block(self._role, number, self._role, self._last_lines(), self.width),
            Padding(spinner, (0, 0, 0, blocks.NUMBER_WIDTH + 1)),
        )

    def _last_lines(self) -> str:
        """Return as much of the end of the words as surely fits on the screen."""
        lines = max(4, self.console.height - 8)
        letters = lines * max(16, min(blocks.COLUMN, self.width - 20)) // 2
        return "\n".join(self._words.strip()[-letters:].split("\n")[-lines:])


def _covered(here: Here, heard: Heard) -> bool:
    """Whether words are a patient's of whom a person who plays the doctor knows only what will be heard."""
    return here.blind and heard.role == "patient" and here.casting.speech.input_speech
