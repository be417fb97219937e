"""``clinic run``: a batch file becomes a run folder with summary and report."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

EXAMPLES = """\b
Examples:
  clinic run scenarios/batches/quickstart.yaml --out runs/quickstart
  clinic run compare.yaml --resume                  go on after a crash or Ctrl-C
  clinic run compare.yaml --only zh-ent-01 --doctor careful --trials 1
  clinic run compare.yaml --dry-run                 how many calls, tokens and how much money
  clinic run compare.yaml --budget 2Mtok            stop cleanly when so much is used; go on with --resume
  clinic run compare.yaml --replay runs/compare --out runs/again    the same words without a server
"""


@click.command(short_help="Run a batch: consult, judge, store, report.", epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/NAME-OF-BATCH]")
@click.option("--resume", is_flag=True, help="Go on in a run folder: nothing finished is repeated.")
@click.option("--concurrency", type=click.IntRange(1, 4096), help="Consultations at once.")
@click.option("--trials", type=click.IntRange(1, 1000), help="Repetitions of each case and doctor.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of the whole batch.")
@click.option("--only", multiple=True, metavar="CASE", help="Only this case (repeatable).")
@click.option("--doctor", "doctors", multiple=True, metavar="NAME", help="Only this doctor of the batch (repeatable).")
@click.option("--limit", type=click.IntRange(1), help="Only the first N cases.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
              help="Hold consultations in this process, or on the nodes of a Ray cluster.")
@click.option("--address", metavar="auto|HOST:PORT|ray://...", help="The Ray cluster  [default: started here]")
@click.option("--budget", metavar="2Mtok|5USD", help="Start nothing new once so many tokens or so much money are used.")
@click.option("--dry-run", is_flag=True, help="Only estimate calls, tokens and cost; asks nobody, writes nothing.")
@click.option("--no-preflight", is_flag=True, help="Do not ask the model servers first whether they can serve this.")
@click.option("--replay", type=click.Path(path_type=Path), metavar="RUN",
              help="Take every model reply from this run folder; needs no server.")
@click.option("--no-report", is_flag=True, help="Write summary.json but no report.html.")
@click.option("--no-measure", is_flag=True, help="Do not measure the run's sound; clinic measure does it later.")
def run(
    file: Path, out: Path | None, resume: bool, concurrency: int | None, trials: int | None, seed: int | None,
    only: tuple[str, ...], doctors: tuple[str, ...], limit: int | None, engine: Literal["local", "ray"],
    address: str | None, budget: str | None, dry_run: bool, no_preflight: bool, replay: Path | None, no_report: bool,
    no_measure: bool,
) -> None:
    """Run the batch in FILE: every case with every doctor, judged, stored and reported."""
    from scenarios.errors import BudgetReached
    from simulator.batch import Terms, run_batch
    from simulator.finish import finish_run, show_outcome
    from simulator.forecasting import affordable
    from simulator.pairing_finish import pair_after_run
    from simulator.preparation import describe, prepare
    from simulator.progress import BatchBar

    ready = prepare(file, {"concurrency": concurrency, "trials": trials, "seed": seed})
    plan = ready.plan.narrowed(only, doctors, limit)
    folder = out or Path("runs") / ready.batch.name
    replayed = {"replay_of": str(replay)} if replay else {}
    terms = Terms(affordable(budget, ready.batch, replay), not no_preflight, replay)
    if dry_run:
        from simulator.dry_run import show_forecast

        show_forecast(plan, ready.staff, folder if resume else None, terms.budget)
        return
    with BatchBar(ready.batch.name) as bar:
        tally = run_batch(
            plan, ready.staff, folder, describe(plan) | replayed, resume=resume, progress=bar, engine=engine,
            address=address, terms=terms,
        )
    if not tally.budget_note:
        pair_after_run(folder, ready.batch, replay)
    outcome = finish_run(folder, with_report=not no_report, measure=not no_measure)
    show_outcome(outcome, tally, replayed=replay is not None)
    if tally.budget_note:
        raise BudgetReached(tally.budget_note)
