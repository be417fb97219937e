"""How far a run is, read from its journal as it grows: each line once, kept as sums; it knows no process."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.store import CONSULTATIONS

CHUNK_BYTES = 4 * 1024 * 1024
SETTLED_S = 2.0
"""A rate is told only after so long: the first consultations of many at once end together."""
STARTING_S = 15.0
"""Within so long after a process began, the rate is counted from its first consultation, not from its imports."""


@dataclass(frozen=True)
class Mean:
    """A doctor's running mean total over ``count`` scored consultations."""

    doctor: str
    mean: float
    count: int


class Standing:
    """Counts of one run folder; ``refresh`` may be called from any thread, and costs what was written since."""

    def __init__(self, folder: Path) -> None:
        """Read nothing yet."""
        self._path = folder / CONSULTATIONS
        self._lock = threading.Lock()
        self._begun: float | None = None
        self._from: tuple[float, int] | None = None
        self._already = 0
        self._forget()

    def refresh(self) -> None:
        """Take in every whole line written since the last call."""
        with self._lock:
            try:
                self._read()
            except FileNotFoundError:
                self._forget()
            if self._begun is not None and self._from is None and self.finished > self._already:
                now = time.monotonic()
                late = now - self._begun > STARTING_S
                self._from = (self._begun, self._already) if late else (now, self.finished)

    def begin(self) -> None:
        """Count the rate from here: a process starts to hold consultations."""
        self.refresh()
        self._begun, self._already, self._from = time.monotonic(), self.finished, None

    def means(self) -> tuple[Mean, ...]:
        """Return the doctors' running means, by name."""
        with self._lock:
            return tuple(Mean(name, total / count, count) for name, (total, count) in sorted(self._sums.items()))

    def rate(self) -> float | None:
        """Return consultations a second since ``begin``; None while it cannot be told."""
        if self._from is None:
            return None
        since, already = self._from
        passed, held = time.monotonic() - since, self.finished - already
        return held / passed if held > 0 and passed >= SETTLED_S else None

    def _forget(self) -> None:
        self.finished = 0
        self.failures: Counter[str] = Counter()
        self._sums: dict[str, tuple[float, int]] = {}
        self._offset = 0

    def _read(self) -> None:
        with self._path.open("rb") as file:
            if file.seek(0, 2) < self._offset:
                self._forget()
            file.seek(self._offset)
            rest = b""
            while block := file.read(CHUNK_BYTES):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    self._offset += len(line) + 1
                    self._note(line)

    def _note(self, line: bytes) -> None:
        try:
            done: dict[str, Any] = json.loads(line)
            doctor, metrics = str(done["key"]["doctor"]), done.get("metrics", {})
            owners = [str(failure["owner"]) for failure in done.get("failures", ())]
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        self.finished += 1
        self.failures.update(owners)
        if done.get("scored", True) and isinstance(metrics.get("total"), int | float):
            total, count = self._sums.get(doctor, (0.0, 0))
            self._sums[doctor] = total + metrics["total"], count + 1
