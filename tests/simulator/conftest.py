"""A finished run with synthetic consultations over shipped cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.schema import Case
from tests.simulator.report_run import shipped_cases


@pytest.fixture(scope="session")
def six_cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, ...]:
    return shipped_cases(tmp_path_factory.mktemp("cases"), 6)


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"
