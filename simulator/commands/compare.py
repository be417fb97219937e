"""``clinic compare``: doctors of one or several runs, paired on the cases they have in common."""

from __future__ import annotations

import json
from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic compare runs/quickstart                    the doctors of one run
  clinic compare runs/monday runs/tuesday --json    two runs, for machines
"""


@click.command(short_help="Compare doctors of one or several runs.", epilog=EXAMPLES)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(runs: tuple[Path, ...], as_json: bool) -> None:
    """Compare the doctors of RUNS: means with intervals, paired differences with p-values."""
    from rich.console import Console

    from simulator.compare import compare_runs, summary_tables

    result = compare_runs(runs)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    console = Console()
    for table in summary_tables(result):
        console.print(table)
