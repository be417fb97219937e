"""A tiny random checkpoint, one real ``clinic serve --doctor`` that all tests of a run share, and clients of it."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from openai import OpenAI

from agents.sound.wave import Sound, wav_bytes
from simulator.doctor_server.settings import ServerSettings
from tests.tiny_server import ROOT, SHARED, free_port

NAME = "tiny"
SPOKEN_S = 3.0
KEEPER = ROOT / "tests" / "keep_while.py"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


@cache
def http() -> httpx.Client:
    """One client for all plain requests: making one costs more than most of them."""
    return httpx.Client(timeout=60, trust_env=False)


@dataclass(frozen=True)
class Served:
    """A running server; ``url`` ends in /v1."""

    url: str

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    def numbers(self) -> dict[str, float]:
        """What /metrics says, by name with labels."""
        lines = http().get(f"{self.root}/metrics").text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name.removeprefix("clinic_doctor_"): float(value) for name, _, value in pairs}


def command(checkpoint: Path, port: int, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "simulator", "serve", "--doctor", str(checkpoint), "--port", str(port), "--device", "cpu",
        "--served-name", NAME, "--max-spoken-s", str(SPOKEN_S), *more,
    ]


def wait_until_ready(url: str, process: subprocess.Popen[Any], log: Path) -> Served:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended: {log.read_text('utf-8', 'replace')[-1500:]}"
        try:
            if http().get(f"{url}/health", timeout=5).json()["status"] == "ready":
                return Served(f"{url}/v1")
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"the server did not answer: {log.read_text('utf-8', 'replace')[-1500:]}")


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    """A tiny SpeechLM with random weights, made once for all test processes."""
    folder = Path(os.environ[SHARED]) / "speechlm"
    with (folder.parent / "speechlm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            from model.random_checkpoint import write_random

            write_random(folder)
            (folder / "made").touch()
    return folder


@pytest.fixture(scope="session")
def server(checkpoint: Path) -> Served:
    """The server of this test run, started by the first process that asks; it ends with the run."""
    shared = Path(os.environ[SHARED])
    with (shared / "doctor-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = shared / "doctor-server.json"
        if known.exists():
            return Served(json.loads(known.read_text())["url"])
        port, log = free_port(), shared / "doctor-server.log"
        keeper = [sys.executable, str(KEEPER), os.environ[f"{SHARED}_PID"]]
        with log.open("ab") as out:
            process = subprocess.Popen(
                keeper + command(checkpoint, port), env={**os.environ, **ENVIRONMENT}, stdout=out, stderr=out, cwd=ROOT,
                start_new_session=True,
            )
        served = wait_until_ready(f"http://127.0.0.1:{port}", process, log)
        known.write_text(json.dumps({"url": served.url}))
        return served


@pytest.fixture
def client(server: Served) -> Iterator[OpenAI]:
    """OpenAI's own client, which does not try again."""
    with OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=60) as made:
        yield made


@pytest.fixture(scope="session")
def opened(checkpoint: Path) -> Iterator[Any]:
    """The same checkpoint, opened in this process, for applications with settings of their own."""
    from simulator.doctor_server.starting import open_worker, options_of

    made = open_worker(options_of(checkpoint=str(checkpoint), device="cpu", max_spoken_s=SPOKEN_S))
    yield made
    made.close()


@asynccontextmanager
async def asked(opened: Any, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An application over ``opened``, asked without a socket."""
    from simulator.doctor_server.app import make_app

    made = ServerSettings(NAME, **settings)
    transport = httpx.ASGITransport(app=make_app(opened, made), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{made.port}") as client:
        yield client


def tone(seconds: float = 0.4, rate_hz: int = 16_000) -> bytes:
    """A WAV file in which something is to be heard."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    return wav_bytes(Sound((0.3 * np.sin(2 * np.pi * 220 * at)).astype(np.float32), rate_hz))


def said(sound: bytes | None = None, form: str = "wav") -> dict[str, Any]:
    """A spoken part."""
    data = base64.b64encode(tone() if sound is None else sound).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


def chat(*parts: Any, **more: Any) -> dict[str, Any]:
    """A request with one turn; greedy, seeded and short unless said otherwise."""
    content = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else list(parts or [said()])
    asked = {"model": NAME, "messages": [{"role": "user", "content": content}], "max_tokens": 6, "seed": 5,
             "temperature": 0}
    return asked | more
