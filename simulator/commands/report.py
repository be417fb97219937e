"""``clinic report``: summary and report of a run folder, written anew from its journal."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Example:
  clinic report runs/quickstart
"""


@click.command(short_help="Write summary and report of a run again.", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> None:
    """Write summary.json and report.html of the run folder RUN again, also of an unfinished one."""
    from simulator.finish import finish_run, show_outcome
    from simulator.store import read_run

    read_run(run)
    show_outcome(finish_run(run))
