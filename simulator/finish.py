"""After a batch: summary and report are written, and the person sees how the doctors stand and where to look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from agents.sound.shelf import AUDIO
from simulator.agreement import agreement_words
from simulator.batch import Tally
from simulator.compare import summary_tables
from simulator.report import write_report
from simulator.run_index import write_index
from simulator.summary import write_summary
from simulator.usage import in_words


@dataclass(frozen=True)
class Outcome:
    """Where a finished run's figures are."""

    folder: Path
    summary: dict[str, Any]
    report: Path | None
    sound: str = ""


def finish_run(folder: Path, *, with_report: bool = True, measure: bool = True) -> Outcome:
    """Write summary.json, the index that the run's pages begin with and, unless told not to, report.html.

    The sound of a run that has some is measured before, unless ``measure`` says that this was done: what takes long
    or needs more is left out, and ``Outcome.sound`` tells how to get it.
    """
    sound = _measured(folder) if measure and (folder / AUDIO).is_dir() else ""
    summary = write_summary(folder)
    write_index(folder)
    return Outcome(folder, summary, write_report(folder) if with_report else None, sound)


def _measured(folder: Path) -> str:
    from simulator.measuring.after import measure_after_run

    return measure_after_run(folder)


def show_outcome(
    outcome: Outcome, tally: Tally | None = None, replay_note: str = "", *, replayed: bool = False
) -> None:
    """Print the doctors' table, failures by owner, what was used, what a replay lacked, and the report's place."""
    console = Console()
    for table in summary_tables(outcome.summary):
        console.print(table)
    if tally is not None:
        again = f", {tally.already} finished before" if tally.already else ""
        console.print(f"{tally.held} consultations held{again}.", highlight=False)
        if tally.failures:
            owners = ", ".join(f"{owner} {count}" for owner, count in sorted(tally.failures.items()))
            console.print(f"[red]Failures by owner:[/red] {owners}", highlight=False)
    if note := replay_note or (tally.replay_note if tally else ""):
        console.print(Text(f"Replay: {note}", "red"), soft_wrap=True)
    if agreed := agreement_words(outcome.summary.get("agreement", {})):
        console.print(f"Panel's agreement (Krippendorff's alpha): {agreed}", highlight=False, soft_wrap=True)
    if used := outcome.summary.get("usage"):
        word = "Replayed, nothing was asked" if replayed else "Used"
        console.print(f"{word}: {in_words(used['total'], used['currency'])}", highlight=False, soft_wrap=True)
    if outcome.sound:
        console.print(Text(f"Sound: {outcome.sound}"), soft_wrap=True)
    console.print(f"Run folder: {outcome.folder}", highlight=False, soft_wrap=True)
    if outcome.report:
        console.print(f"Report:     {outcome.report}", highlight=False, soft_wrap=True)
