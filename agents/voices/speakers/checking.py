"""Looks whether the recordings of a speaker table are there, readable and of a usable length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from agents.voices.ages import GROUPS
from agents.voices.speakers.building import header
from agents.voices.speakers.table import UNKNOWN, Speaker, SpeakerTable
from scenarios.errors import InputError

USABLE_S: Final = (1.0, 30.0)
"""A clone needs a second at least; CosyVoice2 refuses a reference recording of more than 30 s."""


def problems(table: SpeakerTable, done: Callable[[], None] = lambda: None) -> list[str]:
    """Return in words what is wrong with each recording; ``done`` is called after each speaker."""
    found: list[str] = []
    for speaker in table.speakers:
        for number, (wav, _) in enumerate(speaker.recordings):
            if problem := _problem(speaker, number):
                found.append(f"{speaker.name}: {wav}: {problem}")
        done()
    return found


def _problem(speaker: Speaker, number: int) -> str:
    try:
        about = header(speaker.reference(number).wav)
    except InputError as error:
        return str(error)
    if isinstance(about, str):
        return about
    if not USABLE_S[0] <= about[0] <= USABLE_S[1]:
        return f"{about[0]:.1f} s long, and {USABLE_S[0]:g} to {USABLE_S[1]:g} s are usable"
    return ""


def counts(table: SpeakerTable) -> dict[tuple[str, str], tuple[int, int]]:
    """Return speakers and recordings by sex and age group, groups from young to old, then the unknown."""
    speakers: Counter[tuple[str, str]] = Counter()
    recordings: Counter[tuple[str, str]] = Counter()
    for one in table.speakers:
        key = (str(one.sex), one.age_group or UNKNOWN)
        speakers[key] += 1
        recordings[key] += len(one.recordings)
    order = [(sex, group) for sex in ("female", "male", "unknown") for group in (*GROUPS, UNKNOWN)]
    return {key: (speakers[key], recordings[key]) for key in order if speakers[key]}
