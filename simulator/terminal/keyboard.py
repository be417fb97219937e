"""Reads what a person types: prompt, keys, toolbar, Ctrl-C; a desk carries it out."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.styles import Style

from scenarios.errors import ClinicError
from simulator.terminal.completion import Completion
from simulator.terminal.desk import Desk
from simulator.terminal.facts import next_words, turns_words
from simulator.terminal.harmless import in_one_line
from simulator.terminal.screen import Screen

STYLE = Style.from_dict({
    "bottom-toolbar": "noreverse", "toolbar.here": "ansicyan bold", "toolbar.text": "",
    "toolbar.keys": "ansibrightblack", "prompt.branch": "ansicyan",
    "prompt.number": "ansibrightblack", "prompt.you": "bold",
})
KEYS = ("Enter next", "r run", "w K rewind", "f K fork", "b branch", "j judge", "? help", "q quit")
KEYS_OF_A_PERSON = {
    "doctor": ("type what you say", "x NAME examine", "/ command", "? help", "q quit"),
    "patient": ("type what you say", "end leave", "/ command", "? help", "q quit"),
}


async def step_at_keyboard(desk: Desk, screen: Screen, **terminal: Any) -> None:
    """Let a person step until they leave; ``terminal`` is handed to the prompt (input and output of a test)."""
    prompt: PromptSession[str] = PromptSession(
        history=InMemoryHistory(), completer=Completion(desk), complete_while_typing=False, style=STYLE,
        bottom_toolbar=lambda: toolbar(desk), erase_when_done=True, **terminal,
    )
    while not desk.leaving:
        try:
            line = await prompt.prompt_async(lambda: _prompt(desk))
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        await _carry_out(desk, screen, line)


async def _carry_out(desk: Desk, screen: Screen, line: str) -> None:
    """Carry out one line; Ctrl-C meanwhile ends the step, and turns that were finished stay."""
    task = asyncio.ensure_future(desk.do(line))
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        await desk.catch_up()
        screen.note("broken off; every finished turn is kept")
    except ClinicError as error:
        screen.error(str(error))
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def toolbar(desk: Desk) -> FormattedText:
    """Return what stands below the prompt: where the person is, who is to speak, and as many keys as fit."""
    snapshot = desk.here.snapshot
    where = in_one_line(f" {desk.here.branch.id} ")
    state = in_one_line(f"· {turns_words(snapshot)} · {next_words(snapshot)}")
    left = get_app().output.get_size().columns - len(where) - len(state) - 3
    keys = ""
    for key in KEYS_OF_A_PERSON.get(snapshot.waiting, KEYS) if desk.speaks else KEYS:
        if len(keys) + len(key) + 3 <= left:
            keys += f"   {key}"
    return FormattedText([
        ("class:toolbar.here", where), ("class:toolbar.text", state), ("class:toolbar.keys", keys),
    ])


def _prompt(desk: Desk) -> FormattedText:
    snapshot = desk.here.snapshot
    who = f" {snapshot.waiting}" if snapshot.for_human else ""
    return FormattedText([
        ("class:prompt.branch", in_one_line(desk.here.branch.id)),
        ("class:prompt.number", f" {len(snapshot.turns)}"), ("class:prompt.you", who), ("", " › "),
    ])
