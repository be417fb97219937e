"""All sessions of one place: made, listed, opened and deleted; how one goes on is the session's own affair."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agents.sound.shelf import SoundShelf
from graphs.stepping import beginning
from scenarios.errors import UnknownName
from scenarios.schema import BackendRef, Case, Turn
from simulator.session.keeping import Keeping, open_keeping
from simulator.session.lines import TROUBLE, thread
from simulator.session.model import Branch, Casting, SessionInfo
from simulator.session.rooms import Rooms, check_casting
from simulator.session.session import BRANCHES, JUDGED, MAIN, SESSIONS, Session
from simulator.session.sounds import with_sounds

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
PAGE = 200


@asynccontextmanager
async def open_book(where: str) -> AsyncIterator[SessionBook]:
    """Open the sessions at ``where``: a SQLite file (made when it is not there) or a ``postgresql://`` URL.

    Raises:
        InputError: it cannot be opened.
        MissingExtra: Postgres without its packages.
    """
    async with open_keeping(where) as keeping:
        book = SessionBook(keeping)
        try:
            yield book
        finally:
            await book.close()


class SessionBook:
    """The sessions of one SQLite file or Postgres database."""

    def __init__(self, keeping: Keeping) -> None:
        """Use ``keeping``, which its opener closes; see ``open_book``."""
        self._keeping, self._rooms = keeping, Rooms(keeping.saver, SoundShelf(keeping.sounds))

    async def create(
        self, case: Case, casting: Casting, *, doctors: Mapping[str, BackendRef] | None = None,
        turns: tuple[Turn, ...] = (), sounds: Path | None = None, title: str = "", source: str = "", note: str = "",
    ) -> Session:
        """Begin a session with ``case``, or go on from ``turns`` that were spoken elsewhere.

        ``doctors`` may be swapped in by name later; ``source`` says where the session came from, ``note`` what is
        otherwise than there. ``sounds`` is the folder that the sounds of ``turns`` lie in: they are copied, so that a
        doctor that hears goes on from them.

        Raises:
            UnknownName, InputError: a backend of ``casting`` that does not exist or refuses its options.
            RunFolderError: sounds cannot be stored.
        """
        check_casting(casting)
        if sounds is not None:
            turns = await asyncio.to_thread(with_sounds, turns, SoundShelf(sounds), self._rooms.shelf)
        name = "".join(secrets.choice(LETTERS) for _ in range(8))
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        start = beginning(case, casting.persona, casting.seed, casting.max_turns, turns)
        await self._rooms.bare.abulk_update_state(thread(name, MAIN), start)
        info = SessionInfo(
            id=name, title=title, source=source, note=note, case=case, doctors=dict(doctors or {}), began=casting,
            created_at=now,
        )
        branch = Branch(id=MAIN, shared=len(turns), casting=casting, created_at=now)
        await self._keeping.store.aput((BRANCHES, name), MAIN, branch.model_dump(mode="json"), index=False)
        # what makes the session exist comes last: a kill before it leaves nothing that anybody sees
        value = info.model_dump(mode="json", exclude={"branches"})
        await self._keeping.store.aput((SESSIONS,), name, value, index=False)
        return Session(name, self._keeping, self._rooms)

    async def list(self) -> tuple[SessionInfo, ...]:
        """Return all sessions, newest first."""
        branches: dict[str, tuple[Branch, ...]] = {}
        for item in await self._all((BRANCHES,)):
            of = item.namespace[1]
            branches[of] = (*branches.get(of, ()), Branch.model_validate(item.value))
        found = [
            SessionInfo.model_validate({**item.value, "branches": _in_order(branches.get(item.key, ()))})
            for item in await self._all((SESSIONS,))
        ]
        return tuple(sorted(found, key=lambda info: info.created_at, reverse=True))

    async def open(self, session: str) -> Session:
        """Return a session; raises UnknownName."""
        if await self._keeping.store.aget((SESSIONS,), session) is None:
            raise UnknownName("session", session, [item.key for item in await self._all((SESSIONS,))])
        return Session(session, self._keeping, self._rooms)

    async def delete(self, session: str) -> None:
        """Forget a session with all its branches; raises UnknownName."""
        info = await (await self.open(session)).info()
        await self._keeping.store.adelete((SESSIONS,), session)
        for branch in info.branches:
            for namespace in (BRANCHES, JUDGED, TROUBLE):
                await self._keeping.store.adelete((namespace, session), branch.id)
            await self._keeping.saver.adelete_thread(thread(session, branch.id)["configurable"]["thread_id"])

    async def close(self) -> None:
        """Close the agents."""
        await self._rooms.close()

    async def _all(self, namespace: tuple[str, ...]) -> tuple[Any, ...]:
        found: tuple[Any, ...] = ()
        while page := await self._keeping.store.asearch(namespace, limit=PAGE, offset=len(found)):
            found += tuple(page)
        return found


def _in_order(branches: tuple[Branch, ...]) -> tuple[Branch, ...]:
    return tuple(sorted(branches, key=lambda branch: (branch.created_at, branch.id)))
