"""Running the real command line in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.store import without_timings

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "simulator"]

SLOW = """\
name: slow
cases: [{library: en, limit: 4}]
doctors:
  a: {backend: scripted-doctor, lines: [When did it start?, Is there anything else?, Please rest.], wait_s: 0.02}
  b: {backend: scripted-doctor, lines: [How are you?], wait_s: 0.02}
patient: {backend: scripted-patient, lines: [one, two, three, four, five, six], wait_s: 0.02}
judges: [{backend: scripted-judge, metrics: {total: 50}}]
trials: 6
seed: 3
concurrency: 4
"""


def clinic(*words: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run ``clinic`` and return what it did."""
    return subprocess.run([*COMMAND, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False, **more)


def clinic_process(*words: str | Path) -> subprocess.Popen[str]:
    """Start ``clinic`` and return the process."""
    return subprocess.Popen(
        [*COMMAND, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def stored(folder: Path) -> list[dict[str, Any]]:
    """Return the whole lines of consultations.jsonl."""
    text = (folder / "consultations.jsonl").read_bytes()
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def canonical(folder: Path) -> bytes:
    """Return the run's consultations, timings set aside, sorted by key, as bytes."""
    lines = [json.dumps(without_timings(line), ensure_ascii=False, sort_keys=True) for line in stored(folder)]
    return "\n".join(sorted(lines)).encode()


@pytest.fixture
def batch_file(tmp_path: Path) -> Callable[[str], Path]:
    """Return what writes a batch file and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "batch.yaml"
        path.write_text(text, "utf-8")
        return path

    return write
