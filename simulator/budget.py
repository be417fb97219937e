"""A limit on what a batch may use, in tokens or money, and the meter that watches it; it knows no engine."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from scenarios.errors import InputError
from scenarios.schema import Consultation, Turn, Usage
from simulator.journal import read_lines
from simulator.store import CONSULTATIONS, TURNS
from simulator.usage import Spent

TOKENS = "tok"
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_WRITTEN = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)\s*(?P<scale>[kmb]?)\s*"
    r"(?P<unit>tok|tokens?|[a-z]{3})?", re.I,
)
_HELP = "Write tokens (2000000tok, 500k tokens, 2M) or money with its currency (5USD, 12.50 EUR)"

Job = TypeVar("Job")
Done = TypeVar("Done")


class BudgetSpent(Exception):
    """Ends one consultation after a journaled turn; caught by the batch, never shown."""


@dataclass(frozen=True)
class Budget:
    """``amount`` of ``unit``: tokens (``tok``) or a currency's three letters."""

    amount: float
    unit: str

    def used(self, spent: Spent) -> float:
        """Return how much of the budget's own unit was used."""
        return float(spent.tokens if self.unit == TOKENS else spent.cost or 0.0)

    def shown(self, amount: float) -> str:
        """Return an amount as a person writes it."""
        return f"{amount:,.0f} tokens" if self.unit == TOKENS else f"{amount:,.4f} {self.unit}"

    def written(self, amount: float) -> str:
        """Return an amount as ``--budget`` takes it."""
        return f"{math.ceil(amount)}tok" if self.unit == TOKENS else f"{math.ceil(amount * 1e4) / 1e4:.4f}{self.unit}"


def parse_budget(text: str) -> Budget:
    """Read ``2M``, ``500k tokens``, ``2,000,000tok``, ``5USD``, ``5.00 usd``; raises InputError with the ways."""
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        raise InputError(f"--budget {text!r} is neither tokens nor money. {_HELP}")
    scale, unit = found["scale"].lower(), (found["unit"] or "").lower()
    if not unit and not scale:
        raise InputError(f"--budget {text!r} does not say of what. {_HELP}")
    amount = float(found["number"].replace(",", "")) * _SCALE[scale]
    tokens = unit in ("", "tok", "token", "tokens")
    if amount <= 0 or (tokens and amount != int(amount)):
        raise InputError(f"--budget {text!r} must be a positive {'whole number of tokens' if tokens else 'amount'}")
    return Budget(amount, TOKENS if tokens else unit.upper())


@dataclass
class Meter:
    """Counts what is used; ``reached`` once the budget is. Without a budget it counts and never ends anything."""

    budget: Budget | None = None
    spent: Spent = field(default_factory=Spent)

    @property
    def reached(self) -> bool:
        """Whether nothing new may start."""
        return self.budget is not None and self.budget.used(self.spent) >= self.budget.amount

    def journal(self, write: Callable[[Turn], None], reached: Callable[[], None]) -> Callable[[Turn], None]:
        """Return a turn writer that counts what it has written and calls ``reached`` when the budget is."""

        def on_turn(turn: Turn) -> None:
            write(turn)
            self.spent.add(turn.usage)
            if self.reached:
                reached()

        return on_turn

    def judged(self, record: Consultation) -> None:
        """Count the verdicts of a finished consultation; its turns were counted as they came."""
        self.spent.verdicts(record.verdicts)

    def while_left(self, jobs: Iterator[Job]) -> Iterator[Job]:
        """Yield jobs until the budget is reached."""
        while not self.reached:
            try:
                job = next(jobs)
            except StopIteration:
                return
            yield job

    def while_left_to(self, work: Callable[[Job], Awaitable[Done]]) -> Callable[[Job | None], Awaitable[Done | None]]:
        """Return ``work`` as it is done until the budget is reached; it is not begun afterwards, nor for None."""

        async def when_affordable(job: Job | None) -> Done | None:
            return None if job is None or self.reached else await work(job)

        return when_affordable

    def how_to_go_on(self, done: int, total: int) -> str:
        """Return what was spent and which budget would suffice, as far as can be told."""
        assert self.budget is not None
        used = self.budget.used(self.spent)
        need = max(2 * self.budget.amount, used * total / done) if done else 2 * max(used, self.budget.amount)
        return (
            f"the budget is spent: {self.budget.shown(used)} of {self.budget.shown(self.budget.amount)}, after "
            f"{done} of {total} consultations. Consultations under way kept their turns. Run the same "
            f"command with --resume and a larger budget to go on, e.g. --resume --budget {self.budget.written(need)}"
        )


def raise_spent() -> None:
    """End the consultation whose turn was just journaled."""
    raise BudgetSpent


def spent_before(folder: Path) -> Spent:
    """Return what a run folder's journals say was used, cut-off consultations included."""
    spent = Spent()
    for line in read_lines(folder / TURNS):
        spent.add(_usage(line["turn"].get("usage")))
    for line in read_lines(folder / CONSULTATIONS):
        for verdict in line.get("verdicts", ()):
            spent.add(_usage(verdict.get("usage")))
    return spent


def check_currency(budget: Budget, prices: dict[str, str | None]) -> list[str]:
    """Return the agents whose model has no price, so that their use is not part of the money counted.

    Args:
        budget: what was asked for.
        prices: currency of each agent that asks a model; None where it has no price.

    Raises:
        InputError: money, but no price at all, or prices in another currency.
    """
    if budget.unit == TOKENS:
        return []
    named = {currency for currency in prices.values() if currency}
    if not named:
        raise InputError(
            f"--budget in {budget.unit} needs prices, and the batch has none. Give its models "
            f"'price: {{prompt: ..., completion: ..., currency: {budget.unit}}}' per million tokens, or a budget in "
            f"tokens, e.g. --budget 2000000tok"
        )
    if named != {budget.unit}:
        raise InputError(f"--budget is in {budget.unit}, but the batch's prices are in {', '.join(sorted(named))}")
    return sorted(name for name, currency in prices.items() if currency is None)


def _usage(data: dict[str, float] | None) -> Usage | None:
    return None if data is None else Usage.model_validate(data)

