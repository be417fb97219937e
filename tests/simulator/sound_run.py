"""Writes small run folders in which everybody is heard, with real sound; and workers that die or are slow."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from agents.sound.levels import levels
from agents.sound.shelf import SoundShelf
from agents.sound.wave import Sound
from scenarios.schema import (
    Consultation,
    ErrorCounts,
    Latency,
    SpeechFigures,
    SpeechTiming,
    Turn,
)
from simulator.measuring.work import Finding, Job, Trouble, measure_group
from simulator.store import RunWriter
from tests.helpers import small_case, small_key
from tests.sounds import noise, speech

PATIENT, DOCTOR = "I have had a headache for three days, doctor.", "Does light make it worse, or any movement?"


def write_sound_run(
    folder: Path, consultations: int = 2, *, doctors: tuple[str, ...] = ("one",), heard: bool = True, turns: int = 2,
    sounds: tuple[Sound, ...] | None = None,
) -> list[Consultation]:
    """Write a finished run: every patient crosses a noisy channel, every doctor does not.

    ``sounds``: what is said, in turn; default: two sentences, over and over. ``heard``: listeners made errors, more
    of them for each further doctor.
    """
    cases = tuple(small_case(f"case-{index}") for index in range(consultations))
    batch: dict[str, Any] = {
        "name": "heard", "doctors": {name: {"backend": name} for name in doctors}, "max_turns": 6,
        "listener": {"backend": "transcript", "cer": 0.2},
    }
    info = {"format": 1, "name": "heard", "planned": consultations * len(doctors), "seed": 7, "batch": batch}
    writer = RunWriter(folder, {"batch": {"name": "heard"}}, info, resume=False)
    writer.write_cases(cases)
    shelf = SoundShelf(folder)
    said = sounds or (speech(PATIENT), speech(DOCTOR, "en-us+f3", 24_000))
    records = []
    for index, case in enumerate(cases):
        for place, doctor in enumerate(doctors):
            whole = tuple(
                _turn(shelf, said[(index * turns + turn) % len(said)], turn, place + 1 if heard else None)
                for turn in range(turns)
            )
            records.append(Consultation(
                key=small_key(case.id, doctor), language="en", turns=whole, stop_reason="advice_given",
                metrics={"coverage": 0.8 - 0.2 * place, "diagnosis_top1": float(place == 0)},
            ))
    for record in records:
        writer.consultation(record)
    writer.close()
    return records


def _turn(shelf: SoundShelf, sound: Sound, index: int, errors: int | None) -> Turn:
    patient = index % 2 == 0
    found = levels(sound)
    arrived = Sound(sound.samples + noise(sound.seconds, 0.02, sound.rate_hz).samples, sound.rate_hz)
    counts = None if errors is None else ErrorCounts(substitutions=errors, reference=20)
    return Turn(
        index=index, exchange=index // 2 + 1, role="patient" if patient else "doctor", text="words",
        heard=None if errors is None else "wards", audio=shelf.put(sound),
        heard_audio=shelf.put(arrived) if patient else None, latency=Latency(total_s=0.5),
        speech=SpeechFigures(voice="v", peak_dbfs=found.peak_dbfs, clipped_share=found.clipped_share,
                             silent=found.silent, characters=counts, words=counts),
        speech_timing=SpeechTiming(synthesis_s=0.3, first_audio_s=0.1, listening_s=0.2, pause_s=0.4),
    )


def dying(folder: Path, jobs: list[Job]) -> list[Finding] | Trouble:
    """Measure, but die of any sound longer than 2.9 s, as C code that writes past its arrays does."""
    if any(job.sound.seconds > 2.9 for job in jobs):
        os.abort()
    return measure_group(folder, jobs)


def slow_score(sound: Sound) -> float:
    """Return a score that takes a while."""
    time.sleep(0.02)
    return 1.0 + sound.seconds
