"""One sitting: opens the conversation and the doctor, says files or lets a person talk, tells how to go on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.schema import Language
from simulator.talking.conversation import Conversation
from simulator.talking.desk import Desk, Ends
from simulator.talking.devices import SoundCard
from simulator.talking.keys import Interrupts, Lines, PipedLines, TypedLines
from simulator.talking.opening import open_partner
from simulator.talking.texts import text
from simulator.talking.transcript import Transcript
from simulator.talking.views import PlainView, ScreenView, View


@dataclass(frozen=True)
class Sitting:
    """The conversation, files to say first, whether it goes on after them, and how it is shown and heard."""

    transcript: Transcript
    files: Sequence[Path] = ()
    stay: bool = False
    plain: bool = False
    play: bool = False
    microphone: Ends | None = None


async def talk(asked: Sitting) -> bool:
    """Hold a sitting until it is over; returns whether everything went well.

    Raises:
        ClinicError: the doctor cannot be opened, or sound card or disk fail.
    """
    transcript, language = asked.transcript, asked.transcript.about.language
    card = SoundCard() if asked.play or asked.microphone else None
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not asked.plain
    view: View = PlainView() if asked.plain or not sys.stdout.isatty() else ScreenView(language)
    name = transcript.about.model or transcript.about.where
    view.note(text(language, "loading", doctor=name))
    partner = await open_partner(transcript)
    conversation = Conversation(partner, transcript, view, card if asked.play else None)
    desk_lines: Lines = TypedLines() if at_terminal else PipedLines()
    desk = Desk(conversation, desk_lines, card, asked.microphone)
    try:
        _greet(view, conversation, language, asked, at_terminal)
        await _hold(desk, desk_lines, asked)
    finally:
        await partner.aclose()
        transcript.close()
    if transcript.turns:
        view.note(text(language, "resume", folder=shlex.quote(str(transcript.folder))))
    return conversation.well or at_terminal


def _greet(view: View, talk: Conversation, language: Language, asked: Sitting, at_terminal: bool) -> None:
    view.note(text(language, "with", doctor=talk.partner.name))
    if not talk.partner.speaks and asked.transcript.about.speak:
        view.note(text(language, "cannot_speak", doctor=talk.partner.name))
    view.note(text(language, "kept", folder=asked.transcript.folder))
    if asked.transcript.turns:
        view.note(text(language, "going_on", turns=len(asked.transcript.turns)))
    if at_terminal and (asked.stay or not asked.files):
        view.note(text(language, "how_microphone" if asked.microphone else "how"))


async def _hold(desk: Desk, lines: Lines, asked: Sitting) -> None:
    keys, talk = Interrupts(), desk.conversation
    await _broken(keys, desk, talk.go_on())
    for path in asked.files:
        if keys.leaving:
            return
        await _broken(keys, desk, talk.play_file(path))
    if asked.files and not asked.stay:
        return
    while not (desk.leaving or keys.leaving):
        line = await _next(keys, lines)
        if line is None:
            return
        await _broken(keys, desk, desk.do(line))
        if (sound := desk.heard()) is not None:
            await _broken(keys, desk, talk.speak(sound))  # a run of its own: the prompt took Ctrl-C for itself


async def _broken(keys: Interrupts, desk: Desk, what: Coroutine[Any, Any, None]) -> None:
    """Do one thing; broken off, the person is told how to leave."""
    if not await keys.run(what) and not keys.leaving:
        desk.conversation.view.note(text(desk.conversation.language, "stopping"))


async def _next(keys: Interrupts, lines: Lines) -> str | None:
    """Return the next line; None at the end, and for Ctrl-C."""
    found: list[str | None] = []

    async def read() -> None:
        found.append(await lines.line())

    if isinstance(lines, PipedLines):
        await keys.run(read())
    else:
        await read()
    return found[0] if found else None
