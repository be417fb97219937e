"""``clinic export``: a run's consultations as training dialogues, plain JSON lines, or a table."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic export runs/quickstart --format sharegpt -o dialogues.json
  clinic export runs/quickstart --format csv -o scores.csv
"""


@click.command(short_help="Write a run as ShareGPT, JSON lines or CSV.", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["sharegpt", "jsonl", "csv"]), required=True, help="What to write.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write  [default: standard output]")
@click.option("--doctor", "doctors", multiple=True, metavar="NAME", help="Only this doctor (repeatable).")
def export(run: Path, form: str, output: Path | None, doctors: tuple[str, ...]) -> None:
    """Write the consultations of the run folder RUN in another format, ordered by case, doctor and trial."""
    from simulator.export import export_run

    count = export_run(run, form, output, doctors)
    if output:
        click.echo(f"{count} consultations written to {output}", err=True)
