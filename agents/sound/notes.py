"""What a sound was made of, noted in a file of SQLite that several processes share; it knows no sound.

The notes are only a short cut: where they are damaged they begin anew, and where they cannot be kept at all nothing is
found in them, and sounds are made again.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH})
"""Among them SQLITE_ERROR: a table of another shape."""


class Notes:
    """Texts under keys; may be used from any thread. The folder must exist before the first note."""

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        """Remember the file; it is opened when it is first needed, and never changed where it is ``read_only``."""
        self._file = file
        self._read_only = read_only
        self._lock = threading.Lock()
        self._said: sqlite3.Connection | None = None

    def find(self, key: str) -> str | None:
        """Return what was noted under ``key``, in whatever process."""
        rows = self._ask("SELECT about FROM said WHERE key = ?", _digest(key))
        return rows[0][0].decode("utf-8", "surrogatepass") if rows and isinstance(rows[0][0], bytes) else None

    def note(self, key: str, about: str) -> None:
        """Keep ``about`` under ``key``; the first note stays."""
        self._ask("INSERT OR IGNORE INTO said VALUES (?, ?)", _digest(key), about.encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        with self._lock:
            self._let_go()

    def _ask(self, statement: str, *values: bytes) -> list[Any]:
        with self._lock:
            try:
                return self._opened().execute(statement, values).fetchall()
            except sqlite3.DatabaseError as error:
                if not self._begun_anew(error):
                    return []
            with suppress(sqlite3.DatabaseError):
                return self._opened().execute(statement, values).fetchall()
            return []

    def _begun_anew(self, error: sqlite3.DatabaseError) -> bool:
        """Remove a damaged file, so that the next use makes a new one; whether that was the trouble."""
        self._let_go()
        code = _code(error)
        if code not in _DAMAGED or self._read_only:
            log.warning("what was said cannot be noted: sounds may be made again", file=str(self._file), why=str(error))
            return False
        if self._is_sound():
            return True
        log.warning("the notes of what was said are damaged and begin anew", file=str(self._file), why=str(error))
        for end in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._file.with_name(self._file.name + end).unlink()
        return True

    def _is_sound(self) -> bool:
        """Whether the file is whole, because another process has replaced it already."""
        try:
            said = self._opened()
            said.execute("SELECT key, about FROM said LIMIT 1")
            return list(said.execute("PRAGMA quick_check(1)")) == [("ok",)]
        except sqlite3.DatabaseError:
            return False
        finally:
            self._let_go()

    def _opened(self) -> sqlite3.Connection:
        if self._said is None:
            self._said = _looked_into(self._file) if self._read_only else _set_up(_connected(str(self._file)))
        return self._said

    def _let_go(self) -> None:
        if self._said is not None:
            with suppress(sqlite3.Error):
                self._said.close()
            self._said = None


def _connected(name: str) -> sqlite3.Connection:
    return sqlite3.connect(
        name, check_same_thread=False, isolation_level=None, timeout=30, uri=name.startswith("file:")
    )


def _looked_into(file: Path) -> sqlite3.Connection:
    """Open a file to read; in a folder that cannot be written without its log, which is empty in a finished run."""
    address = file.resolve().as_uri()
    try:
        return _readable(f"{address}?mode=ro")
    except sqlite3.DatabaseError:
        return _readable(f"{address}?immutable=1")


def _readable(address: str) -> sqlite3.Connection:
    said = _connected(address)
    try:
        said.execute("SELECT key FROM said LIMIT 1")
    except BaseException:
        said.close()
        raise
    return said


def _set_up(said: sqlite3.Connection) -> sqlite3.Connection:
    try:
        _wal(said)
        said.execute("PRAGMA synchronous = OFF")
        said.execute("CREATE TABLE IF NOT EXISTS said (key BLOB PRIMARY KEY, about BLOB NOT NULL) WITHOUT ROWID")
    except BaseException:
        said.close()
        raise
    return said


def _wal(said: sqlite3.Connection) -> None:
    try:
        said.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if _code(error) not in _BUSY:  # Another process is setting the same mode just now: it stays set.
            raise


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code; 0 where Python raised without one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:20]
