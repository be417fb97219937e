"""Measures a few stored sounds in one process; it knows files and figures, no consultation and no journal."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from agents.sound.quality import Score, pesq, stoi
from agents.sound.shelf import SoundShelf
from agents.sound.utmos import NoScore, Scorer, scorer
from agents.sound.vad import VoiceActivity
from agents.sound.wave import Sound
from scenarios.errors import AgentFailure, ClinicError
from scenarios.schema import AudioRef


class Job(NamedTuple):
    """One sound (``vad``, ``utmos``), or with ``arrived`` what is left of it behind a channel (``stoi``, ``pesq``)."""

    sound: AudioRef
    arrived: AudioRef | None
    asked: frozenset[str]
    utmos: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What the figures depend on: stored sound has the name of its content."""
        return self.sound.path, self.arrived.path if self.arrived else ""


class Finding(NamedTuple):
    """What was found: figures by name, why some could not be had, and whether a file could not be read."""

    figures: dict[str, Any]
    problem: str = ""
    unreadable: bool = False


class Trouble(NamedTuple):
    """Why nothing can be measured at all: a missing package, a scorer that does not exist."""

    message: str


def measure_group(folder: Path, jobs: list[Job]) -> list[Finding] | Trouble:
    """Return what was found of each job; the sounds of ``jobs`` go through the voice activity model together."""
    shelf = SoundShelf(folder)
    try:
        findings: list[Finding] = [Finding({})] * len(jobs)
        whole: list[tuple[int, Sound]] = []
        for index, job in enumerate(jobs):
            try:
                sound = shelf.get(job.sound)
                arrived = shelf.get(job.arrived) if job.arrived else None
            except AgentFailure as failure:
                findings[index] = Finding({}, failure.message, unreadable=True)
                continue
            if arrived is not None:
                findings[index] = _compared(job, sound, arrived)
            else:
                findings[index] = _scored(job, sound)
                whole.append((index, sound))
        return _with_activity(jobs, findings, whole)
    except ClinicError as error:
        return Trouble(str(error))


def begin() -> None:
    """Prepare a process of the pool: Ctrl-C is the main process's to answer, and when that one is killed this ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()


def _leave_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _with_activity(
    jobs: list[Job], findings: list[Finding], whole: list[tuple[int, Sound]]
) -> list[Finding]:
    asked = [(index, sound) for index, sound in whole if "vad" in jobs[index].asked]
    for (index, _), found in zip(asked, _detector()([sound for _, sound in asked]) if asked else (), strict=True):
        vad = {"speech_s": round(found.speech_s, 4), "first_s": found.first_s, "last_s": found.last_s,
               "share": round(found.share, 4)}
        findings[index] = findings[index]._replace(figures={**findings[index].figures, "vad": vad})
    return findings


def _compared(job: Job, sound: Sound, arrived: Sound) -> Finding:
    measures: dict[str, Callable[[Sound, Sound], Score]] = {"stoi": stoi, "pesq": pesq}
    scores = {name: measure(sound, arrived) for name, measure in measures.items() if name in job.asked}
    return Finding(
        {name: score.value for name, score in scores.items()},
        "; ".join(score.reason for score in scores.values() if score.reason),
    )


def _scored(job: Job, sound: Sound) -> Finding:
    if "utmos" not in job.asked:
        return Finding({})
    try:
        return Finding({"utmos": _scorer(job.utmos)(sound)})
    except NoScore as error:
        return Finding({"utmos": None}, f"UTMOS: {error}")


@lru_cache(maxsize=1)
def _detector() -> VoiceActivity:
    return VoiceActivity()


@lru_cache(maxsize=2)
def _scorer(name: str) -> Scorer:
    return scorer(name)
