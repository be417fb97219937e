"""What a batch will use, before it runs: every agent's own forecast, times its consultations; it asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel

from agents import catalog
from agents.llm.forecast import Forecast
from agents.llm.options import LLMOptions, Price
from scenarios.errors import InputError
from scenarios.schema import BackendRef, Batch, Case, KeyId
from simulator.budget import Budget, check_currency, parse_budget
from simulator.build import Staff
from simulator.plan import Plan

log = structlog.get_logger(__name__)
REFEREE = "referee"


@dataclass(frozen=True)
class Row:
    """One agent, the ``consultations`` it takes part in, and what it will use there."""

    who: str
    backend: str
    models: tuple[LLMOptions, ...]
    consultations: int
    forecast: Forecast

    @property
    def price(self) -> Price | None:
        """The mean price of the agent's models; None when one has none or they are in several currencies."""
        prices = [model.price for model in self.models if model.price is not None]
        if not prices or len(prices) < len(self.models) or len({price.currency for price in prices}) > 1:
            return None
        count = len(prices)
        return Price(
            prompt=sum(price.prompt for price in prices) / count, currency=prices[0].currency,
            completion=sum(price.completion for price in prices) / count,
            cached=sum(price.prompt if price.cached is None else price.cached for price in prices) / count,
        )

    @property
    def context(self) -> int | None:
        """The smallest context that the batch itself sets, in tokens; None: only the server knows."""
        known = [model.engine_args["max_model_len"] for model in self.models if "max_model_len" in model.engine_args]
        return min(known, default=None)

    @property
    def cost(self) -> float | None:
        """The expected money; None without a price."""
        return self.forecast.cost(self.price)


def references(batch: Batch) -> dict[str, tuple[catalog.BackendRole, BackendRef]]:
    """Return the agents of a batch by the names that ``Staff.members`` gives them."""
    patient = BackendRef(backend=batch.patient.backend, **batch.patient.options)
    found: dict[str, tuple[catalog.BackendRole, BackendRef]] = {
        f"doctor {name}": ("doctor", ref) for name, ref in batch.doctors.items()
    }
    found |= {"patient": ("patient", patient), "examiner": ("examiner", batch.examiner)}
    found |= {f"judge {ref.called}": ("judge", ref) for ref in batch.judges}
    return found | ({"referee": ("referee", batch.referee)} if batch.referee else {})


def models_of(role: catalog.BackendRole, ref: BackendRef) -> tuple[LLMOptions, ...]:
    """Return every model that a backend's options name; an agent without options has none."""
    return tuple(_models(catalog.validate_options(catalog.find(role, ref.backend), ref.options)))


def currencies_of(batch: Batch) -> dict[str, str | None]:
    """Return the currency of each agent that asks a model, None where it has no price."""
    found: dict[str, str | None] = {}
    for who, (role, ref) in references(batch).items():
        if role != "referee":
            for number, model in enumerate(models_of(role, ref)):
                name = who if not number else f"{who} ({number + 1})"
                found[name] = None if model.price is None else model.price.currency
    return found


def forecast_batch(plan: Plan, staff: Staff, finished: frozenset[KeyId] = frozenset()) -> tuple[Row, ...]:
    """Return one row an agent over the consultations that are not ``finished``.

    The referee, which compares finished consultations afterwards, counts one comparison for each pair of doctors.
    """
    open_of = {doctor: dict.fromkeys((case.id for case in plan.cases), 0) for doctor in plan.doctors}
    for key, case in plan.jobs():
        if KeyId(key.case, key.doctor, key.trial) not in finished:
            open_of[key.doctor][case.id] += 1
    return tuple(_rows(plan, staff, open_of))


def affordable(text: str | None, batch: Batch, replay: Path | None) -> Budget | None:
    """Read ``--budget`` and check it against the batch's prices; raises InputError."""
    if text is None:
        return None
    if replay is not None:
        raise InputError("--replay asks no model and spends nothing: leave out --budget")
    budget = parse_budget(text)
    if unpriced := check_currency(budget, currencies_of(batch)):
        log.warning("agents without a price are not counted in the budget", agents=", ".join(unpriced))
    return budget


def longest_of(agent: Any, cases: Iterable[Case], max_turns: int) -> int:
    """Return the longest prompt with its reply that ``agent`` expects over all cases, in tokens; 0 if it cannot say."""
    if not hasattr(agent, "forecast"):
        return 0
    return max((int(agent.forecast(case, max_turns).longest) for case in cases), default=0)


def _rows(plan: Plan, staff: Staff, open_of: dict[str, dict[str, int]]) -> Iterator[Row]:
    batch = plan.batch
    for who, (role, ref) in references(batch).items():
        name = who.partition(" ")[2]
        if role == "doctor" and name not in plan.doctors:
            continue
        if role == "doctor":
            counts = open_of[name]
        elif role == "referee":
            pairs = len(plan.doctors) * (len(plan.doctors) - 1) // 2
            counts = {case.id: pairs * batch.trials for case in plan.cases}
        else:
            counts = {case.id: sum(of[case.id] for of in open_of.values()) for case in plan.cases}
        agent = staff.members.get(who) or (catalog.create(role, ref) if role == "referee" else None)
        yield Row(
            who, ref.backend, models_of(role, ref), sum(counts.values()),
            _whole(agent, plan.cases, batch.max_turns, counts),
        )


def _whole(agent: Any, cases: tuple[Case, ...], max_turns: int, counts: dict[str, int]) -> Forecast:
    if not hasattr(agent, "forecast"):
        return Forecast()
    whole = Forecast()
    for case in cases:
        if times := counts[case.id]:
            one: Forecast = agent.forecast(case, max_turns)
            whole += replace(
                one, calls=one.calls * times, prompt=one.prompt * times, cached=one.cached * times,
                completion=one.completion * times,
            )
    return whole


def _models(options: Any) -> Iterator[LLMOptions]:
    if isinstance(options, LLMOptions):
        yield options
    elif isinstance(options, BaseModel):
        for name in type(options).model_fields:
            yield from _models(getattr(options, name))
    elif isinstance(options, (list, tuple)):
        for item in options:
            yield from _models(item)
    elif isinstance(options, dict):
        for item in options.values():
            yield from _models(item)
