"""Starts ``clinic`` again and again as real processes that may be killed, having imported everything once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN_IMPORTS = (
    "simulator.preparation", "simulator.progress", "simulator.finish", "simulator.batch", "agents.doctors.entries",
    "agents.doctors.scripted", "agents.patients.scripted", "agents.examiners.record", "graphs.pairing", "uvloop",
)
"""What ``clinic run`` would import."""
PARENT = """
import importlib, json, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from simulator.cli import main
for line in iter(sys.stdin.readline, ""):
    asked = json.loads(line)
    child = os.fork()
    if not child:
        for number, place in enumerate(asked["places"]):
            os.dup2(os.open(place, os.O_RDWR | os.O_CREAT if number else os.O_RDONLY), number)
        main.main(asked["words"])
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""A process forked here runs one command from its first line to its end, and is nobody's child but this program's."""


class ForkedClinics:
    """Commands of ``clinic``, one at a time, each in a process of its own. ``imports`` are loaded before the first."""

    def __init__(self, folder: Path, *imports: str) -> None:
        """Start the program that forks; the commands' input and output lie in ``folder``."""
        self.folder = folder
        self.count = 0
        command = [sys.executable, "-c", PARENT, *imports]
        self.parent = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, *words: str | Path, typed: str = "") -> tuple[int, Path]:
        """Start a command; returns its process id and the file that its output goes to."""
        assert self.parent.stdin and self.parent.stdout
        self.count += 1
        commands, output = self.folder / "typed.txt", self.folder / f"output-{self.count}.txt"
        commands.write_text(typed, "utf-8")
        places = [str(commands), str(output), str(self.folder / f"errors-{self.count}.txt")]
        self.parent.stdin.write(json.dumps({"words": [str(word) for word in words], "places": places}) + "\n")
        self.parent.stdin.flush()
        return int(self.parent.stdout.readline()), output

    def wait(self) -> int:
        """Wait until the command has ended; returns its exit status, negative for the signal that killed it."""
        assert self.parent.stdout
        return int(self.parent.stdout.readline())

    @staticmethod
    def running(pid: int) -> bool:
        """Say whether a command has not ended."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    @staticmethod
    def kill(pid: int) -> None:
        """Kill a command as kill -9 does; one that has ended is left alone."""
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """End the program that forks."""
        self.parent.communicate()
