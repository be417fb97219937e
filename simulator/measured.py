"""Finds what pages show of a run's measured sound: of one consultation, of all, and the gaps; it measures nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from scenarios.schema import KeyId
from simulator.measuring.lines import SOUND, SoundLines

GAP_EDGES = (-1.0, 4.0)
GAP_BINS = 20
"""Of the histogram of gaps between speakers, seconds; what lies outside is counted in the outermost bins."""

_SHOWN = ("gap_s", "pesq", "stoi", "utmos")


class Measured:
    """The measured turns of a run, found by consultation; only places in the file are held."""

    def __init__(self, folder: Path) -> None:
        """Note where each consultation's lines are; a run that was not measured has none."""
        self._lines = SoundLines(folder)

    def turns(self, name: KeyId) -> dict[int, dict[str, Any]]:
        """Return what pages show of a consultation's sound, by ``Turn.index``."""
        return {index: _shown(line) for index, line in self._lines.of(name).items()}


def measured_turns(folder: Path, case: str, doctor: str) -> dict[int, dict[int, dict[str, Any]]]:
    """Return what pages show of the sound of a doctor's consultations of a case, by trial and ``Turn.index``."""
    wanted = json.dumps(case, ensure_ascii=False).encode()
    turns: dict[int, dict[int, dict[str, Any]]] = {}
    for line in _lines(folder / SOUND):
        found = _parsed(line) if wanted in line else None
        if found and (found[0].case, found[0].doctor) == (case, doctor):
            turns.setdefault(found[0].trial, {})[int(found[1].get("turn", -1))] = _shown(found[1])
    return turns


def gap_counts(folder: Path) -> Mapping[str, list[int]]:
    """Return the histogram of measured gaps between speakers, GAP_BINS counts from GAP_EDGES, by doctor."""
    path = folder / SOUND
    try:
        state = path.stat()
    except OSError:
        return {}
    return _gap_counts(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=16)
def _gap_counts(path: Path, size: int, mtime_ns: int) -> Mapping[str, list[int]]:
    low, high = GAP_EDGES
    counts: dict[str, list[int]] = {}
    for line in _lines(path):
        found = _parsed(line)
        gap = found[1].get("gap_s") if found else None
        if found and isinstance(gap, int | float):
            place = int((gap - low) / (high - low) * GAP_BINS)
            counts.setdefault(found[0].doctor, [0] * GAP_BINS)[min(GAP_BINS - 1, max(0, place))] += 1
    return counts


def _lines(path: Path) -> Iterator[bytes]:
    """Yield every whole line; none where there is no such file."""
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
    except OSError:
        return


def _parsed(line: bytes) -> tuple[KeyId, dict[str, Any]] | None:
    try:
        data = json.loads(line)
        key = data["key"]
        return KeyId(str(key["case"]), str(key["doctor"]), int(key["trial"])), data
    except (ValueError, KeyError, TypeError):
        return None


def _shown(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of a turn; figures that are no numbers are left out."""
    shown: dict[str, Any] = {name: line[name] for name in _SHOWN if isinstance(line.get(name), int | float)}
    vad = line.get("vad")
    if isinstance(vad, dict) and all(isinstance(vad.get(name), int | float) for name in ("speech_s", "share")):
        shown["vad"] = {"speech_s": vad["speech_s"], "share": vad["share"]}
    if line.get("problem"):
        shown["problem"] = str(line["problem"])
    return shown
