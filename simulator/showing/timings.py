"""How long each party took and what its models read and wrote in one consultation; it adds up, and knows no page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from scenarios.schema import Consultation, Turn, Usage


@dataclass(frozen=True)
class Spread:
    """Seconds: the median, the longest and all together."""

    median_s: float
    longest_s: float
    sum_s: float


@dataclass(frozen=True)
class Timed:
    """One party.

    ``first`` (to the first token or sound) and ``total`` are None where nothing was timed; ``usage`` is None where no
    model was asked, or none that counts tokens.
    """

    who: str
    turns: int
    first: Spread | None
    total: Spread | None
    usage: Usage | None


def timings(record: Consultation) -> tuple[Timed, ...]:
    """Return a row for everybody who spoke, in the order of the conversation, then one for each judge with tokens."""
    rows = []
    for role in ("patient", "doctor", "examiner"):
        if turns := [turn for turn in record.turns if turn.role == role]:
            first, total = [turn.latency.first_s for turn in turns], [turn.latency.total_s for turn in turns]
            rows.append(Timed(role, len(turns), _spread(first), _spread(total), _usage(turns)))
    rows += [Timed(f"judge {verdict.judge}", 0, None, None, verdict.usage) for verdict in record.verdicts
             if verdict.usage]
    return tuple(rows)


def _spread(seconds: Sequence[float]) -> Spread | None:
    return Spread(median(seconds), max(seconds), sum(seconds)) if any(seconds) else None


def _usage(turns: Sequence[Turn]) -> Usage | None:
    known = [turn.usage for turn in turns if turn.usage is not None]
    return sum(known[1:], known[0]) if known else None
