"""``clinic list``: what there is to choose from."""

from __future__ import annotations

import json

import click

EXAMPLES = """\b
Examples:
  clinic list doctors
  clinic list doctors --check
  clinic list cases --language zh
"""
WHATS = ("cases", "doctors", "patients", "examiners", "judges", "voices", "listeners", "rubrics", "formats", "personas")


@click.command("list", short_help="Show cases, doctors, judges, formats ...", epilog=EXAMPLES)
@click.argument("what", type=click.Choice(WHATS))
@click.option("--language", type=click.Choice(["all", "zh", "en"]), default="all", help="Cases of this language.")
@click.option("--check", is_flag=True, help="Doctors: ask each server whether it answers now (3 s at most).")
@click.option("--json", "as_json", is_flag=True, help="Doctors: everything known, as JSON.")
def list_(what: str, language: str, check: bool, as_json: bool) -> None:
    """Show the shipped cases or rubrics, the backends of a role, the import formats or the persona axes."""
    from rich.console import Console

    from scenarios.errors import InputError
    from simulator.listing import doctors_data, doctors_table, table_of

    if not (check or as_json):
        Console().print(table_of(what, language))
        return
    if what != "doctors":
        raise InputError(f"--check and --json are for doctors, not for {what}: clinic list doctors --check")
    from agents import catalog
    from simulator import checking

    answers = checking.check(catalog.specs("doctor").values()) if check else {}
    if as_json:
        click.echo(json.dumps(doctors_data(answers), ensure_ascii=False, indent=2))
    else:
        Console().print(doctors_table(answers))
