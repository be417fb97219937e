"""The part ``speech`` of summary.json: what was said aloud and understood, by doctor; it reads no sound.

One reading of the consultations suffices, and only numbers are kept of them: 8 bytes a figure and turn.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.schema import Case, Consultation, ErrorCounts, Turn
from simulator import statistics
from simulator.figures import rounded
from simulator.measuring.lines import SoundLines

SIDES = ("patient", "doctor")
TIMES = ("synthesis_s", "real_time_factor", "first_audio_s")
MEASURES = ("speech_share", "pesq", "stoi", "utmos")
COVERAGE, DIAGNOSIS = "coverage", "diagnosis_top1"
P95 = 0.95


@dataclass
class _Errors:
    """Edits and reference length by case, and how many utterances were listened to."""

    edits: dict[str, int] = field(default_factory=dict)
    reference: dict[str, int] = field(default_factory=dict)
    utterances: int = 0

    def add(self, case: str, counts: ErrorCounts | None) -> None:
        if counts is not None:
            self.edits[case] = self.edits.get(case, 0) + counts.edits
            self.reference[case] = self.reference.get(case, 0) + counts.reference
            self.utterances += 1

    def figure(self) -> dict[str, Any] | None:
        if not self.utterances:
            return None
        cases = sorted(self.edits)  # the order in which consultations ended is no matter
        edits = np.array([self.edits[case] for case in cases], np.float64)
        reference = np.array([self.reference[case] for case in cases], np.float64)
        found = statistics.estimate_ratio(edits, reference)
        return {
            "rate": rounded(found.mean), "ci95": found.interval and [rounded(end) for end in found.interval],
            "edits": int(edits.sum()), "reference": int(reference.sum()), "utterances": self.utterances,
        }


@dataclass
class _Side:
    """One party's turns of one doctor's consultations."""

    utterances: int = 0
    seconds: float = 0.0
    cached: int = 0
    clipped: int = 0
    silent: int = 0
    characters: _Errors = field(default_factory=_Errors)
    words: _Errors = field(default_factory=_Errors)
    values: dict[str, array[float]] = field(default_factory=dict)

    def note(self, name: str, value: float | None) -> None:
        if value is not None:
            self.values.setdefault(name, array("d")).append(value)

    def see(self, case: str, turn: Turn) -> None:
        self.utterances += 1
        self.seconds += turn.audio.seconds if turn.audio else 0.0
        if (figures := turn.speech) is not None:
            self.clipped += figures.clipped_share > 0
            self.silent += figures.silent
            self.characters.add(case, figures.characters)
            self.words.add(case, figures.words)
        if (timing := turn.speech_timing) is not None and turn.audio is not None:
            self.cached += timing.cached
            if not timing.cached and timing.synthesis_s > 0:
                self.note("synthesis_s", timing.synthesis_s)
                self.note("first_audio_s", timing.first_audio_s)
                if turn.audio.seconds > 0:
                    self.note("real_time_factor", timing.synthesis_s / turn.audio.seconds)

    def figures(self) -> dict[str, Any]:
        return {
            "utterances": self.utterances, "seconds": rounded(self.seconds),
            **{name: distribution(self.values.get(name, ())) for name in TIMES},
            "cached": self.cached, "clipped": self.clipped, "silent": self.silent,
            "cer": self.characters.figure(), "wer": self.words.figure(),
            **{name: distribution(self.values.get(name, ())) for name in ("gap_s", *MEASURES)},
        }


@dataclass
class _Doctor:
    gaps: array[float] = field(default_factory=lambda: array("d"))
    overlaps: int = 0
    sides: dict[str, _Side] = field(default_factory=lambda: {name: _Side() for name in SIDES})

    def figures(self) -> dict[str, Any]:
        spoken = {name: side.utterances > 0 for name, side in self.sides.items()}
        return {
            "mode": f"{'s' if spoken['patient'] else 't'}2{'s' if spoken['doctor'] else 't'}",
            "turns": sum(side.utterances for side in self.sides.values()),
            "gap_s": distribution(self.gaps), "overlaps": self.overlaps,
            **{name: side.figures() for name, side in self.sides.items()},
        }


class SpeechRows:
    """Collects the spoken and listened-to turns of a run; hand ``see`` to ``MetricTable.read``."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._doctors: dict[str, _Doctor] = {}

    def see(self, record: Consultation, case: Case | None = None) -> None:
        """Take in one consultation; one without sound costs a look at its turns."""
        for turn in record.turns:
            if turn.role in SIDES and (turn.audio is not None or turn.heard is not None):
                doctor = self._doctors.setdefault(record.key.doctor, _Doctor())
                doctor.sides[turn.role].see(record.key.case, turn)

    def part(
        self, folder: Path, described: Mapping[str, Any], doctors: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return ``{"speech": {...}}``, or {} for a run in which nobody spoke or listened.

        ``doctors``: {NAME: {``mode`` (t2t, s2t, t2s or s2s: what was heard of the patient and of the doctor),
        ``turns``, ``gap_s`` (of gaps; overlaps are counted apart), ``overlaps``, ``patient``, ``doctor``}}, each side
        with ``utterances``, ``seconds``, times of making the sound (without what was there already, ``cached``),
        ``clipped`` and ``silent`` utterances, ``cer`` and ``wer`` pooled over all that was listened to, and what was
        measured afterwards. ``robustness``: for each doctor whose patients were listened to, the character error rate
        beside critical items out and right diagnosis.

        Args:
            folder: of the run.
            described: its run.json.
            doctors: the part ``doctors`` of the summary.
        """
        if not self._doctors:
            return {}
        self._measured(folder)
        ordered = [name for name in doctors if name in self._doctors]
        figures = {name: self._doctors[name].figures() for name in ordered}
        batch = described.get("batch", {})
        rows = [
            {
                "doctor": name, "listener": _listener(batch, name), "cer": side["cer"]["rate"],
                "coverage": _mean(doctors[name], COVERAGE), "diagnosis": _mean(doctors[name], DIAGNOSIS),
            }
            for name in ordered if (side := figures[name]["patient"])["cer"] is not None
        ]
        return {"speech": {"doctors": figures, "robustness": rows}}

    def _measured(self, folder: Path) -> None:
        lines = SoundLines(folder)
        for name in lines:
            doctor = self._doctors.get(name.doctor)
            if doctor is None:
                continue
            for line in lines.of(name).values():
                side = doctor.sides.get(str(line.get("role")))
                if side is not None:
                    _note(doctor, side, line)


def distribution(values: Any) -> dict[str, Any] | None:
    """Return ``{n, mean, median, p95}`` of numbers; None for none."""
    numbers = np.asarray(values, np.float64)
    if not len(numbers):
        return None
    median, p95 = np.quantile(numbers, [0.5, P95])
    return {
        "n": len(numbers), "mean": rounded(float(numbers.mean())), "median": rounded(float(median)),
        "p95": rounded(float(p95)),
    }


def _note(doctor: _Doctor, side: _Side, line: Mapping[str, Any]) -> None:
    for name in ("pesq", "stoi", "utmos"):
        side.note(name, _number(line.get(name)))
    vad = line.get("vad")
    side.note("speech_share", _number(vad.get("share")) if isinstance(vad, dict) else None)
    gap_s = _number(line.get("gap_s"))
    if gap_s is not None and gap_s < 0:
        doctor.overlaps += 1
    elif gap_s is not None:
        doctor.gaps.append(gap_s)
        side.note("gap_s", gap_s)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _mean(doctor: Mapping[str, Any], metric: str) -> dict[str, Any]:
    found = doctor.get("metrics", {}).get(metric, {})
    return {"mean": found.get("mean"), "ci95": found.get("ci95")}


def _listener(batch: Mapping[str, Any], doctor: str) -> str:
    """Return who listened, with the options that are set: ``transcript (cer 0.2)``."""
    own = batch.get("doctors", {}).get(doctor, {}).get("listener")
    ref = own or batch.get("listener") or {}
    options = ", ".join(f"{key} {value}" for key, value in ref.items() if key != "backend")
    return f"{ref.get('backend', '')} ({options})" if options else str(ref.get("backend", ""))
