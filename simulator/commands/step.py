"""``clinic step``: a consultation turn by turn, in the terminal or by a script."""

from __future__ import annotations

from pathlib import Path

import click

PLACE = "runs/sessions.sqlite"
EXAMPLES = """\b
Examples:
  clinic step scenarios/batches/quickstart.yaml --case zh-cardiology-01-loading-bay-chest-pressure
  clinic step --case en-ent-01-violin-repairer --doctor human     be the doctor
  clinic step --resume                                            go on with the newest session
  clinic step --session k3v9wq2m --branch b2
  printf 'run\\nexport out.jsonl\\n' | clinic step cases.yaml --case x --plain
\b
Once it runs: Enter = next turn, `rewind 2`, `fork --doctor checklist`, `help` for the rest.
With --plain: one command a line, blank lines and lines with # are skipped; every command ends with a line that
begins with "= " or "error: "; the first that fails ends it with exit code 2.
"""


@click.command(short_help="Step through one consultation; rewind, fork, take over.", epilog=EXAMPLES)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--case", metavar="ID", help="The case (of FILE, or a shipped one); may be left out when there is one.")
@click.option("--doctor", metavar="NAME|human",
              help="A doctor of the batch or the catalogue, or you  [default: the batch's first, else history-taker]")
@click.option("--patient", metavar="NAME|human",
              help="Who plays the patient, or you  [default: the batch's, else agenda]")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of the whole batch, as in `clinic run`.")
@click.option("--session", metavar="ID", help="Go on with a stored session (clinic session list).")
@click.option("--resume", is_flag=True, help="Go on with the newest session.")
@click.option("--branch", metavar="NAME", default="main", show_default=True, help="The branch to begin on.")
@click.option("--sessions", "place", metavar="PLACE", envvar="CLINIC_SESSIONS", default=PLACE, show_default=True,
              help="Where sessions are kept: a SQLite file or postgresql://... (or $CLINIC_SESSIONS).")
@click.option("--plain", is_flag=True, help="Commands on standard input, plain lines on standard output.")
@click.option("--keep-going", is_flag=True, help="With --plain: go on after a failed command; exit code 2 at the end.")
def step(
    file: Path | None, case: str | None, doctor: str | None, patient: str | None, seed: int | None,
    session: str | None, resume: bool, branch: str, place: str, plain: bool, keep_going: bool,
) -> None:
    """Step through one consultation of FILE (a batch or a case file; without it a shipped case), turn by turn.

    Every finished turn is stored at once. The words are those of the batch's first trial, until somebody rewinds,
    forks, edits or takes over.
    """
    import asyncio
    import os

    from scenarios.errors import InputError
    from simulator.terminal.opening import Order
    from simulator.terminal.sitting import Sitting, sit

    if keep_going and not plain:
        raise InputError("--keep-going is for --plain: at a keyboard a failed command never ends the session")
    usual = place == (os.environ.get("CLINIC_SESSIONS") or PLACE)
    order = Order(file, case or "", doctor or "", patient or "", seed, session or "", resume)
    if not asyncio.run(sit(Sitting(order, branch, place, plain, keep_going, usual))):
        raise SystemExit(2)
