"""``langgraph dev`` serves the machines of langgraph.json, and each runs there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scenarios.loader import library_cases


@pytest.fixture(scope="module")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("studio") / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("langgraph")), "dev", "--no-browser", "--no-reload", "--host",
             "127.0.0.1", "--port", str(port)],
            cwd=root, env={**os.environ, "LANGGRAPH_CLI_NO_ANALYTICS": "1", "PYTHONPATH": str(root)},
            stdout=output, stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/ok", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    pytest.fail(f"langgraph dev did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def run(server: str, machine: str, given: dict[str, Any]) -> dict[str, Any]:
    reply = httpx.post(f"{server}/runs/wait", json={"assistant_id": machine, "input": given}, timeout=60)
    assert reply.status_code == 200, reply.text
    state: dict[str, Any] = reply.json()
    assert "__error__" not in state, state
    return state


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_consultation_runs_from_a_shipped_cases_name_and_is_judged(server: str, language: str) -> None:
    case = library_cases(language, limit=1)[0]
    held = run(server, "consultation", {"case": case.id, "max_turns": 3, "seed": 5})
    roles = [turn["role"] for turn in held["turns"]]
    assert roles[0] == "patient" and roles.count("doctor") == 3
    judged = run(server, "judging", {"case": case.id, "turns": held["turns"]})
    assert 0 <= judged["verdicts"][0]["metrics"]["total"] <= 100


def test_a_whole_case_and_a_persona_may_be_given(server: str) -> None:
    case = library_cases("en", limit=1)[0].model_dump(mode="json")
    held = run(server, "consultation", {"case": case, "persona": {"personality": "impatient"}, "max_turns": 1})
    assert [turn["role"] for turn in held["turns"]][:2] == ["patient", "doctor"]
