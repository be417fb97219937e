"""A doctor that says the lines it is given: a fake for tests of what is built around doctors."""

from __future__ import annotations

import asyncio

from pydantic import Field

from agents.protocols import DoctorReply, DoctorView
from scenarios.schema import Frozen


class ScriptedDoctorOptions(Frozen):
    """``lines``: what is said at each of the doctor's turns, the last one again when they run out.

    ``requests``: for each line the examinations it asks for. ``wait_s``: time every reply takes.
    """

    lines: tuple[str, ...] = Field(min_length=1)
    requests: tuple[tuple[str, ...], ...] = ()
    wait_s: float = Field(default=0.0, ge=0, le=3600)


class ScriptedDoctor:
    """Counts its own turns in the dialogue, so that it keeps nothing between calls."""

    def __init__(self, options: ScriptedDoctorOptions) -> None:
        """Keep the lines."""
        self._options = options

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the line of this turn."""
        if self._options.wait_s:
            await asyncio.sleep(self._options.wait_s)
        spoken = sum(utterance.role == "doctor" for utterance in view.dialogue)
        line = self._options.lines[min(spoken, len(self._options.lines) - 1)]
        requests = self._options.requests[spoken] if spoken < len(self._options.requests) else ()
        return DoctorReply(line, requests=requests)
