"""Places in which sessions are kept: a SQLite file, and a database of a real Postgres server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.loader import library_cases
from scenarios.schema import BackendRef, Case
from simulator.session import Casting
from tests.postgres_server import PostgresServer, start_postgres, stop_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = start_postgres()
    try:
        yield server
    finally:
        stop_postgres(server)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "sessions.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture(params=["zh", "en"])
def case(request: pytest.FixtureRequest) -> Case:
    return library_cases(request.param, limit=1)[0]


def cast(doctor: str | BackendRef = "history-taker", **changes: object) -> Casting:
    ref = BackendRef(backend=doctor) if isinstance(doctor, str) else doctor
    return Casting.model_validate({"doctor": ref, "doctor_name": ref.backend, "seed": 3, **changes})
