"""``clinic judge``: stored consultations are judged again, without simulating again, into a new run folder."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic judge runs/quickstart                        with the run's own judges
  clinic judge runs/quickstart --judge rubric --out runs/quickstart-rubric2
  clinic judge runs/quickstart --judges-from other-batch.yaml
"""


@click.command(short_help="Judge a run again, without simulating.", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--judge", "names", multiple=True, metavar="NAME", help="Judge by this backend (repeatable).")
@click.option("--judges-from", type=click.Path(path_type=Path), metavar="BATCH", help="Take the judges of this batch.")
@click.option("--out", type=click.Path(path_type=Path), help="New run folder  [default: RUN-judged]")
@click.option("--replay", type=click.Path(path_type=Path), metavar="RUN",
              help="Take every model reply from this run folder; needs no server.")
@click.option("--no-preflight", is_flag=True, help="Do not ask the model servers first whether they can serve this.")
def judge(
    run: Path, names: tuple[str, ...], judges_from: Path | None, out: Path | None, replay: Path | None,
    no_preflight: bool,
) -> None:
    """Judge the consultations of the run folder RUN again; RUN itself stays as it is."""
    from simulator.finish import finish_run, show_outcome
    from simulator.progress import BatchBar
    from simulator.rejudge import rejudge

    folder = out or run.with_name(f"{run.resolve().name}-judged")
    with BatchBar(f"judging {run.name}") as bar:
        missing = rejudge(
            run, folder, names=names, judges_from=judges_from, progress=bar, replay=replay, ask_first=not no_preflight
        )
    show_outcome(finish_run(folder), replay_note=missing, replayed=replay is not None)
