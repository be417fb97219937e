"""``clinic session``: what is stored of consultations that were stepped; listed, shown, exported, deleted."""

from __future__ import annotations

from pathlib import Path

import click

from simulator.commands.step import PLACE

EXAMPLES = """\b
Examples:
  clinic session list
  clinic session show k3v9wq2m --branch b2
  clinic session export k3v9wq2m -o branches.jsonl
  clinic session export k3v9wq2m --format run -o runs/stepped      then: clinic report, compare, export, view
  clinic session delete k3v9wq2m
"""
_where = click.option(
    "--sessions", "place", metavar="PLACE", envvar="CLINIC_SESSIONS", default=PLACE, show_default=True,
    help="Where sessions are kept: a SQLite file or postgresql://... (or $CLINIC_SESSIONS).",
)


@click.group("session", short_help="List, show, export and delete stepped sessions.", epilog=EXAMPLES)
def session() -> None:
    """Look after the sessions of `clinic step` and of the browser."""


@session.command("list", short_help="Show all sessions, newest first.", epilog="Example:  clinic session list")
@_where
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_(place: str, as_json: bool) -> None:
    """Show all sessions, newest first."""
    import asyncio

    from simulator.terminal.stored import list_sessions

    asyncio.run(list_sessions(place, as_json=as_json))


@session.command("show", short_help="Show a session's branches and turns.",
                 epilog="Example:  clinic session show k3v9wq2m --branch b2")
@click.argument("session_id", metavar="ID")
@click.option("--branch", metavar="NAME", default="main", show_default=True, help="The branch whose turns are shown.")
@_where
def show(session_id: str, branch: str, place: str) -> None:
    """Show the branches of session ID, and the turns of one."""
    import asyncio

    from simulator.terminal.stored import show_session

    asyncio.run(show_session(place, session_id, branch))


@session.command("export", short_help="Write branches as JSON lines, ShareGPT or a run folder.", epilog="""\b
Examples:
  clinic session export k3v9wq2m -o branches.jsonl
  clinic session export k3v9wq2m --branch main --branch b2 --format run -o runs/stepped
""")
@click.argument("session_id", metavar="ID")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New file, or run folder.")
@click.option("--format", "form", type=click.Choice(["jsonl", "sharegpt", "run"]), default="jsonl", show_default=True,
              help="run: a run folder with a doctor a branch; what nobody judged is judged first.")
@click.option("--branch", "branches", multiple=True, metavar="NAME", help="Only this branch (repeatable).")
@_where
def export(session_id: str, output: Path, form: str, branches: tuple[str, ...], place: str) -> None:
    """Write the branches of session ID.

    A run folder names each branch's doctor after its doctor, and after the branch where another doctor spoke before.
    A branch that is not over is in it, but keeps out of every score.
    """
    import asyncio

    from simulator.terminal.stored import export_stored

    click.echo(asyncio.run(export_stored(place, session_id, output, form, branches)), err=True)


@session.command("delete", short_help="Forget a session for good.", epilog="Example:  clinic session delete k3v9wq2m")
@click.argument("session_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_where
def delete(session_id: str, yes: bool, place: str) -> None:
    """Forget session ID with all its branches; nothing brings it back."""
    import asyncio

    from simulator.terminal.stored import delete_session, described

    words = asyncio.run(described(place, session_id))
    if not yes:
        click.confirm(f"Delete {words}?", abort=True)
    asyncio.run(delete_session(place, session_id))
    click.echo(f"deleted {words}", err=True)
