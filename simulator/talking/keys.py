"""Reads lines, typed or piped, and what Ctrl-C means meanwhile; it knows no command."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

from simulator.terminal.plain import standard_input

PROMPT, LISTENING = "› ", "● "


class Lines(Protocol):
    """Where lines come from."""

    async def line(self, mark: str = PROMPT) -> str | None:
        """Return the next line, None at the end or for Ctrl-C at a prompt; may be cancelled, and no line is lost."""
        ...


class PipedLines:
    """Standard input, line by line."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._pump: asyncio.Task[None] | None = None

    async def line(self, mark: str = PROMPT) -> str | None:
        """Return the next line, None at the end."""
        if self._pump is None:
            self._pump = asyncio.ensure_future(self._read())
        return await self._queue.get()

    async def _read(self) -> None:
        async for line in standard_input():
            self._queue.put_nowait(line)
        while True:
            self._queue.put_nowait(None)
            await asyncio.sleep(3600)


class TypedLines:
    """A prompt at a terminal with history and completion of commands and files."""

    def __init__(self, **terminal: Any) -> None:
        """``terminal`` is handed to the prompt (input and output of a test)."""
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory

        from simulator.talking.completion import Commands

        self._prompt: PromptSession[str] = PromptSession(
            history=InMemoryHistory(), completer=Commands(), complete_while_typing=False, erase_when_done=True,
            **terminal)

    async def line(self, mark: str = PROMPT) -> str | None:
        """Return what was typed, None for Ctrl-D and Ctrl-C."""
        try:
            return await self._prompt.prompt_async(mark)
        except (EOFError, KeyboardInterrupt):
            return None


class Interrupts:
    """Ctrl-C while something runs: the first breaks it off, one more before it has let go asks to leave."""

    def __init__(self) -> None:
        """Nothing runs."""
        self.leaving = False

    async def run(self, what: Coroutine[Any, Any, Any]) -> bool:
        """Run ``what`` to its end; returns False when Ctrl-C broke it off."""
        task = asyncio.ensure_future(what)
        presses = 0

        def pressed() -> None:
            nonlocal presses
            presses += 1
            self.leaving = presses > 1
            task.cancel()

        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(signal.SIGINT, pressed)
        try:
            await task
        except asyncio.CancelledError:
            if not presses:
                task.cancel()
                raise
            return False
        finally:
            loop.remove_signal_handler(signal.SIGINT)
        return True
