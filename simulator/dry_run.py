"""What ``clinic run --dry-run`` shows: the forecast of a batch as a table, and whether a budget suffices."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.llm.forecast import Forecast
from scenarios.schema import KeyId
from simulator.budget import TOKENS, Budget
from simulator.build import Staff
from simulator.forecasting import REFEREE, Row, forecast_batch
from simulator.journal import read_lines
from simulator.plan import Plan
from simulator.store import CONSULTATIONS, key_id


def show_forecast(plan: Plan, staff: Staff, resumed: Path | None, budget: Budget | None) -> None:
    """Print the table, and whether ``budget`` suffices; ``resumed``: only what that run folder has not finished."""
    lines = read_lines(resumed / CONSULTATIONS) if resumed else ()
    finished = frozenset(key_id(line["key"]) for line in lines)
    rows = forecast_batch(plan, staff, finished)
    console = Console()
    console.print(forecast_table(rows, sum(KeyId(k.case, k.doctor, k.trial) not in finished for k, _ in plan.jobs())))
    if budget is None:
        return
    run = [row for row in rows if row.who != REFEREE]
    used = sum(row.forecast.prompt + row.forecast.completion for row in run)
    need = float(used) if budget.unit == TOKENS else sum(row.cost or 0.0 for row in run)
    enough = "suffices" if need <= budget.amount else "does not suffice"
    console.print(f"The budget of {budget.shown(budget.amount)} {enough}: about {budget.shown(need)} expected.",
                  highlight=False, soft_wrap=True)


def forecast_table(rows: tuple[Row, ...], consultations: int) -> Table:
    """Return the table that ``--dry-run`` shows."""
    table = Table(title=f"{consultations:,} consultations planned; estimated, nothing was asked")
    table.add_column("agent", overflow="fold")
    for name in ("backend", "model"):
        table.add_column(name, overflow="fold")
    for name in ("calls", "prompt", "cached", "completion", "cost", "longest", "context"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cast = row.forecast
        models = ", ".join(dict.fromkeys(model.model for model in row.models))
        longest = Text(f"{cast.longest:,}" if row.models else "", "red" if _too_long(row) else "")
        context = f"{row.context:,}" if row.context else "asked at start" if row.models else ""
        table.add_row(
            Text(row.who), Text(row.backend), Text(models), *_numbers(cast), _money(row), longest, context
        )
    total = sum((row.forecast for row in rows), Forecast())
    table.add_section()
    table.add_row("total", "", "", *_numbers(total), _total_money(rows), "", "")
    return table


def _too_long(row: Row) -> bool:
    return row.context is not None and row.forecast.longest > row.context


def _numbers(cast: Forecast) -> tuple[str, str, str, str]:
    share = f"{cast.cached / cast.prompt:.0%}" if cast.prompt else ""
    return f"{cast.calls:,}", f"{cast.prompt:,}", share, f"{cast.completion:,}"


def _money(row: Row) -> str:
    if row.cost is None or row.price is None:
        return "no price" if row.forecast.calls else ""
    return f"{row.cost:,.2f} {row.price.currency}"


def _total_money(rows: tuple[Row, ...]) -> str:
    """Return the sum in each currency; agents without a price are not in it."""
    sums: dict[str, float] = {}
    for row in rows:
        if row.cost is not None and row.price is not None:
            sums[row.price.currency] = sums.get(row.price.currency, 0.0) + row.cost
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(sums.items()))
