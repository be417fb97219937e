"""One sitting at a session: opens or begins it, lets a person or a script step it, says how to go on with it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from scenarios.errors import InputError
from simulator.session import open_book
from simulator.terminal.desk import Desk
from simulator.terminal.opening import Order, offer, stored
from simulator.terminal.plain import PlainView, standard_input, step_plainly
from simulator.terminal.view import View


@dataclass(frozen=True)
class Sitting:
    """What is stepped, on which branch, where sessions are kept, and how; ``usual`` place goes without saying."""

    order: Order
    branch: str
    place: str
    plain: bool = False
    keep_going: bool = False
    usual: bool = True


async def sit(asked: Sitting) -> bool:
    """Hold a sitting until the person leaves; returns whether every command went well.

    Raises:
        ClinicError: the session cannot be begun or opened.
    """
    if not asked.plain and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("this is no terminal to type in: add --plain, and commands come from standard input")
    begun = None if asked.order.stored else offer(asked.order)
    async with open_book(asked.place) as book:
        session = await begun.begin(book) if begun else await stored(book, asked.order)
        if asked.plain:
            view = PlainView()
            desk = await Desk.sit_down(session, view, asked.branch)
            _open(view, desk, asked, begun.notes if begun else ())
            well = await step_plainly(desk, view, standard_input(), keep_going=asked.keep_going)
            view.note(f"go on with: {how_to_go_on(asked, desk)}")
            return well
        from simulator.terminal.keyboard import step_at_keyboard
        from simulator.terminal.screen import Screen

        screen = Screen()
        desk = await Desk.sit_down(session, screen, asked.branch)
        _open(screen, desk, asked, begun.notes if begun else ())
        await step_at_keyboard(desk, screen)
        screen.note(f"Go on with:  {how_to_go_on(asked, desk)}")
        return True


def how_to_go_on(asked: Sitting, desk: Desk) -> str:
    """Return the command that opens this session again, where the person is now."""
    parts = ["clinic step --session", desk.here.info.id]
    if desk.here.branch.id != "main":
        parts += ["--branch", shlex.quote(desk.here.branch.id)]
    if not asked.usual:
        parts += ["--sessions", shlex.quote(shown_place(asked.place))]
    return " ".join(parts)


def shown_place(place: str) -> str:
    """Return where sessions are kept, without the password of a server."""
    if "://" not in place:
        return place
    url = urlsplit(place)
    if not url.password:
        return place
    return url._replace(netloc=url.netloc.replace(f":{url.password}@", ":***@")).geturl()


def _open(view: View, desk: Desk, asked: Sitting, notes: tuple[str, ...]) -> None:
    view.header(desk.here, shown_place(asked.place))
    for note in notes:
        view.note(note)
    if desk.here.snapshot.turns:
        view.whole(desk.here)
    view.status(desk.here)
