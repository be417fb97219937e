"""A scripted patient, a fake for tests of graphs and doctors: it says its lines in order and knows no case."""

from __future__ import annotations

import asyncio

from pydantic import Field

from agents.protocols import PatientReply, PatientView
from scenarios.schema import Frozen, StopReason


class ScriptedPatientOptions(Frozen):
    """What the fake says.

    ``lines``: one a patient turn, the last is repeated. ``end_after``: the patient turn (from 1) that ends the
    consultation, with ``end``; ``None``: it never ends it. ``wait_s``: seconds of asynchronous waiting per turn.
    """

    lines: tuple[str, ...] = Field(min_length=1)
    end_after: int | None = Field(default=None, ge=1)
    end: StopReason = "farewell"
    wait_s: float = Field(default=0.0, ge=0, le=3600)


class ScriptedPatient:
    """Says line n at its n-th turn, whatever it hears."""

    def __init__(self, options: ScriptedPatientOptions) -> None:
        """Keep the script."""
        self._options = options

    async def speak(self, view: PatientView) -> PatientReply:
        """Return the next line; its number is counted from the turns, so resuming and rewinding work."""
        await asyncio.sleep(self._options.wait_s)
        spoken = sum(turn.role == "patient" for turn in view.turns)
        line = self._options.lines[min(spoken, len(self._options.lines) - 1)]
        last = self._options.end_after is not None and spoken + 1 >= self._options.end_after
        return PatientReply(line, end=self._options.end if last else None)
