"""``clinic pair``: a referee compares the doctors of a run, or of several runs, two by two on the same cases."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic pair runs/compare                                the doctors of one run, by the referee of its batch
  clinic pair runs/compare --referee-from other.yaml --out runs/compare-other-referee
  clinic pair runs/monday runs/tuesday --referee-from batch.yaml
"""


@click.command(short_help="Let a referee compare doctors two by two.", epilog=EXAMPLES)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--referee-from", type=click.Path(path_type=Path), metavar="BATCH",
              help="Take the referee of this batch  [default: of the first run's batch]")
@click.option("--out", type=click.Path(path_type=Path),
              help="Folder for the comparisons  [default: RUN itself, or RUN-vs-RUN beside the first]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def pair(runs: tuple[Path, ...], referee_from: Path | None, out: Path | None, as_json: bool) -> None:
    """Compare the doctors of RUNS on every case and trial, asked in both orders.

    With one run its doctors meet each other; with several, doctors meet those of the other runs. What was compared
    is not compared again, so the same command goes on after a stop.
    """
    import json

    from simulator.pairing import pair_runs, referee_of
    from simulator.pairing_finish import finish_pairing, show_pairing
    from simulator.pairing_progress import PairBar
    from simulator.store import read_run

    folder = out or (runs[0] if len(runs) == 1 else runs[0].with_name("-vs-".join(run.resolve().name for run in runs)))
    with PairBar(" against ".join(run.resolve().name for run in runs)) as bar:
        tally = pair_runs(runs, folder, referee_of(read_run(runs[0]), referee_from), bar)
    figures = finish_pairing(folder)
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False, indent=2))
        return
    show_pairing(folder, figures, tally)
