"""The real vLLM server that the tests share: a tiny model with random weights, started once for all test processes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SERVICE = ROOT / "services" / "vllm"
MODELS = ("tiny-qwen2", "tiny-qwen2-b")
SHARED = "CLINIC_TEST_SHARED"
START_S = 240.0


class Unavailable(Exception):
    """vLLM's CPU build cannot be had here; the message says why."""


@dataclass(frozen=True)
class TinyServer:
    """A running server; ``url`` ends in /v1."""

    url: str
    pid: int = 0
    models: tuple[str, str] = MODELS

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")


def environment() -> Path:
    """Return vLLM's own virtual environment, made once per content of its requirements."""
    if shutil.which("bash") is None:
        raise Unavailable("no bash to install vLLM's environment with")
    done = subprocess.run(["bash", str(SERVICE / "install.sh"), "cpu"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"vLLM's CPU environment cannot be installed: {done.stderr.strip()[-400:]}")
    return Path(done.stdout.strip().splitlines()[-1])


def tiny_model() -> Path:
    """Return the folder of the tiny model, made once per environment and recipe."""
    if given := os.environ.get("CLINIC_TINY_MODEL"):
        return Path(given)
    home = environment()
    folder = home / "tiny-model"
    with (home / ".tiny-model.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recipe = (SERVICE / "tiny_model.py").read_text("utf-8")
        made_by = folder / "made_by.py"
        if not made_by.exists() or made_by.read_text("utf-8") != recipe:
            shutil.rmtree(folder, ignore_errors=True)
            command = [str(home / "bin" / "python"), str(SERVICE / "tiny_model.py"), str(folder)]
            env = {**os.environ, "HF_HUB_OFFLINE": "1"}
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable(f"the tiny model cannot be made: {done.stderr[-400:]}")
            made_by.write_text(recipe, "utf-8")
    return folder


def shared_server() -> TinyServer:
    """Return the server of this test run, starting it when this is the first process that asks."""
    if given := os.environ.get("CLINIC_TINY_SERVER"):
        return TinyServer(given)
    folder = Path(os.environ[SHARED])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = folder / "server.json"
        if known.exists():
            return TinyServer(**json.loads(known.read_text()))
        server = start_server(folder / "server.log", keeper=int(os.environ[f"{SHARED}_PID"]))
        known.write_text(json.dumps({"url": server.url, "pid": server.pid}))
        return server


def start_server(log: Path, *, keeper: int, port: int | None = None) -> TinyServer:
    """Start a server that lives at most as long as the process ``keeper``, and wait until it answers."""
    port = port or free_port()
    env = {**os.environ, "MODEL": str(tiny_model()), "PORT": str(port), "HOST": "127.0.0.1"}
    keep = str(Path(__file__).with_name("keep_while.py"))
    command = [sys.executable, keep, str(keeper), "bash", str(SERVICE / "tiny.sh")]
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, start_new_session=True)
    server = TinyServer(f"http://127.0.0.1:{port}/v1", process.pid)
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Unavailable(f"the server ended while starting: {log.read_text('utf-8', 'replace')[-1500:]}")
        if answers(server):
            return server
        time.sleep(0.3)
    stop_server(server)
    raise Unavailable(f"the server did not answer within {START_S:g} s: {log.read_text('utf-8', 'replace')[-1500:]}")


def answers(server: TinyServer) -> bool:
    try:
        with urllib.request.urlopen(f"{server.root}/health", timeout=2):
            return True
    except (OSError, urllib.error.URLError):
        return False


def stop_server(server: TinyServer) -> None:
    """Kill a server and wait until its port is free again."""
    try:
        os.kill(server.pid, 15)
    except ProcessLookupError:
        return
    for _ in range(100):
        if not answers(server):
            return
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
