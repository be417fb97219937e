"""After comparisons: figures are written, a run's summary and report brought up to date, and the person is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from scenarios.errors import ClinicError
from scenarios.schema import Batch
from simulator.finish import finish_run
from simulator.pairing import PairTally, nothing_to_pair, pair_runs
from simulator.pairing_figures import pairwise_part, pairwise_tables
from simulator.pairing_progress import PairBar
from simulator.pairing_store import PAIRINGS
from simulator.store import RUN, write_whole

FIGURES = "pairwise.json"


def finish_pairing(folder: Path) -> dict[str, Any]:
    """Return the figures of ``folder``; writes them into its summary and report, or to pairwise.json outside a run."""
    if (folder / RUN).exists():
        return dict(finish_run(folder).summary.get("pairwise", {}))
    figures: dict[str, Any] = pairwise_part(folder).get("pairwise", {})
    write_whole(folder / FIGURES, json.dumps(figures, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    return figures


def pair_after_run(folder: Path, batch: Batch, replay: Path | None = None) -> None:
    """Compare the doctors of a finished run by the referee of its batch; does nothing without one, or with one doctor.

    Args:
        folder: of the run.
        batch: whose referee it is.
        replay: a run whose recorded replies stand in for the referee's model.

    Raises:
        ClinicError: the comparisons stopped; the run's summary and report have been written before.
    """
    if batch.referee is None or nothing_to_pair(folder):
        return
    try:
        with PairBar(f"comparing {batch.name}") as bar:
            tally = pair_runs((folder,), folder, batch.referee, bar, replay=replay)
    except ClinicError:
        finish_run(folder)
        raise
    show_failures(tally)


def show_failures(tally: PairTally) -> None:
    """Print what went wrong in the comparisons, and how to repeat those that a server spoiled."""
    console = Console()
    if tally.failures:
        told = ", ".join(f"{what} {count}" for what, count in tally.failures.most_common())
        console.print(f"Comparisons that failed: {told}", style="red", highlight=False, markup=False)
    if any(what.startswith("infrastructure") for what in tally.failures):
        console.print("'clinic pair' with the same folder repeats those that a server spoiled.", highlight=False)


def show_pairing(folder: Path, figures: dict[str, Any], tally: PairTally) -> None:
    """Print the tables, what went wrong, and where everything is."""
    console = Console()
    for table in pairwise_tables({"pairwise": figures}):
        console.print(table)
    again = f", {tally.already} finished before" if tally.already else ""
    console.print(f"{tally.compared} comparisons made{again}.", highlight=False)
    show_failures(tally)
    for case, why in list(tally.left_out.items())[:5]:
        console.print(f"Not compared: case {case}, {why}", highlight=False, markup=False)
    console.print(f"Comparisons: {folder / PAIRINGS}", highlight=False, soft_wrap=True, markup=False)
