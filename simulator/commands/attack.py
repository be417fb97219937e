"""``clinic attack``: tries to talk a batch's judges and referee into better scores, and says how far they gave way."""

from __future__ import annotations

import json
from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  clinic attack batch.yaml                              every judge of the batch, and its referee
  clinic attack batch.yaml --judge llm --consultations 6 --out attack.json
  clinic attack batch.yaml --injections my-attacks.yaml --json
"""


@click.command(short_help="Attack a batch's judges with injections.", epilog=EXAMPLES)
@click.argument("batch", type=click.Path(path_type=Path))
@click.option("--judge", "names", multiple=True, metavar="NAME",
              help="Only this judge (repeatable); 'referee' is the referee.")
@click.option("--injections", "files", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="A file of injections (repeatable)  [default: the shipped ones]")
@click.option("--consultations", type=click.IntRange(1, 100), default=4, show_default=True,
              help="Clean consultations in each language.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the figures to this JSON file.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def attack(
    batch: Path, names: tuple[str, ...], files: tuple[Path, ...], consultations: int, out: Path | None, as_json: bool
) -> None:
    """Judge the same consultations with and without each injection, by the judges of the batch file BATCH.

    A judge can be trusted when 'all attacks' moves it no further than 'judged again' and 'harmless words' do.
    """
    from rich.console import Console

    from scenarios.injection_file import load_injections, shipped_injections
    from scenarios.loader import load_batch
    from simulator import attack as attacking
    from simulator.attack_figures import attack_figures, attack_tables
    from simulator.build import check
    from simulator.counting_bar import CountingBar
    from simulator.store import write_whole

    read, source = load_batch(batch)
    check(read, source)
    battery = tuple(one for file in files for one in load_injections(file)) or shipped_injections()
    languages = tuple(dict.fromkeys(one.language for one in battery))
    with CountingBar(f"attacking {read.name}") as bar:
        clean = attacking.clean_consultations(read.seed, consultations, languages)
        found = attacking.attack(read, battery, clean, names=names, progress=bar)
    figures = attack_figures(found)
    result = {
        "batch": read.name, "seed": read.seed, "consultations": [one.name for one in clean],
        "injections": len(battery), "targets": figures,
    }
    text = json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False)
    if out is not None:
        write_whole(out, text + "\n")
    if as_json:
        click.echo(text)
        return
    console = Console()
    for table in attack_tables(figures):
        console.print(table)
