"""What the screen is made of: header, turns as a chat, verdicts, the tree of branches; drawn for dark and light.

Only the terminal's own colours are used: its theme decides what teal (cyan), coral (red) and grey (dim) look like.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from scenarios.schema import Evidence, Role, Turn
from simulator.asked import Asked
from simulator.session import Snapshot
from simulator.terminal.facts import (
    branch_words,
    case_words,
    doctor_words,
    measured,
    next_words,
    patient_words,
    sound_words,
    speaker_words,
    story,
    total_words,
    tree,
    turns_words,
    words_of,
)
from simulator.terminal.grammar import COMMANDS
from simulator.terminal.harmless import harmless, in_one_line
from simulator.terminal.view import Here
from simulator.terminal.wrapping import wrapped

ACCENT, FLAG, QUIET = "cyan", "red", "dim"
NUMBER_WIDTH = 4
COLUMN = 76
"""Cells a paragraph is at most wide: a line longer than that is hard to read."""
SHIFT = 8
"""Cells by which a doctor's turn stands further right, at least."""
_SIDES: dict[Role, tuple[str, str]] = {"patient": ("", ""), "doctor": ("▌ ", ACCENT), "examiner": ("┊ ", "magenta")}
"""The bar beside a role's words, and its colour."""


def said(text: str, style: str = "") -> Text:
    """Return what others wrote as text that cannot be anything else."""
    return Text(harmless(text), style)


def header(here: Here, place: str) -> RenderableType:
    """Return whose consultation this is, who is in the room, and where it is kept."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style=QUIET)
    rows.add_column(overflow="fold")
    if here.blind:
        rows.add_row("patient", said(" · ".join(case_words(here)), "bold"))
    else:
        for label, words in zip(("case", "record"), case_words(here), strict=False):
            rows.add_row(label, said(words))
        rows.add_row("opening", said(f"“{here.info.case.chief_complaint}”", "italic"))
    if known := story(here):
        rows.add_row("you know", said("\n".join(f"· {line}" for line in known)))
    rows.add_row("doctor", said(doctor_words(here.casting), ACCENT))
    if not here.blind:
        rows.add_row("patient", said(patient_words(here.casting)))
    rows.add_row("kept", said(f"session {here.info.id} in {place}, seed {here.casting.seed}", QUIET))
    name = here.info.title or ("a consultation" if here.blind else here.info.case.title or here.info.case.id)
    return Group(Rule(said(in_one_line(name), f"bold {ACCENT}"), style=ACCENT, align="left"), rows)


def turn_block(here: Here, turn: Turn, width: int) -> RenderableType:
    """Return a finished turn: number, speaker, words, and below them, small, what was measured."""
    small = " · ".join((*measured(here, turn), *sound_words(here, turn)))
    return chat_block(turn.role, str(turn.index + 1), speaker_words(here, turn), words_of(here, turn), width, small)


def chat_block(role: Role, number: str, speaker: str, words: str, width: int, small: str = "") -> RenderableType:
    """Return one side of the chat: the patient left, the doctor further right behind a bar, the examiner apart."""
    shift = {"patient": 0, "doctor": max(2, min(SHIFT + (width - 80) // 3, 24)), "examiner": SHIFT // 2}[role]
    bar, style = _SIDES[role]
    room = max(16, min(COLUMN, width - NUMBER_WIDTH - 2 - len(bar) - (shift or SHIFT)))
    body = [
        said(in_one_line(speaker), style or "bold"), *_wrapped(harmless(words), room, ""),
        *_wrapped(in_one_line(small), room, QUIET),
    ]
    margins = [(number if not place else "").rjust(NUMBER_WIDTH) + " " * (shift + 1) for place in range(len(body))]
    lines = (Text.assemble((margin, QUIET), (bar, style), line) for margin, line in zip(margins, body, strict=True))
    return Group(*lines, Text())


def moved_line(why: str) -> RenderableType:
    """Return the line that parts what is on the screen from where the person is now."""
    return Padding(Rule(said(in_one_line(why), QUIET), style=QUIET, align="left"), (1, 0))


def verdicts_block(here: Here) -> RenderableType:
    """Return the judges' scores, and what they cite; evidence waits until a doctor who is a person is through."""
    record = here.snapshot.record
    parts: list[RenderableType] = []
    for verdict in record.verdicts:
        grid = Table.grid(padding=(0, 3, 0, 0))
        numbers = [*verdict.scores.items(), *verdict.metrics.items()]
        for _ in range(2):
            grid.add_column(style=QUIET)
            grid.add_column(justify="right")
        half = (len(numbers) + 1) // 2
        for row in range(half):
            cells = [numbers[place] if place < len(numbers) else ("", None) for place in (row, row + half)]
            grid.add_row(*(part for name, value in cells for part in (said(name.replace("_", " ")), _number(value))))
        parts += [said(f"{verdict.judge}" + ("" if verdict.parsed else ": no usable answer"), f"bold {ACCENT}"), grid]
        if not here.blind or here.snapshot.ended:
            parts += [_evidence(one) for one in sorted(verdict.evidence, key=_place)]
    parts += [said(f"{one.owner}: {one.kind}: {one.message}", FLAG) for one in record.failures]
    return Padding(Group(*parts), (1, 0, 1, NUMBER_WIDTH + 1))


def prompt_block(number: int, asked: Asked, width: int) -> RenderableType:
    """Return what the model behind a turn was asked, message by message."""
    room = min(COLUMN, width - NUMBER_WIDTH - 2)
    parts: list[RenderableType] = [said(f"what the model behind turn {number} was asked", f"bold {ACCENT}")]
    for message in asked.messages:
        parts += [said(in_one_line(message.role), QUIET), *_wrapped(harmless(message.content), room, "")]
    parts += _wrapped(harmless(asked.note), room, QUIET)
    return Padding(Group(*parts), (1, 0, 1, NUMBER_WIDTH + 1))


def branches_block(here: Here, snapshots: Mapping[str, Snapshot]) -> RenderableType:
    """Return the branches as a small tree, the person's own marked."""
    roots: list[Tree] = []
    at: dict[int, Tree] = {}
    for depth, branch in tree(here.info.branches):
        mine = branch.id == here.branch.id
        line = Text.assemble(
            said(in_one_line(branch.id), f"bold {ACCENT}" if mine else "bold"), "  ",
            said(in_one_line(branch_words(branch, snapshots))),
            ("  ← here" if mine else "", ACCENT),
        )
        at[depth] = at[depth - 1].add(line) if depth else Tree(line, guide_style=QUIET)
        if not depth:
            roots.append(at[0])
    return Padding(Group(*roots), (0, 0, 1, NUMBER_WIDTH + 1))


def status_line(here: Here) -> Text:
    """Return how far the branch is and who is to speak."""
    total = total_words(here.snapshot)
    words = (here.branch.id, turns_words(here.snapshot), next_words(here.snapshot), total)
    return said(in_one_line(" · ".join(word for word in words if word)), QUIET)


def help_block() -> RenderableType:
    """Return the commands."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=f"bold {ACCENT}", no_wrap=True)
    grid.add_column(style=QUIET, no_wrap=True)
    grid.add_column(overflow="fold")
    for command in COMMANDS:
        grid.add_row(command.name, command.letter, Text(command.does))
        if command.usage:
            grid.add_row("", "", Text(f"{command.name} {command.usage}", QUIET))
    rule = Text(
        "When it is your turn, what is no command is what you say. `/` before a line makes it a command, `say` before "
        "it makes it words. Ctrl-C breaks a step off, Ctrl-D leaves.", QUIET)
    return Padding(Group(grid, Text(), rule), (1, 0, 1, NUMBER_WIDTH + 1))


def _wrapped(text: str, width: int, style: str) -> list[Text]:
    return [Text(line, style) for line in wrapped(text, width).split("\n")] if text else []


def _evidence(one: Evidence) -> RenderableType:
    mark = Text("+ " if one.good else "− ", "green" if one.good else FLAG)
    where = f" (turn {one.turn + 1})" if one.turn is not None else ""
    tag = in_one_line(one.tag.replace("_", " "))
    return Text.assemble(mark, said(tag), said(in_one_line(f"{where} {one.reason}"), QUIET))


def _place(one: Evidence) -> int:
    return -1 if one.turn is None else one.turn


def _number(value: float | None) -> Text:
    return Text("" if value is None else f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}")
