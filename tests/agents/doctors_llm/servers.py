"""Starts doctor servers as real processes and stops them again."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue


@contextmanager
def doctor_server(file: Path, *arguments: str, env: dict[str, str] | None = None) -> Iterator[str]:
    """Run ``file`` on a free port; yields its address."""
    command = [sys.executable, str(file), "--port", "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def _address(process: subprocess.Popen[str]) -> str:
    """Read until the server says where it listens, and go on reading so that its pipe never fills."""
    found: Queue[str] = Queue()

    def read() -> None:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "listening on " in line:
                    found.put(line.split("listening on ")[1].strip())
        except ValueError:
            return

    threading.Thread(target=read, daemon=True).start()
    try:
        return found.get(timeout=20)
    except Empty:
        raise AssertionError("the server did not start") from None
