"""A server of ours for each test, and short pauses between tries."""

from __future__ import annotations

from collections.abc import Iterator

import openai  # noqa: F401  before the first test measures any time: the import takes up to seconds
import pytest

from tests.fault_server import FaultServer


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off and probing at a fiftieth of their length."""
    monkeypatch.setattr("agents.llm.retrying.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("agents.llm.breaker.FIRST_PROBE_S", 0.01)
    monkeypatch.setattr("agents.llm.breaker.LONGEST_PROBE_S", 0.2)
