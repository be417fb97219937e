"""How many tokens and how much money a run used, by role and doctor, from its stored turns and verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scenarios.schema import Consultation, Turn, Usage, Verdict

DIGITS = 6
"""Of money: sums of floats depend on their order beyond this."""


@dataclass
class Spent:
    """A running sum; ``cost`` is None until something with a known price was used."""

    calls: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    cost: float | None = None

    def add(self, usage: Usage | None) -> None:
        """Count one reply; None is a reply without a model."""
        if usage is None:
            return
        self.calls += usage.calls
        self.prompt += usage.prompt
        self.cached += usage.cached
        self.completion += usage.completion
        if usage.cost is not None:
            self.cost = (self.cost or 0.0) + usage.cost

    def turns(self, turns: tuple[Turn, ...]) -> None:
        """Count what was said."""
        for turn in turns:
            self.add(turn.usage)

    def verdicts(self, verdicts: tuple[Verdict, ...]) -> None:
        """Count what was judged."""
        for verdict in verdicts:
            self.add(verdict.usage)

    def join(self, other: Spent) -> None:
        """Add another sum."""
        self.add(Usage(
            prompt=other.prompt, completion=other.completion, cached=other.cached, calls=other.calls, cost=other.cost
        ))

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens; cached ones are prompt tokens too."""
        return self.prompt + self.completion

    def figures(self) -> dict[str, Any]:
        """Return the sum as plain data."""
        return {
            "calls": self.calls, "prompt": self.prompt, "cached": self.cached, "completion": self.completion,
            "cost": None if self.cost is None else round(self.cost, DIGITS),
        }


@dataclass
class UsageCount:
    """Sums by (doctor, role); a role is ``patient``, ``doctor``, ``examiner`` or ``judge NAME``."""

    sums: dict[tuple[str, str], Spent] = field(default_factory=dict)

    def see(self, record: Consultation) -> None:
        """Take in one consultation; costs nothing where no model was used."""
        doctor = record.key.doctor
        for turn in record.turns:
            if turn.usage is not None:
                self._of(doctor, turn.role).add(turn.usage)
        for verdict in record.verdicts:
            if verdict.usage is not None:
                self._of(doctor, f"judge {verdict.judge}").add(verdict.usage)

    def _of(self, doctor: str, role: str) -> Spent:
        return self.sums.setdefault((doctor, role), Spent())


def usage_figures(described: Mapping[str, Any], count: UsageCount) -> dict[str, Any] | None:
    """Return what finished consultations used; None when no model was asked.

    ``{currency, total: {calls, prompt, cached, completion, cost}, by_role: {ROLE: ...}, by_doctor: {NAME: {ROLE:
    ...}}}``. Costs in several currencies cannot be added: then ``currency`` and all costs are None.
    """
    if not count.sums:
        return None
    named = sorted(set(currencies(described.get("batch", {}))))
    total = Spent()
    by_role: dict[str, Spent] = {}
    by_doctor: dict[str, dict[str, Any]] = {}
    for (doctor, role), spent in sorted(count.sums.items()):
        if len(named) > 1:
            spent = Spent(spent.calls, spent.prompt, spent.cached, spent.completion)
        total.join(spent)
        by_role.setdefault(role, Spent()).join(spent)
        by_doctor.setdefault(doctor, {})[role] = spent.figures()
    return {
        "currency": named[0] if len(named) == 1 else None,
        "total": total.figures(),
        "by_role": {role: spent.figures() for role, spent in sorted(by_role.items())},
        "by_doctor": by_doctor,
    }


def in_words(spent: Mapping[str, Any], currency: str | None) -> str:
    """Return ``12 model calls, 3,456 prompt tokens (78% cached), 90 completion tokens, 0.0123 USD``."""
    share = f" ({spent['cached'] / spent['prompt']:.0%} cached)" if spent["cached"] and spent["prompt"] else ""
    words = f"{spent['calls']:,} model calls, {spent['prompt']:,} prompt tokens{share}, "
    words += f"{spent['completion']:,} completion tokens"
    return words + (f", {spent['cost']:,.4f} {currency or ''}".rstrip() if spent["cost"] is not None else "")


def currencies(batch: Any) -> Iterator[str]:
    """Yield the currency of every price that stands anywhere in a batch as run.json holds it."""
    if isinstance(batch, Mapping):
        price = batch.get("price")
        if isinstance(price, Mapping) and "prompt" in price:
            yield str(price.get("currency", "USD"))
        for value in batch.values():
            yield from currencies(value)
    elif isinstance(batch, (list, tuple)):
        for value in batch:
            yield from currencies(value)
