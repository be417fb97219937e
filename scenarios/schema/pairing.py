"""What a referee says about two consultations of one case; it knows neither the referee nor how wins are counted."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from scenarios.schema.base import Frozen
from scenarios.schema.record import Failure
from scenarios.schema.turn import Usage

Place = Literal["first", "second", "tie"]
"""What one asking answers: the consultation that was shown first, the one shown second, or neither."""

Choice = Literal["a", "b", "tie"]
"""The same answer in terms of the two doctors, whichever was shown first."""

Order = Literal["a-first", "b-first"]

_FIRST: dict[Order, dict[Place, Choice]] = {
    "a-first": {"first": "a", "second": "b", "tie": "tie"},
    "b-first": {"first": "b", "second": "a", "tie": "tie"},
}


class Asked(Frozen):
    """One asking, in one order. ``parsed`` is False when no answer could be read after bounded tries."""

    better: Place = "tie"
    dimensions: dict[str, Place] = {}
    reasons: dict[str, str] = Field(default={}, description="by dimension, and 'overall'")
    usage: Usage | None = None
    parsed: bool = True


class Preference(Frozen):
    """What both askings say together.

    ``orders`` holds the raw answers, A shown first and then B shown first. A ``winner`` has won in both orders;
    when the two disagree it is a tie and not ``consistent``. Dimensions are merged one by one in the same way.
    """

    winner: Choice
    dimensions: dict[str, Choice] = {}
    consistent: bool
    parsed: bool
    orders: tuple[Asked, Asked]

    @classmethod
    def of(cls, a_first: Asked, b_first: Asked) -> Self:
        """Merge the two askings."""
        winner, same = _agreed(a_first.better, b_first.better)
        both = [name for name in a_first.dimensions if name in b_first.dimensions]
        parsed = a_first.parsed and b_first.parsed
        return cls(
            winner=winner if parsed else "tie", consistent=same and parsed, parsed=parsed, orders=(a_first, b_first),
            dimensions={name: _agreed(a_first.dimensions[name], b_first.dimensions[name])[0] for name in both},
        )

    @property
    def usage(self) -> Usage | None:
        """The tokens of both askings."""
        known = [asked.usage for asked in self.orders if asked.usage is not None]
        return sum(known[1:], known[0]) if known else None


class Pairing(Frozen):
    """Two doctors compared on one trial of one case, as one line of ``pairings.jsonl``.

    ``config_hash`` covers the referee with its prompts, the case and what was said in both consultations.
    """

    case: str
    trial: int = Field(ge=0)
    doctor_a: str
    doctor_b: str
    config_hash: str
    preference: Preference
    failures: tuple[Failure, ...] = ()


def _agreed(a_first: Place, b_first: Place) -> tuple[Choice, bool]:
    one, other = _FIRST["a-first"][a_first], _FIRST["b-first"][b_first]
    return (one, True) if one == other else ("tie", False)
