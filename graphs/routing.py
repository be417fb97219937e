"""Pure routers: from the turns alone, whose turn it is and why a consultation has ended."""

from __future__ import annotations

from typing import Literal

from scenarios.schema import StopReason, Turn

Next = Literal["patient", "doctor", "examiner", "__end__"]


def whose_turn(turns: tuple[Turn, ...], max_turns: int) -> Next:
    """Return the next node: patient, doctor and, when a doctor asked for it, examiner in turn."""
    if not turns:
        return "patient"
    last = turns[-1]
    if last.role == "patient":
        return "__end__" if last.end else "doctor"
    if last.role == "doctor" and last.requests:
        return "examiner"
    return "__end__" if last.exchange >= max_turns else "patient"


def stop_reason(turns: tuple[Turn, ...], max_turns: int) -> StopReason:
    """Return why a consultation with these turns ended; ``failed`` when it ended before it should."""
    if not turns:
        return "failed"
    last = turns[-1]
    if last.role == "patient":
        return last.end or "failed"
    waiting = last.role == "doctor" and bool(last.requests)
    return "max_turns" if last.exchange >= max_turns and not waiting else "failed"


def next_exchange(turns: tuple[Turn, ...], speaker: Literal["patient", "doctor", "examiner"]) -> int:
    """Return the exchange (from 1) that ``speaker``'s next turn belongs to; a patient's turn opens a new one."""
    if not turns:
        return 1
    return turns[-1].exchange + (1 if speaker == "patient" else 0)
