"""What requests bring: shapes, and what no text or number may be; no work."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from scenarios.schema import Persona, StopReason
from scenarios.schema.base import Slug
from simulator.session import HUMAN

DEEPEST = 12

RunName = Annotated[Slug, Path(description="a run's name")]
CaseName = Annotated[Slug, Path(description="a case's id")]
DoctorName = Annotated[Slug, Path(description="a doctor's name in the run")]
TrialNumber = Annotated[int, Path(ge=0, le=1_000_000, description="trial, from 0")]
SessionName = Annotated[Slug, Path(description="a session's id")]
BranchName = Annotated[Slug, Path(description="a branch's id")]
JobName = Annotated[Slug, Path(description="a batch's id: the name of its run")]
Limit = Annotated[int, Query(ge=1, le=500, description="how many at most")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="how many to leave out first")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Label = Annotated[str, StringConstraints(max_length=200)]
Order = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Orders = Annotated[tuple[Order, ...], Field(max_length=20)]


class Asked(BaseModel):
    """What a request brings: unknown keys are refused, and so is text that cannot be stored or shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_storable(cls, value: Any) -> Any:
        for part in _parts(value, DEEPEST):
            if isinstance(part, str) and ("\x00" in part or any("\ud800" <= letter <= "\udfff" for letter in part)):
                raise ValueError("text cannot hold NUL characters or halves of surrogate pairs")
            if isinstance(part, float) and not math.isfinite(part):
                raise ValueError("numbers must be finite")
        return value


class Backend(Asked):
    """A backend by its catalogue name (``GET /doctors``), or ``human`` for a person who types."""

    backend: Slug = Field(examples=["history-taker", HUMAN])
    options: dict[str, Any] = Field(default={}, max_length=40, description="as in a batch file")


class Preset(Asked):
    """A doctor as a run's own batch cast it."""

    run: Slug
    doctor: Slug


Choice = Backend | Preset


class Stored(Asked):
    """The first turns of a stored consultation, to go on from; of the session's own run and case."""

    doctor: Slug
    trial: int = Field(default=0, ge=0, le=1_000_000)
    keep: int = Field(ge=0, le=1000, description="how many turns stay, both parties counted")


class NewSession(Asked):
    """A case by id (shipped, or a run's with ``run``), who plays whom, and what decides their words."""

    case: Slug
    run: Slug | None = None
    doctor: Choice
    doctor_name: Slug | None = None
    patient: Backend | None = Field(default=None, description="default: as in the run's batch, else 'agenda'")
    persona: Persona | None = None
    doctors: dict[Slug, Choice] = Field(default={}, max_length=12, description="may be swapped in by name")
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="default: the run's, else 0")
    max_turns: int | None = Field(
        default=None, ge=1, le=200, description="doctor-patient exchanges; default: the run's, else 6")
    start: Stored | None = None
    title: Label = ""


class Step(Asked):
    """``expected``: the revision that was looked at; '' goes on from wherever the branch stands."""

    expected: str = Field(default="", max_length=100)


class Rewind(Step):
    """How many of the first turns stay."""

    keep: int = Field(ge=0, le=10_000)


class Edit(Step):
    """The new text of turn ``number`` (from 1); what came after it is dropped."""

    number: int = Field(ge=1, le=10_000)
    text: Words


class Say(Step):
    """What a person says in the place of ``role``, with examinations to order and, as patient, how it ends."""

    role: Literal["patient", "doctor"]
    text: Words
    requests: Orders = ()
    end: StopReason | None = None


class Examine(Step):
    """Examinations to order now."""

    requests: Orders = Field(min_length=1)


class Fork(Asked):
    """Where a branch leaves another (None: after its last turn) and what is different in it."""

    keep: int | None = Field(default=None, ge=0, le=10_000)
    name: Slug | None = None
    label: Label = ""
    doctor: Choice | None = None
    doctor_name: Slug | None = None
    patient: Backend | None = None
    persona: Persona | None = None
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    max_turns: int | None = Field(default=None, ge=1, le=200)


class Cast(Asked):
    """Who plays from here on."""

    doctor: Choice | None = None
    doctor_name: Slug | None = None
    patient: Backend | None = None


class NewLabel(Asked):
    """What people call it."""

    text: Label


class NewBatch(Asked):
    """A batch as YAML text, or one of the files that the server was started with, by its place.

    ``consultations`` is the number of consultations that will be held; it must be named when they are many or ask a
    model (``POST /batches`` answers 409 and says the number).
    """

    yaml: str | None = Field(default=None, max_length=262_144)
    file: int | None = Field(default=None, ge=0, le=1000)
    trials: int | None = Field(default=None, ge=1, le=1000)
    limit: int | None = Field(default=None, ge=1, le=1_000_000)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    consultations: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_of_two(self) -> NewBatch:
        if (self.yaml is None) == (self.file is None):
            raise ValueError("give either yaml or file")
        return self


def _parts(value: Any, depth: int) -> Iterator[Any]:
    if depth < 0:
        raise ValueError("the value is nested too deeply")
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _parts(one, depth - 1)
    elif isinstance(value, list):
        for one in value:
            yield from _parts(one, depth - 1)
    else:
        yield value
