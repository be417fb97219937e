"""What Tab offers: commands, and what may follow each; never a word that only the record knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer
from prompt_toolkit.completion import Completion as Offered
from prompt_toolkit.document import Document

from agents import catalog
from scenarios.schema import Persona
from simulator.session import HUMAN
from simulator.session.export import FORMATS
from simulator.terminal.desk import Desk, axis_values
from simulator.terminal.grammar import COMMANDS, ROLES, Command, command_of
from simulator.terminal.opening import doctor_names


class Completion(Completer):
    """Completes lines for one desk."""

    def __init__(self, desk: Desk) -> None:
        """Look at the desk whenever asked."""
        self._desk = desk

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Offered]:
        """Yield what may stand where the cursor is."""
        text = document.text_before_cursor.lstrip()
        slash = text.startswith("/")
        first, space, rest = text.removeprefix("/").partition(" ")
        if not space:
            yield from _starting(first, (command.name for command in COMMANDS))
            if not slash:
                yield from _starting(first, (f"{role}:" for role in ROLES))
            return
        command = command_of(first)
        if command is not None:
            yield from self._following(command, rest)

    def _following(self, command: Command, rest: str) -> Iterator[Offered]:
        if command.name == "exam":
            asked = rest.replace("；", ";").rpartition(";")[2].lstrip()
            yield from _starting(asked, self._mentioned())
            return
        words = rest.split(" ")
        yield from _starting(words[-1], self._choices(command, words[:-1]))

    def _choices(self, command: Command, before: list[str]) -> Iterable[str]:
        last = before[-1] if before else ""
        if command.flags and last.startswith("--"):
            return self._values(last[2:])
        if command.flags:
            numbers = self._numbers() if command.takes_first and not before else ()
            return (*numbers, *(f"--{flag}" for flag in command.flags))
        if command.shape.startswith("number"):
            return self._numbers() if not before else ()
        if command.name == "branch":
            return self._branches() if not before else ()
        if command.name == "cast":
            return ROLES if not before else self._values(last)
        return ()

    def _values(self, flag: str) -> Iterable[str]:
        if flag == "doctor":
            return doctor_names(self._desk.here.info.doctors)
        if flag == "patient":
            return (HUMAN, *catalog.specs("patient"))
        if flag == "persona":
            return tuple(f"{axis}={value}" for axis in Persona.model_fields for value in axis_values(axis))
        if flag == "branch":
            return self._branches()
        return FORMATS if flag == "format" else ()

    def _branches(self) -> tuple[str, ...]:
        return tuple(branch.id for branch in self._desk.here.info.branches)

    def _numbers(self) -> tuple[str, ...]:
        return tuple(str(number) for number in range(1, len(self._desk.here.snapshot.turns) + 1))

    def _mentioned(self) -> tuple[str, ...]:
        """Return the examinations that somebody has already named in this branch."""
        return tuple(dict.fromkeys(name for turn in self._desk.here.snapshot.turns for name in turn.requests))


def _starting(begun: str, words: Iterable[str]) -> Iterator[Offered]:
    for word in words:
        if word.startswith(begun):
            yield Offered(word, start_position=-len(begun))
