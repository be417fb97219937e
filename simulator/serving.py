"""Starts one of the servers under ``services/vllm`` and waits until it answers; it knows scripts, no model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scenarios.errors import ClinicError, InputError, UnknownName

NOT_SERVERS = frozenset({"install", "common"})
PATIENT = "qwen2.5-72b-instruct"
TAIL = 25
"""Lines of a failed server's log that are shown."""


@dataclass(frozen=True)
class Served:
    """A server that answers: its address and the names of its models with their context lengths in tokens."""

    url: str
    models: dict[str, int]


def services_folder() -> Path:
    """Return the folder of start scripts: $CLINIC_SERVICES, or ``services`` of the checkout."""
    given = os.environ.get("CLINIC_SERVICES")
    folder = Path(given) if given else Path(__file__).resolve().parents[1] / "services"
    if not (folder / "vllm" / "common.sh").is_file():
        raise InputError(
            f"no start scripts at {folder / 'vllm'}: run from a checkout of clinic-simulator, or name its services "
            f"folder in CLINIC_SERVICES"
        )
    return folder


def server_scripts() -> dict[str, Path]:
    """Return the servers that can be started, by name."""
    found = sorted((services_folder() / "vllm").glob("*.sh"))
    return {path.stem: path for path in found if path.stem not in NOT_SERVERS}


def script_of(name: str) -> Path:
    """Return the start script; raises UnknownName with the choices."""
    known = server_scripts()
    if name not in known:
        raise UnknownName("server", name, known)
    return known[name]


@contextmanager
def started(script: Path, *, host: str, port: int, log: Path, arguments: tuple[str, ...] = ()) -> Iterator[int]:
    """Run a server for the body's time; yields its process id. The whole process group ends with the body."""
    if ask(host, port) is not None:
        raise InputError(f"something answers at http://{host}:{port} already; use it, or choose another --port")
    environment = {**os.environ, "HOST": host, "PORT": str(port)}
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            process = subprocess.Popen(
                ["bash", str(script), *arguments], env=environment, stdout=out, stderr=out, start_new_session=True
            )
    except OSError as error:
        raise ClinicError(f"cannot start {script}: {error.strerror}") from error
    try:
        yield process.pid
    finally:
        _end(process)


def wait_until_up(
    pid: int, *, host: str, port: int, wait_s: float, log: Path, tick: Callable[[float, str], None]
) -> Served:
    """Return the server once it answers; ``tick(seconds so far, last line of its log)`` is called while waiting.

    Raises:
        ClinicError: the process ended, or did not answer within ``wait_s``; the message holds its last words.
    """
    began = time.monotonic()
    while True:
        served = ask(host, port)
        if served is not None:
            return served
        waited = time.monotonic() - began
        if has_ended(pid):
            raise ClinicError(f"the server ended while starting. The last lines of {log}:\n{tail(log)}")
        if waited > wait_s:
            raise ClinicError(
                f"the server did not answer within {wait_s:g} s (loading large weights takes minutes: --wait). "
                f"The last lines of {log}:\n{tail(log)}"
            )
        tick(waited, tail(log, 1))
        time.sleep(0.5)


def ask(host: str, port: int) -> Served | None:
    """Return what a server at this address serves, or None when nobody answers as one."""
    url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}/v1"
    try:
        with urllib.request.urlopen(f"{url}/models", timeout=3) as answer:
            listed = json.loads(answer.read(1_000_000))
        return Served(url, {str(card["id"]): int(card.get("max_model_len") or 0) for card in listed["data"]})
    except (OSError, urllib.error.URLError, ValueError, KeyError, TypeError):
        return None


def tail(log: Path, lines: int = TAIL) -> str:
    """Return the end of a log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 20_000))
            said = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join([line for line in said.splitlines() if line.strip()][-lines:])


def has_ended(pid: int) -> bool:
    """Whether the server's process is over."""
    done, _ = os.waitpid(pid, os.WNOHANG)
    return done == pid


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            continue
        return
