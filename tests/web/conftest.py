"""A small real run, the application over it, a client inside this process, and a server that listens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from click.testing import CliRunner
from fastapi import FastAPI

from simulator.cli import main
from simulator.web.app import make_app
from simulator.web.serving import Server, listener
from simulator.web.settings import Settings

BATCH = """\
name: small
cases: [{library: zh, limit: 2}, {library: en, limit: 2}]
doctors:
  careful: {backend: history-taker}
  quick: {backend: one-shot}
trials: 2
seed: 11
max_turns: 4
"""
BASE = "http://127.0.0.1:8750"
TOKEN = "a-token-of-some-length"


@dataclass(frozen=True)
class Opened:
    """An application that has started, a client of it, and what it was made from."""

    app: FastAPI
    client: httpx.AsyncClient
    settings: Settings

    @property
    def csrf(self) -> str:
        """The secret that its own pages send with a write."""
        return str(self.app.state.site.csrf)


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run, ``small``: four cases, two doctors, two trials. Tests only read it."""
    folder = tmp_path_factory.mktemp("runs")
    batch = folder / "small.yaml"
    batch.write_text(BATCH, "utf-8")
    done = CliRunner().invoke(main, ["run", str(batch), "--out", str(folder / "small"), "--no-report"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def settings(small_runs: Path, tmp_path: Path) -> Settings:
    """Settings over the small run, with sessions of the test's own."""
    return Settings(runs=small_runs, sessions=str(tmp_path / "sessions.sqlite"))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    """Start the application without a socket, as a program on this machine would ask it."""
    app = make_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield Opened(app, client, settings)


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Opened]:
    """The application over the small run and a client of it."""
    async with opened(settings) as found:
        yield found


@pytest.fixture
async def client(web: Opened) -> httpx.AsyncClient:
    """A client of the application, as a program on this machine would ask it."""
    return web.client


together = partial(pytest_asyncio.fixture, loop_scope="module")
"""Fixtures of one loop, so that the tests of a file can share an application."""


@together(scope="module")
async def plain(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    """One application for all tests of a file."""
    async with opened(Settings(small_runs, str(tmp_path_factory.mktemp("kept") / "sessions.sqlite"))) as found:
        yield found


@together(scope="module")
async def with_token(plain: Opened) -> AsyncIterator[Opened]:
    """One with a token, on loopback."""
    async with opened(replace(plain.settings, token=TOKEN)) as found:
        yield found


@asynccontextmanager
async def newcomer(found: Opened) -> AsyncIterator[Opened]:
    """Let somebody ask who has never been there."""
    transport = httpx.ASGITransport(app=found.app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield replace(found, client=client)


@together()
async def server(plain: Opened) -> AsyncIterator[Opened]:
    """The shared application with a client of the test's own."""
    async with newcomer(plain) as found:
        yield found


@together()
async def visitor(server: Opened) -> httpx.AsyncClient:
    """A client of the shared application."""
    return server.client


@together()
async def guarded(with_token: Opened) -> AsyncIterator[Opened]:
    """The shared application with a token, and a client of the test's own."""
    async with newcomer(with_token) as found:
        yield found


@pytest.fixture
def live_server(settings: Settings) -> Iterator[str]:
    """The application on a port of its own, over the small run; yields its address."""
    with serving(settings) as address:
        yield address


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run the real server in a thread while the body runs; yields its address."""
    bound = listener("127.0.0.1", 0)
    mine = replace(settings, port=bound.getsockname()[1])
    up = threading.Event()
    server = Server(make_app(mine), up.set)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve_on(bound)), daemon=True)
    thread.start()
    try:
        assert up.wait(20), "the server did not start"
        yield f"http://127.0.0.1:{mine.port}"
    finally:
        server.should_exit = True
        thread.join(15)
        bound.close()
