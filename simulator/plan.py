"""What a batch will do: its consultations in order, each with key and seed; made lazily, runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agents import catalog
from scenarios.errors import InputError, UnknownName
from scenarios.identity import content_hash, derive_seed
from scenarios.schema import Batch, Case, Key
from simulator.acoustics import speech_identity
from simulator.build import config_hash

SPEECH = ("doctor_voice", "input_speech", "output_speech", "channel", "turn_taking")


@dataclass(frozen=True)
class Plan:
    """Cases x doctors x trials; flags may narrow what is held without changing any key or what the run is.

    ``all_cases`` are the batch's cases, ``cases`` and ``doctors`` those that are held now.
    """

    batch: Batch
    all_cases: tuple[Case, ...]
    cases: tuple[Case, ...]
    doctors: tuple[str, ...]
    fingerprints: dict[str, str]

    @classmethod
    def whole(cls, batch: Batch, cases: tuple[Case, ...], fingerprints: dict[str, str]) -> Plan:
        """Return the plan that holds everything the batch names."""
        return cls(batch, cases, cases, tuple(batch.doctors), fingerprints)

    def __len__(self) -> int:
        """Return how many consultations there are."""
        return len(self.cases) * len(self.doctors) * self.batch.trials

    def jobs(self) -> Iterator[tuple[Key, Case]]:
        """Yield every consultation, case by case, so that an early look already compares the doctors."""
        for case in self.cases:
            hashes = {doctor: config_hash(self.batch, case, doctor, self.fingerprints) for doctor in self.doctors}
            for trial in range(self.batch.trials):
                for doctor in self.doctors:
                    seed = derive_seed(self.batch.seed, case.id, doctor, trial)
                    yield Key(case=case.id, doctor=doctor, trial=trial, seed=seed, config_hash=hashes[doctor]), case

    def narrowed(self, only: tuple[str, ...] = (), doctors: tuple[str, ...] = (), limit: int | None = None) -> Plan:
        """Return the plan for some cases and doctors; raises UnknownName for a name that is not in the batch."""
        known = {case.id: case for case in self.cases}
        for name in only:
            if name not in known:
                raise UnknownName("case", name, known)
        for name in doctors:
            if name not in self.doctors:
                raise UnknownName("doctor of this batch", name, self.doctors)
        if limit is not None and limit < 1:
            raise InputError(f"--limit must be at least 1, got {limit}")
        cases = tuple(case for case in self.cases if not only or case.id in only)[:limit]
        return replace(self, cases=cases, doctors=tuple(d for d in self.doctors if not doctors or d in doctors))

    def identity(self) -> dict[str, object]:
        """Return what must be equal for a run folder to be gone on with; more trials or speed may differ."""
        batch = self.batch.model_dump(mode="json", exclude={
            "description", "trials", "concurrency", "retries", "turn_timeout_s", "cases", "referee", *SPEECH,
        })
        batch |= {
            "doctors": {name: catalog.identity("doctor", ref) for name, ref in self.batch.doctors.items()},
            "patient": catalog.identity("patient", self.batch.patient),
            "judges": [catalog.identity("judge", ref) for ref in self.batch.judges],
        }
        speech = {name: speech_identity(self.batch.speech(name), self.fingerprints) for name in self.batch.doctors}
        if any(speech.values()):
            batch |= {"speech": speech, "voice": None, "listener": None}
        return {
            "batch": batch, "fingerprints": self.fingerprints,
            "cases": {case.id: content_hash(case) for case in self.all_cases},
        }
