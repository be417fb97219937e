"""``clinic import``: a foreign dataset becomes a case file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic import agentclinic agentclinic_medqa.jsonl -o cases.yaml
  clinic import meddg test.txt -o meddg.yaml --limit 100 --on-error skip
  clinic list formats                               what can be read
"""


@click.command("import", short_help="Turn a foreign dataset into a case file.", epilog=EXAMPLES)
@click.argument("format_", metavar="FORMAT")
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Case file: .yaml or .jsonl")
@click.option("--limit", type=click.IntRange(1), help="Only the first N records.")
@click.option(
    "--on-error", type=click.Choice(["stop", "skip"]), default="skip", show_default=True,
    help="What to do with a record that cannot become a case.",
)
def import_(format_: str, source: Path, output: Path, limit: int | None, on_error: str) -> None:
    """Read SRC in FORMAT and write its records as cases; every record becomes a case or a named, counted skip."""
    from scenarios.importers import import_cases
    from scenarios.writer import write_cases

    result = import_cases(format_, source, limit=limit, on_error="stop" if on_error == "stop" else "skip")
    write_cases(result.cases, output)
    click.echo(f"{len(result.cases)} cases written to {output}, {len(result.skipped)} records skipped", err=True)
    for reason, count in Counter(skip.reason for skip in result.skipped).most_common(10):
        example = next(skip.record for skip in result.skipped if skip.reason == reason)
        click.echo(f"  {count} x {reason} (first: record {example})", err=True)
