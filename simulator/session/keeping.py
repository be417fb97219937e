"""Where sessions lie: LangGraph's checkpoints and store in a SQLite file or on a Postgres server, and who may write."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.store.base import BaseStore

from scenarios.errors import InputError, MissingExtra, NotNow

TYPES = (
    ("scenarios.schema.case", "Case"), ("scenarios.schema.persona", "Persona"), ("scenarios.schema.turn", "Turn"),
)
"""What a checkpoint may hold besides plain values; anything else in one is not brought to life."""
POSTGRES = ("postgresql://", "postgres://")
BUSY_S = 30.0
WAIT_S = 10.0
POOL = 16
LOCKS = 32
"""Connections for locks, which are held as long as a model speaks; apart from those that read and write."""


@dataclass(frozen=True)
class Keeping:
    """Checkpoints (turns), store (what sessions and branches are called), and the lock of one branch.

    ``lock(name)`` is held while a step is taken; another process that holds it makes waiting end in ``NotNow``.
    ``sounds`` is the folder of what is said aloud, on this machine's disk in either case.
    """

    saver: BaseCheckpointSaver[Any]
    store: BaseStore
    lock: Callable[[str], AbstractAsyncContextManager[None]]
    sounds: Path = Path("sessions.sounds")


def sounds_of(where: str) -> Path:
    """Return the folder of the sounds of sessions at ``where``: beside a SQLite file, else in the current folder."""
    if where.startswith(POSTGRES):
        return Path("sessions.sounds")
    return Path(where).with_name(Path(where).name + ".sounds")


@asynccontextmanager
async def open_keeping(where: str) -> AsyncIterator[Keeping]:
    """Open, and prepare where it is new, the SQLite file or Postgres database at ``where``.

    Raises:
        InputError: it cannot be opened.
        MissingExtra: Postgres without its packages.
    """
    opened = _postgres(where) if where.startswith(POSTGRES) else _sqlite(where)
    async with opened as keeping:
        yield keeping


def _serde() -> JsonPlusSerializer:
    return JsonPlusSerializer(allowed_msgpack_modules=TYPES)


@asynccontextmanager
async def _sqlite(where: str) -> AsyncIterator[Keeping]:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.store.sqlite import AsyncSqliteStore

    path = Path(where)
    async with AsyncExitStack() as opened:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            turns = await opened.enter_async_context(aiosqlite.connect(path, timeout=BUSY_S))
            names = await opened.enter_async_context(aiosqlite.connect(path, timeout=BUSY_S, isolation_level=None))
            await turns.execute("PRAGMA journal_mode=WAL")
            saver = AsyncSqliteSaver(turns, serde=_serde())
            await saver.setup()
            store = await opened.enter_async_context(AsyncSqliteStore(names))
            await store.setup()
        except (OSError, sqlite3.Error) as error:
            raise _unkept(where, error) from error
        try:
            yield Keeping(saver, store, _file_locks(path.with_name(path.name + ".locks")), sounds_of(where))
        except sqlite3.Error as error:  # a full disk, a file somebody damaged
            raise _unkept(where, error) from error


def _unkept(where: str, error: Exception) -> InputError:
    return InputError(f"sessions cannot be kept in {where!r}: {error}. Name another file with --sessions.")


def _file_locks(folder: Path) -> Callable[[str], AbstractAsyncContextManager[None]]:
    """Return locks that end with the process that holds them."""

    @asynccontextmanager
    async def lock(name: str) -> AsyncIterator[None]:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder / hashlib.sha256(name.encode()).hexdigest()[:24], os.O_CREAT | os.O_RDWR, 0o600)
        try:
            async with _patience(name):
                while not _flock(handle):
                    await asyncio.sleep(0.05)
            yield
        finally:
            os.close(handle)

    return lock


def _flock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _patience(name: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WAIT_S):
            yield
    except TimeoutError as error:
        raise NotNow(f"somebody else is taking a step in {name!r} right now: look at it again in a moment") from error


@asynccontextmanager
async def _postgres(where: str) -> AsyncIterator[Keeping]:
    try:
        import psycopg
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
        from langgraph.store.postgres import AsyncPostgresStore
        from psycopg.rows import dict_row
        from psycopg_pool import AsyncConnectionPool
    except ModuleNotFoundError as error:
        raise MissingExtra("a session book on Postgres", "postgres") from error
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: Any = AsyncConnectionPool(where, min_size=1, max_size=POOL, kwargs=options, open=False, timeout=WAIT_S)
    locks: Any = AsyncConnectionPool(where, min_size=0, max_size=LOCKS, kwargs=options, open=False, timeout=WAIT_S)
    try:
        # a pool would go on trying where nobody listens; this says at once what is wrong
        await (await psycopg.AsyncConnection.connect(where, connect_timeout=int(WAIT_S))).close()
        await pool.open(wait=True, timeout=WAIT_S)
        await locks.open()
        saver, store = AsyncPostgresSaver(pool, serde=_serde()), AsyncPostgresStore(pool)
        async with pool.connection() as alone:
            # two processes that both make the tables for the first time would stand in each other's way
            await alone.execute("select pg_advisory_lock(%s)", (_number("setup"),))
            try:
                await saver.setup()
                await store.setup()
            finally:
                await alone.execute("select pg_advisory_unlock(%s)", (_number("setup"),))
        yield Keeping(saver, store, _server_locks(locks))
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise InputError(f"sessions cannot be kept on the Postgres server: {said}") from error
    finally:
        await locks.close()
        await pool.close()


def _server_locks(pool: Any) -> Callable[[str], AbstractAsyncContextManager[None]]:
    """Return locks of the server's own, which end with the connection that holds them."""

    @asynccontextmanager
    async def lock(name: str) -> AsyncIterator[None]:
        key = _number(name)
        async with pool.connection() as held:
            async with _patience(name):
                while not await _taken(held, key):
                    await asyncio.sleep(0.05)
            try:
                yield
            finally:
                await held.execute("select pg_advisory_unlock(%s)", (key,))

    return lock


async def _taken(held: Any, key: int) -> bool:
    answer = await (await held.execute("select pg_try_advisory_lock(%s) as taken", (key,))).fetchone()
    return bool(answer["taken"])


def _number(name: str) -> int:
    """Return the 63-bit number that stands for a name."""
    return int.from_bytes(hashlib.sha256(f"clinic {name}".encode()).digest()[:8], "big") >> 1
