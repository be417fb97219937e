"""Small cases and agents that the tests share; agents wait, fail or speak as told, nothing is patched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from agents.protocols import DoctorReply, DoctorView, ExaminerReply, JudgeView, PatientReply, PatientView
from scenarios.schema import Case, Persona, Turn, Verdict
from scenarios.schema.record import Key


def small_case(identifier: str = "case-1", **changes: Any) -> Case:
    data: dict[str, Any] = {
        "id": identifier, "language": "en", "chief_complaint": "My stomach has been hurting.",
        "facts": [{"id": "onset", "topic": "onset", "text": "It started three days ago", "critical": True}],
        "diagnosis": {"name": "gastritis"}, "provenance": {"source": "test"}, **changes,
    }
    return Case.model_validate(data)


def small_key(case: str = "case-1", doctor: str = "d", trial: int = 0) -> Key:
    return Key(case=case, doctor=doctor, trial=trial, seed=1, config_hash="0" * 16)


def start(case: Case, max_turns: int = 3, turns: tuple[Turn, ...] = ()) -> dict[str, Any]:
    return {"case": case, "persona": Persona(), "seed": 7, "max_turns": max_turns, "turns": turns}


@dataclass
class TalkingPatient:
    """Says what it is given, then goes on with numbered lines; remembers what it saw."""

    lines: list[PatientReply] = field(default_factory=list)
    wait_s: float = 0.0
    seen: list[PatientView] = field(default_factory=list)

    async def speak(self, view: PatientView) -> PatientReply:
        self.seen.append(view)
        await asyncio.sleep(self.wait_s)
        said = sum(turn.role == "patient" for turn in view.turns)
        return self.lines[said] if said < len(self.lines) else PatientReply(f"patient line {said}")


@dataclass
class TalkingDoctor:
    """Says what it is given; an exception in the list is raised once."""

    lines: list[DoctorReply | Exception] = field(default_factory=list)
    wait_s: float = 0.0
    seen: list[DoctorView] = field(default_factory=list)

    async def reply(self, view: DoctorView) -> DoctorReply:
        self.seen.append(view)
        await asyncio.sleep(self.wait_s)
        if self.lines:
            line = self.lines.pop(0)
            if isinstance(line, Exception):
                raise line
            return line
        return DoctorReply(f"doctor line {view.exchange}")


class QuietExaminer:
    async def examine(self, case: Case, requests: tuple[str, ...], seed: int) -> ExaminerReply:
        return ExaminerReply(f"not done: {', '.join(requests)}", not_done=requests)


@dataclass
class FixedJudge:
    total: float = 50.0

    async def judge(self, view: JudgeView) -> Verdict:
        return Verdict(judge="fixed", metrics={"total": self.total}, scores={"inquiry": 5.0})
