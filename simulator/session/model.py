"""What a session is made of, as it is stored and shown: casting, branches, a snapshot; it runs nothing."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from scenarios.errors import UnknownName
from scenarios.schema import (
    BackendRef,
    Case,
    Consultation,
    Failure,
    Frozen,
    JudgeRef,
    PatientRef,
    Persona,
    Role,
    Speech,
    Turn,
)

HUMAN = "human"
"""The backend name of a person who types; only sessions know it."""

Waiting = Literal["patient", "doctor", "examiner", "end"]


class Casting(Frozen):
    """Who is in the room of one branch, and what decides its words.

    ``doctor_name`` is what people call the doctor (the batch's name for it, or the backend's). A backend named
    ``human`` is a person: the branch then waits for ``Session.say``. ``speech`` is who is heard, by which voices and
    listener, as a batch says it for one doctor.
    """

    doctor: BackendRef
    doctor_name: str
    patient: PatientRef = PatientRef()
    examiner: BackendRef = BackendRef(backend="record")
    judges: tuple[JudgeRef, ...] = (JudgeRef(backend="rubric"),)
    seed: int = Field(default=0, ge=0, lt=2**63)
    max_turns: int = Field(default=6, ge=1, le=200)
    turn_timeout_s: float = Field(default=120.0, gt=0, le=86_400)
    retries: int = Field(default=2, ge=0, le=20)
    speech: Speech = Speech()

    @property
    def persona(self) -> Persona:
        """How the patient speaks."""
        return self.patient.persona

    def is_human(self, role: Role) -> bool:
        """Whether a person plays ``role``."""
        return (role == "doctor" and self.doctor.backend == HUMAN) or (
            role == "patient" and self.patient.backend == HUMAN)


def recast(
    casting: Casting, *, doctor: BackendRef | None = None, doctor_name: str = "", patient: BackendRef | None = None,
    persona: Persona | None = None, seed: int | None = None, max_turns: int | None = None,
) -> Casting:
    """Return ``casting`` with what is given in the place of what was."""
    change: dict[str, Any] = {}
    if doctor is not None:
        change |= {"doctor": doctor, "doctor_name": doctor_name or doctor.backend}
    if patient is not None or persona is not None:
        who = patient or BackendRef(backend=casting.patient.backend, **casting.patient.options)
        change["patient"] = {"backend": who.backend, **who.options, "persona": persona or casting.persona}
    change |= {key: value for key, value in (("seed", seed), ("max_turns", max_turns)) if value is not None}
    return Casting.model_validate({**{name: getattr(casting, name) for name in Casting.model_fields}, **change})


class Branch(Frozen):
    """One line of a session: ``parent`` and the ``shared`` first turns it has from there (the first: '' and 0)."""

    id: str
    parent: str = ""
    shared: int = 0
    label: str = ""
    casting: Casting
    created_at: str


class SessionInfo(Frozen):
    """A session without its turns; ``doctors`` are those that may be swapped in by name.

    ``began`` is who was in the room at first, so that a person who took over can give back. ``note`` says what is
    otherwise than where it came from, '' when nothing is.
    """

    id: str
    title: str = ""
    source: str = ""
    note: str = ""
    case: Case
    doctors: dict[str, BackendRef] = {}
    began: Casting | None = None
    created_at: str
    branches: tuple[Branch, ...] = ()

    def branch(self, name: str) -> Branch:
        """Return a branch; raises UnknownName."""
        for branch in self.branches:
            if branch.id == name:
                return branch
        raise UnknownName("branch of this session", name, [branch.id for branch in self.branches])


class Snapshot(Frozen):
    """One branch at one moment.

    ``revision`` names this moment: hand it back as ``expected`` and an action is refused when somebody else went on.
    ``waiting``: who is to speak; ``for_human``: that one is a person. ``record`` is the consultation so far; its
    verdicts and metrics are there when exactly these turns were judged. ``unfinished`` is the failure that kept the
    last step from ending, when there was one.
    """

    session: str
    branch: str
    revision: str
    waiting: Waiting
    for_human: bool = False
    record: Consultation
    judged: bool = False
    unfinished: Failure | None = None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Everything said so far."""
        return self.record.turns

    @property
    def ended(self) -> bool:
        """Whether nobody is to speak any more."""
        return self.waiting == "end"
