"""The plain way to step: commands on standard input, one a line; one line a turn on standard output, no colours."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Mapping

import click

from scenarios.errors import ClinicError, Interrupted
from scenarios.schema import Turn
from simulator.asked import Asked
from simulator.session import Heard, Snapshot
from simulator.terminal.desk import Desk
from simulator.terminal.facts import (
    branch_words,
    case_words,
    doctor_words,
    next_words,
    patient_words,
    sound_words,
    story,
    tree,
    turns_words,
    words_of,
)
from simulator.terminal.grammar import COMMANDS
from simulator.terminal.harmless import in_one_line
from simulator.terminal.view import Here

INPUT, OUTPUT = 0, 1
"""File descriptors of standard input and output."""


class PlainView:
    """Writes one line for each thing there is to say.

    ``[BRANCH NUMBER ROLE] words`` is a turn, ``* `` begins what is worth knowing, ``error: `` what went wrong, and
    ``= `` the last line of every command that was carried out.
    """

    def header(self, here: Here, place: str) -> None:
        """Write session, case and cast."""
        self.note(f"session {here.info.id} in {place}")
        self.note(f"case {here.info.case.id}: {' · '.join(case_words(here))}")
        self.note(f"doctor: {doctor_words(here.casting)}; " + (
            "" if here.blind else f"patient: {patient_words(here.casting)}; ") + f"seed {here.casting.seed}")
        for line in story(here):
            self.note(f"you know: {line}")

    def hear(self, here: Here, heard: Heard) -> None:
        """Write nothing: a line is a whole turn."""

    def silence(self) -> None:
        """Take nothing back: nothing unfinished was written."""

    def turn(self, here: Here, turn: Turn) -> None:
        """Write a turn, and a line on its sound when it was spoken."""
        _write(f"[{here.branch.id} {turn.index + 1} {turn.role}] ", words_of(here, turn))
        if about := sound_words(here, turn):
            self.note(f"turn {turn.index + 1}: {'; '.join(about)}")

    def moved(self, here: Here, why: str) -> None:
        """Say so; the turns are written by ``show`` alone."""
        self.note(why)

    def whole(self, here: Here) -> None:
        """Write every turn of the branch."""
        for turn in here.snapshot.turns:
            self.turn(here, turn)

    def branches(self, here: Here, snapshots: Mapping[str, Snapshot]) -> None:
        """Write a line a branch, indented below the one it comes from."""
        for depth, branch in tree(here.info.branches):
            mark = " <- here" if branch.id == here.branch.id else ""
            self.note(f"{'  ' * depth}{branch.id}: {branch_words(branch, snapshots)}{mark}")

    def verdicts(self, here: Here) -> None:
        """Write a line a judge: its scores, then its metrics."""
        for verdict in here.snapshot.record.verdicts:
            said = {**verdict.scores, **verdict.metrics}
            numbers = ", ".join(f"{name} {value:g}" for name, value in said.items())
            self.note(f"judge {verdict.judge}: {numbers if verdict.parsed else 'no usable answer'}")
        for failure in here.snapshot.record.failures:
            self.note(f"{failure.owner}: {failure.kind}: {failure.message}")

    def prompt(self, here: Here, number: int, asked: Asked) -> None:
        """Write a line a message."""
        for message in asked.messages:
            self.note(f"{message.role}: {message.content}")
        if asked.note:
            self.note(asked.note)

    def note(self, text: str) -> None:
        """Write a line."""
        _write("* ", text)

    def error(self, text: str) -> None:
        """Write a line."""
        _write("error: ", text)

    def status(self, here: Here) -> None:
        """Write the last line of a command."""
        _write("= ", f"{here.branch.id}: {turns_words(here.snapshot)}; {next_words(here.snapshot)}")

    def help(self) -> None:
        """Write a line a command."""
        for command in COMMANDS:
            letter = f" ({command.letter})" if command.letter else ""
            self.note(f"{command.name}{letter} {command.usage}".rstrip() + f": {command.does}")


async def step_plainly(desk: Desk, view: PlainView, lines: AsyncIterator[str], *, keep_going: bool) -> bool:
    """Carry out ``lines``; returns whether all went well. The first that fails is the last, unless ``keep_going``."""
    well = True
    async for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            await desk.do(line)
        except Interrupted:
            raise
        except ClinicError as error:
            view.error(str(error))
            well = False
            if not keep_going:
                break
        if desk.leaving:
            break
    return well


async def standard_input() -> AsyncIterator[str]:
    """Yield the lines of standard input as they come.

    A thread of its own waits for them, so that Ctrl-C is heard meanwhile; it reads past Python's own buffers, whose
    locks a thread must not hold when the process ends.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    def pump() -> None:
        while True:
            piece = os.read(INPUT, 65_536)
            try:
                loop.call_soon_threadsafe(queue.put_nowait, piece)
            except RuntimeError:  # the loop is closed: nobody listens any more
                return
            if not piece:
                return

    threading.Thread(target=pump, daemon=True).start()
    rest = b""
    while piece := await queue.get():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


def _write(head: str, text: str) -> None:
    try:
        click.echo(head + in_one_line(text))
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), OUTPUT)  # or Python complains once more when the process ends
        raise Interrupted("nobody reads the output any more; every finished turn is kept") from error
