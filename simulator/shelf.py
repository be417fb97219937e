"""Stored consultations found again one by one: where each stands in its file, not what it says; keeps no transcript."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from scenarios.errors import RunFolderError
from scenarios.identity import content_hash
from scenarios.schema import Case, Consultation
from simulator.store import CONSULTATIONS, read_cases, read_run


class Place(NamedTuple):
    """One scored consultation: whose it is (RUN/doctor with several runs), and where it stands."""

    doctor: str
    run: int
    offset: int


class Pair(NamedTuple):
    """Two scored consultations of one case and trial."""

    case: Case
    trial: int
    a: Place
    b: Place


@dataclass(frozen=True)
class Shelf:
    """The scored consultations of one or several runs, by case and trial.

    ``left_out`` are cases of several runs that cannot be paired, with the reason.
    """

    folders: tuple[Path, ...]
    described: tuple[dict[str, Any], ...]
    cases: dict[str, Case]
    places: dict[tuple[str, int], tuple[Place, ...]]
    left_out: dict[str, str]

    @staticmethod
    def of(folders: tuple[Path, ...]) -> Shelf:
        """Look through run folders, once each; raises RunFolderError."""
        described = tuple(read_run(folder) for folder in folders)
        names = run_names(folders) if len(folders) > 1 else ("",)
        known = [read_cases(folder) for folder in folders]
        cases, left_out = _common(known, folders)
        places: dict[tuple[str, int], list[Place]] = {}
        for run, (folder, name) in enumerate(zip(folders, names, strict=True)):
            for case, trial, doctor, offset in _scored(folder):
                if case in cases:
                    shown = f"{name}/{doctor}" if name else doctor
                    places.setdefault((case, trial), []).append(Place(shown, run, offset))
        order = [list(one.get("batch", {}).get("doctors", {})) for one in described]

        def rank(place: Place) -> tuple[int, int, str]:
            listed, doctor = order[place.run], place.doctor.rpartition("/")[2]
            return place.run, listed.index(doctor) if doctor in listed else len(listed), place.doctor

        held = {key: tuple(sorted(found, key=rank)) for key, found in sorted(places.items())}
        return Shelf(folders, described, cases, held, left_out)

    @property
    def doctors(self) -> tuple[str, ...]:
        """All doctors, in the order of runs and batches."""
        return tuple(dict.fromkeys(place.doctor for found in self.places.values() for place in found))

    def pairs(self) -> Iterator[Pair]:
        """Yield every two doctors of one run, or of different runs when there are several, case by case."""
        several = len(self.folders) > 1
        for (case, trial), found in self.places.items():
            for a, b in combinations(found, 2):
                if not several or a.run != b.run:
                    yield Pair(self.cases[case], trial, a, b)

    def fetch(self, place: Place) -> Consultation:
        """Read one consultation; raises RunFolderError when it is no longer there."""
        path = self.folders[place.run] / CONSULTATIONS
        try:
            with path.open("rb") as file:
                file.seek(place.offset)
                return Consultation.model_validate_json(file.readline())
        except (OSError, ValidationError) as error:
            raise RunFolderError(f"{path} changed while it was read: {error}") from error


def run_names(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """Return a name for each run: its folder's, with its place in the list where two are called the same."""
    names = [folder.resolve().name for folder in folders]
    return tuple(f"{name}-{at}" if names.count(name) > 1 else name for at, name in enumerate(names, 1))


def _scored(folder: Path) -> Iterator[tuple[str, int, str, int]]:
    """Yield case, trial, doctor and offset of every scored consultation; a torn last line is none."""
    path = folder / CONSULTATIONS
    if not path.exists():
        return
    with path.open("rb") as file:
        offset = 0
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                try:
                    data = json.loads(line)
                    key = data["key"]
                    if data.get("scored", True) and data["turns"]:
                        yield str(key["case"]), int(key["trial"]), str(key["doctor"]), offset
                except (ValueError, TypeError, KeyError) as error:
                    raise RunFolderError(f"{path}:{number}: is not a consultation: {error}") from error
            offset += len(line)


def _common(known: list[dict[str, Case]], folders: tuple[Path, ...]) -> tuple[dict[str, Case], dict[str, str]]:
    cases, left_out = {}, {}
    for name in sorted(set().union(*known)):
        lacking = [str(folder) for folder, one in zip(folders, known, strict=True) if name not in one]
        if lacking:
            left_out[name] = f"not in {', '.join(lacking)}"
        elif len({content_hash(one[name]) for one in known}) > 1:
            left_out[name] = "its content differs between the runs"
        else:
            cases[name] = known[0][name]
    return cases, left_out
