"""A real Postgres server for the tests: started in a folder of its own, gone with them; each test gets a database."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

START_S = 60


@dataclass(frozen=True)
class PostgresServer:
    """A running server that believes whoever comes from this machine."""

    folder: Path
    port: int

    def database(self) -> str:
        """Make a database and return its URL."""
        import psycopg

        name = f"clinic_{secrets.token_hex(4)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}")  # ours, hexadecimal
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://clinic@127.0.0.1:{self.port}/{database}"


def start_postgres() -> PostgresServer:
    """Start a server; skips the test where there is none, unless one is required."""
    programs = _programs()
    if programs is None:
        reason = "no Postgres server is installed (sh tests/install_postgres.sh)"
        if os.environ.get("CLINIC_REQUIRE_POSTGRES") == "1":
            pytest.fail(f"CLINIC_REQUIRE_POSTGRES=1, but {reason}")
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="clinic-postgres-"))
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    _run([programs / "initdb", "-D", data, "-U", "clinic", "-A", "trust", "--no-sync", "-E", "UTF8"], user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    start = ["-l", folder / "log", "-o", settings, "-w", "-t", START_S, "start"]
    _run([programs / "pg_ctl", "-D", data, *start], user)
    return PostgresServer(folder, port)


def stop_postgres(server: PostgresServer) -> None:
    """End the server and remove its folder."""
    programs = _programs()
    assert programs is not None
    user = "postgres" if os.getuid() == 0 else None
    _run([programs / "pg_ctl", "-D", server.folder / "data", "-m", "immediate", "stop"], user)
    shutil.rmtree(server.folder, ignore_errors=True)


def _programs() -> Path | None:
    """Return the folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


def _run(command: list[object], user: str | None) -> None:
    # pg_ctl's child keeps the output open: files, not pipes
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=said, stderr=said, user=user,
            cwd="/", check=False, timeout=2 * START_S,
        )
        said.seek(0)
        assert done.returncode == 0, said.read().decode("utf-8", "replace")
