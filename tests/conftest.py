"""Shared fixtures: where real datasets lie, when they are there, and the real vLLM server that all tests share."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import structlog

from tests.tiny_server import SHARED, TinyServer, Unavailable, environment, shared_server, stop_server, tiny_model

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
LONGEST = (
    "test_in_process_vllm", "test_checks", "test_voice_batch", "test_llm_batch_vllm", "test_transformers_doctor_vllm",
    "test_ray", "test_doctors_rank", "test_kill_and_resume", "test_same_seed_same_words", "test_documents",
    "test_llm_judges_vllm", "test_openapi", "test_report", "test_kill", "test_web_browser", "test_sound_browser",
    "test_speech_contract", "test_llm_faults", "test_funasr", "test_step_plain",
)
"""Files whose tests take longest, the longest first; the second needs no vLLM server, which the first one starts."""


def pytest_configure(config: pytest.Config) -> None:
    """Let the first process name the folder in which all test processes find the one server."""
    if not hasattr(config, "workerinput"):
        os.environ[SHARED] = tempfile.mkdtemp(prefix="clinic-tests-")
        os.environ[f"{SHARED}_PID"] = str(os.getpid())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server when the last test is over."""
    if hasattr(config, "workerinput") or SHARED not in os.environ:
        return
    folder = Path(os.environ.pop(SHARED))
    known = folder / "server.json"
    if known.exists():
        stop_server(TinyServer(**json.loads(known.read_text())))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Undo how a command in one test set up the logs: its standard error is closed when the next test runs."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real datasets beside the checkout (or CLINIC_DATA); tests that need them skip where they are absent."""
    folder = Path(os.environ.get("CLINIC_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real datasets are not at {folder} (set CLINIC_DATA)")
    return folder


@pytest.fixture(scope="session")
def tiny_server() -> TinyServer:
    """A real vLLM server with a tiny model of random weights; tests skip where vLLM's CPU build cannot be had."""
    return _or_skip(shared_server)


@pytest.fixture(scope="session")
def tiny_model_folder() -> Path:
    """The tiny model's folder, for tests that load it themselves."""
    return _or_skip(tiny_model)


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The interpreter of vLLM's own environment, which also has what the simulator's core needs."""
    return _or_skip(environment) / "bin" / "python"


def _or_skip(make: Callable[[], T]) -> T:
    try:
        return make()
    except Unavailable as error:
        if os.environ.get("CLINIC_REQUIRE_VLLM") == "1":
            pytest.fail(f"CLINIC_REQUIRE_VLLM=1, but {error}")
        pytest.skip(str(error))
