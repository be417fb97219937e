"""``clinic list``: what there is to choose from."""

from __future__ import annotations

import click

EXAMPLES = """\b
Examples:
  clinic list doctors
  clinic list cases --language zh
"""
WHATS = ("cases", "doctors", "patients", "examiners", "judges", "formats", "personas")


@click.command("list", short_help="Show cases, doctors, judges, formats ...", epilog=EXAMPLES)
@click.argument("what", type=click.Choice(WHATS))
@click.option("--language", type=click.Choice(["all", "zh", "en"]), default="all", help="Cases of this language.")
def list_(what: str, language: str) -> None:
    """Show the shipped cases, the backends of a role, the import formats or the persona axes."""
    from rich.console import Console

    from simulator.listing import table_of

    Console().print(table_of(what, language))
