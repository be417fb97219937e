"""``clinic run``: a batch file becomes a run folder with summary and report."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic run scenarios/batches/quickstart.yaml --out runs/quickstart
  clinic run compare.yaml --resume                  go on after a crash or Ctrl-C
  clinic run compare.yaml --only zh-ent-01 --doctor careful --trials 1
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
@click.option("--no-report", is_flag=True, help="Write summary.json but no report.html.")
def run(
    file: Path, out: Path | None, resume: bool, concurrency: int | None, trials: int | None, seed: int | None,
    only: tuple[str, ...], doctors: tuple[str, ...], limit: int | None, no_report: bool,
) -> None:
    """Run the batch in FILE: every case with every doctor, judged, stored and reported."""
    from simulator.batch import run_batch
    from simulator.finish import finish_run, show_outcome
    from simulator.preparation import describe, prepare
    from simulator.progress import BatchBar

    ready = prepare(file, {"concurrency": concurrency, "trials": trials, "seed": seed})
    plan = ready.plan.narrowed(only, doctors, limit)
    folder = out or Path("runs") / ready.batch.name
    with BatchBar(ready.batch.name) as bar:
        tally = run_batch(plan, ready.staff, folder, describe(plan), resume=resume, progress=bar)
    outcome = finish_run(folder, with_report=not no_report)
    show_outcome(outcome, tally)
