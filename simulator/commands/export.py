"""``clinic export``: a run's consultations as training dialogues, plain JSON lines, a table, or a static site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from simulator.site.write import Wanted

EXAMPLES = """\b
Examples:
  clinic export runs/quickstart --format sharegpt -o dialogues.json
  clinic export runs/quickstart --format csv -o scores.csv
  clinic export runs/quickstart --format site -o demo --limit 10
"""


@click.command(short_help="Write a run as ShareGPT, JSON lines, CSV or a static site.", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["sharegpt", "jsonl", "csv", "site"]), required=True,
              help="What to write.")
@click.option("-o", "--output", type=click.Path(path_type=Path),
              help="File to write (a folder for site)  [default: standard output]")
@click.option("--doctor", "doctors", multiple=True, metavar="NAME", help="Only this doctor (repeatable).")
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only this case (repeatable; site).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N cases, the first by id (site).")
@click.option("--title", default="", metavar="TEXT", help="What the pages are called  [default: the run's name]")
@click.option("--with-prompts", is_flag=True, help="Also show what the models were given, word for word (site).")
def export(
    run: Path, form: str, output: Path | None, doctors: tuple[str, ...], cases: tuple[str, ...], limit: int | None,
    title: str, with_prompts: bool,
) -> None:
    """Write the consultations of the run folder RUN in another format, ordered by case, doctor and trial.

    A site is a folder of pages with sound for a paper's demo page: it needs no server, no network and no JavaScript.
    An existing folder is replaced only when it is such a site. Read docs/sharing.md before you publish one.
    """
    from simulator.export import export_run

    if form == "site":
        from simulator.site.write import Wanted

        if output is None:
            raise click.UsageError("--format site writes a folder: name it with -o.")
        _export_site(run, output, Wanted(doctors, cases, limit, title, with_prompts))
        return
    for flag, given in (("--case", cases), ("--limit", limit), ("--title", title), ("--with-prompts", with_prompts)):
        if given:
            raise click.UsageError(f"{flag} works with --format site only.")
    count = export_run(run, form, output, doctors)
    if output:
        click.echo(f"{count} consultations written to {output}", err=True)


def _export_site(run: Path, output: Path, wanted: Wanted) -> None:
    from simulator.counting_bar import CountingBar
    from simulator.site.write import write_site

    with CountingBar(f"exporting {run.name}") as bar:
        written = write_site(run, output, wanted, begin=bar.start, done=bar.judged)
    click.echo(
        f"{written.consultations} consultations, {written.comparisons} comparisons and {written.sounds} sounds written "
        f"to {output}: open {output / 'index.html'}", err=True,
    )
    if written.missing:
        click.echo(f"{len(written.missing)} sounds are not in the run folder, first {written.missing[0]!r}", err=True)
