"""Runs a command until it ends, this process is told to end, or the process named first is gone: ``PID COMMAND...``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> int:
    keeper, command = int(sys.argv[1]), sys.argv[2:]
    child = subprocess.Popen(command, start_new_session=True)

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        while child.poll() is None and alive(keeper):
            time.sleep(0.5)
        return child.returncode or 0
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, number)
            except ProcessLookupError:
                break
            for _ in range(50):
                if child.poll() is not None:
                    break
                time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
