"""The child process behind a batch: started, recognised again, wound down; it knows no page and no batch."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from scenarios.errors import ClinicError

GRACE_S = 6.0
"""How long a process may take after each signal; what it finished is on disk whichever ends it."""
LADDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
_LOOK_S = 0.05


async def spawn(batch: Path, run: Path, log: Path, flags: Sequence[str]) -> asyncio.subprocess.Process:
    """Start ``clinic run`` on ``batch`` in a process group of its own, printing to the end of ``log``.

    A Ctrl-C at the server's terminal does not reach it, and it outlives a server that is killed. Raises ClinicError.
    """
    command = [sys.executable, "-m", "simulator", "run", str(batch), "--out", str(run), *flags]
    surroundings = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
    try:
        with log.open("ab") as printed:
            return await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=printed, stderr=asyncio.subprocess.STDOUT,
                start_new_session=True, env=surroundings,
            )
    except OSError as error:
        raise ClinicError(f"the batch could not be started: {error.strerror}") from error


def is_ours(pid: int, run: Path) -> bool:
    """Whether ``pid`` is still the process that writes ``run``, and not a later one that got its number.

    Always False where there is no ``/proc``: there ``is_locked`` alone says that a run is being written.
    """
    if pid <= 0:
        return False
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"simulator" in words and os.fsencode(run) in words


def is_locked(run: Path) -> bool:
    """Whether some process is writing the run folder at this moment."""
    try:
        handle = os.open(run / ".lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


async def wind_down(pid: int, is_alive: Callable[[], bool], grace_s: float = GRACE_S) -> None:
    """Ask a process to end, so that its run can be gone on with; insist when it does not.

    The first signals go to the process alone, which ends what it started; the last one to its whole group.
    """
    for number in LADDER:
        if not is_alive():
            return
        with suppress(ProcessLookupError, PermissionError):
            if number == signal.SIGKILL:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)
        until = time.monotonic() + grace_s
        while is_alive() and time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)
