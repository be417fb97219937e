"""``clinic schema``: JSON Schema of the YAML files, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

EXAMPLES = """\b
Examples:
  clinic schema batch > batch.schema.json
  clinic schema case -o case.schema.json
Then, as the first line of a batch file:
  # yaml-language-server: $schema=batch.schema.json
"""


@click.command(short_help="Print JSON Schemas for editors.", epilog=EXAMPLES)
@click.argument("what", type=click.Choice(["batch", "case", "cases", "consultation", "rubric"]), default="batch")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write  [default: standard output]")
def schema(what: str, output: Path | None) -> None:
    """Print the JSON Schema of a batch, a case, a list of cases, a rubric, or a stored consultation."""
    from pydantic import TypeAdapter

    from scenarios.schema import Batch, Case, Consultation
    from scenarios.schema.rubric import Rubric
    from simulator.store import write_whole

    models: dict[str, Any] = {
        "batch": Batch, "case": Case, "cases": list[Case], "consultation": Consultation, "rubric": Rubric,
    }
    text = json.dumps(TypeAdapter(models[what]).json_schema(by_alias=True), ensure_ascii=False, indent=2) + "\n"
    if output:
        write_whole(output, text)
    else:
        click.echo(text, nl=False)
