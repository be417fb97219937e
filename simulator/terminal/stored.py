"""What ``clinic session`` does: lists, shows, exports and deletes stored sessions; it steps none."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from scenarios.errors import InputError
from simulator.session import Session, SessionBook, SessionInfo, open_book
from simulator.session.export import export_session
from simulator.terminal.desk import snapshots_of
from simulator.terminal.harmless import in_one_line
from simulator.terminal.plain import PlainView
from simulator.terminal.screen import Screen
from simulator.terminal.view import Here, View


async def list_sessions(place: str, *, as_json: bool) -> None:
    """Print all sessions, newest first."""
    async with _book(place) as book:
        known = await book.list()
    if as_json:
        click.echo(json.dumps([_row(info) for info in known], ensure_ascii=False, indent=2))
    elif known:
        Console().print(_table(known))
    else:
        click.echo("There is no session yet: begin one with `clinic step FILE --case ID`.")


async def show_session(place: str, session_id: str, branch: str) -> None:
    """Print the turns of one branch and the tree of all."""
    async with _book(place) as book:
        session = await book.open(session_id)
        view: View = Screen() if sys.stdout.isatty() else PlainView()
        info = await session.info()
        snapshots = await snapshots_of(session, info)
        info.branch(branch)
        here = Here(info, snapshots[branch])
        view.header(here, place)
        view.whole(here)
        if here.snapshot.judged:
            view.verdicts(here)
        view.branches(here, snapshots)


async def export_stored(place: str, session_id: str, output: Path, form: str, branches: tuple[str, ...]) -> str:
    """Write branches of a stored session; returns what was written. Raises as ``export_session``."""
    async with _opened(place, session_id) as session:
        return await export_session(session, output, form, branches)


async def described(place: str, session_id: str) -> str:
    """Return a session in a few words; raises UnknownName."""
    async with _opened(place, session_id) as session:
        info = await session.info()
        count = len(info.branches)
        return in_one_line(f"session {info.id} ({info.case.id}, {count} branch{'es' if count != 1 else ''})")


async def delete_session(place: str, session_id: str) -> None:
    """Forget a session; raises UnknownName."""
    async with _book(place) as book:
        await book.delete(session_id)


@asynccontextmanager
async def _book(place: str) -> AsyncIterator[SessionBook]:
    """Open the sessions at ``place``, which must be there: looking makes no file."""
    if "://" not in place and not Path(place).is_file():
        raise InputError(f"no sessions are kept in {place}: begin one with `clinic step FILE --case ID`")
    async with open_book(place) as book:
        yield book


@asynccontextmanager
async def _opened(place: str, session_id: str) -> AsyncIterator[Session]:
    async with _book(place) as book:
        yield await book.open(session_id)


def _row(info: SessionInfo) -> dict[str, object]:
    return {
        "id": info.id, "title": info.title, "case": info.case.id, "language": info.case.language,
        "source": info.source, "created_at": info.created_at,
        "branches": [{
            "id": branch.id, "parent": branch.parent, "shared": branch.shared, "label": branch.label,
            "doctor": branch.casting.doctor_name, "seed": branch.casting.seed,
        } for branch in info.branches],
    }


def _table(known: tuple[SessionInfo, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("session", "began", "case", "branches", "title"):
        table.add_column(name, overflow="fold", no_wrap=name in ("session", "began"))
    for info in known:
        branches = ", ".join(f"{branch.id} ({branch.casting.doctor_name})" for branch in info.branches)
        began = info.created_at[:16].replace("T", " ")
        table.add_row(*(_cell(word) for word in (info.id, began, info.case.id, branches, info.title)))
    return table


def _cell(text: str) -> str:
    from rich.markup import escape

    return escape(in_one_line(text))
