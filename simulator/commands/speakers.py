"""``clinic speakers``: tables of reference speakers for voices that speak like a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenarios.errors import InputError

if TYPE_CHECKING:
    from agents.voices.speakers.corpora import Channel, CorpusName

EXAMPLES = """\b
Examples:
  clinic speakers build --corpus aishell3 /data/data_aishell3 -o speakers.json
  clinic speakers build --corpus aishell2 /data/AISHELL-2 --add -o speakers.json
  clinic speakers show speakers.json
  clinic speakers check speakers.json
"""


@click.group(short_help="Make and check tables of reference speakers.", epilog=EXAMPLES)
def speakers() -> None:
    """Tables of reference speakers: sex, age group, speaker, recordings and what is said in them.

    Voices that clone a recording (cosyvoice, fish-speech) choose one speaker a consultation from such a table.
    Read docs/speakers.md for where the corpora come from and what their licences allow.
    """


@speakers.command(short_help="Make a table from a corpus.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--corpus", type=click.Choice(["aishell2", "aishell3", "aishell2018a-eval"]), required=True,
              help="Which corpus FOLDER holds.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@click.option("--add", is_flag=True, help="Keep the other corpora that OUTPUT holds already.")
@click.option("--channel", type=click.Choice(["iOS", "Android", "Mic"]), default="iOS", show_default=True,
              help="Which of the parallel recordings (aishell2, aishell2018a-eval).")
@click.option("--speakers", "listed", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
              help="List of speakers (speaker, age group A to D or years, sex, accent)  [default: the corpus' own]")
@click.option("--per-speaker", type=click.IntRange(1, 50), default=3, show_default=True,
              help="Recordings kept of each speaker, at most.")
def build(
    folder: Path, corpus: CorpusName, output: Path, add: bool, channel: Channel, listed: Path | None, per_speaker: int
) -> None:
    """Choose the best fitting recordings of every speaker of the corpus in FOLDER, and write them as a table.

    FOLDER is the corpus as published and unpacked. The same folder always gives the same table. What was left out is
    counted by reason.
    """
    from agents.voices.speakers import building, corpora
    from agents.voices.speakers.table import TableFile, read_table, write_table
    from simulator.counting_bar import CountingBar

    layout = corpora.find_layout(corpus, folder, channel=channel, speakers=listed)
    kept = tuple(
        one for one in (read_table(output).corpora if add and output.exists() else ()) if one.name != corpus
    )
    with CountingBar(f"speakers of {corpus}") as bar:
        built = building.build(layout, per_speaker=per_speaker, begin=bar.start, done=bar.judged)
    write_table(output, TableFile(corpora=(*kept, built.corpus)))
    for reason, count in built.left_out.counts.most_common():
        click.echo(f"left out  {count:>8,}  {reason}, e.g. {built.left_out.examples[reason]!r}", err=True)
    number = sum(len(named) for groups in built.corpus.speakers.values() for named in groups.values())
    click.echo(f"{number} speakers of {built.utterances:,} utterances written to {output}", err=True)


@speakers.command(short_help="Count a table's speakers.")
@click.argument("table", type=click.Path(path_type=Path))
def show(table: Path) -> None:
    """Show how many speakers and recordings TABLE has of each sex and age group."""
    from rich.console import Console
    from rich.table import Table

    from agents.voices.speakers import SpeakerTable
    from agents.voices.speakers.checking import counts

    loaded = SpeakerTable.load(table)
    shown = Table("sex", "age group", "speakers", "recordings")
    for (sex, group), (named, recordings) in counts(loaded).items():
        shown.add_row(sex, group, f"{named:,}", f"{recordings:,}")
    Console().print(shown)
    click.echo(f"{len(loaded.speakers)} speakers, fingerprint {loaded.fingerprint}")


@speakers.command(short_help="Look whether a table's recordings are there.")
@click.argument("table", type=click.Path(path_type=Path))
def check(table: Path) -> None:
    """Look whether every recording of TABLE is there, can be read as sound and is 1 to 30 seconds long.

    Ends with exit code 2 when one is not.
    """
    from agents.voices.speakers import SpeakerTable
    from agents.voices.speakers.checking import problems
    from simulator.counting_bar import CountingBar

    loaded = SpeakerTable.load(table)
    with CountingBar("speakers checked") as bar:
        bar.start(len(loaded.speakers))
        found = problems(loaded, bar.judged)
    for problem in found[:20]:
        click.echo(problem)
    if found:
        raise InputError(
            f"{len(found)} recordings of {table} cannot be used: mend the corpus or its place, or build the table anew"
        )
    click.echo(f"all recordings of {len(loaded.speakers)} speakers are there")
