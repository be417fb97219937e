"""The catalogue of backends: which names exist for which role, and how each is made; imports none of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal

import structlog
from pydantic import ValidationError

from scenarios.errors import InputError, MissingExtra, UnknownName
from scenarios.schema import BackendRef, Frozen

BackendRole = Literal["doctor", "patient", "examiner", "judge", "voice", "listener"]
log = structlog.get_logger(__name__)

ENTRY_POINT_GROUP = "clinic_simulator.backends"


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """One backend.

    ``factory`` is ``module:callable``; it is imported only when the backend is made and is called with the
    validated ``options``. ``options`` is ``module:Model`` of a frozen pydantic model (empty: no options).
    ``extra`` names the optional packages it needs; ``capabilities`` what it can do, e.g. ``hears``, ``speaks``.
    """

    name: str
    role: BackendRole
    summary: str
    factory: str
    options: str = ""
    extra: str = ""
    capabilities: frozenset[str] = frozenset()


BUILT_IN: tuple[BackendSpec, ...] = (
    BackendSpec(
        "history-taker", "doctor", "asks what tells most (expected information gain), closes with a differential",
        "agents.doctors.history_taker:HistoryTaker", "agents.doctors.options:DoctorOptions",
    ),
    BackendSpec(
        "checklist", "doctor", "reads a fixed list of questions, then names the best keyword match",
        "agents.doctors.checklist:Checklist", "agents.doctors.options:DoctorOptions",
    ),
    BackendSpec(
        "one-shot", "doctor", "answers at once from the opening sentence",
        "agents.doctors.one_shot:OneShot", "agents.doctors.options:DoctorOptions",
    ),
    BackendSpec(
        "scripted-doctor", "doctor", "says the lines it is given: a fake for tests",
        "agents.doctors.scripted:ScriptedDoctor", "agents.doctors.scripted:ScriptedDoctorOptions",
    ),
    BackendSpec(
        "agenda", "patient", "agenda-based simulated patient that answers only from its case",
        "agents.patients.agenda:AgendaPatient", "agents.patients.agenda:AgendaOptions",
    ),
    BackendSpec(
        "scripted-patient", "patient", "says the lines it is given: a fake for tests",
        "agents.patients.scripted:ScriptedPatient", "agents.patients.scripted:ScriptedPatientOptions",
    ),
    BackendSpec(
        "record", "examiner", "reports what the case records; what is absent was not done",
        "agents.examiners.record:RecordExaminer",
    ),
    BackendSpec(
        "scripted-examiner", "examiner", "gives the report it is given: a fake for tests",
        "agents.examiners.scripted:ScriptedExaminer", "agents.examiners.scripted:ScriptedExaminerOptions",
    ),
    BackendSpec(
        "rubric", "judge", "deterministic rubric: coverage, diagnosis, red flags, conduct, six dimensions",
        "agents.judges.rubric:RubricJudge", "agents.judges.rubric:RubricOptions",
    ),
    BackendSpec(
        "scripted-judge", "judge", "gives the scores it is given: a fake for tests",
        "agents.judges.scripted:ScriptedJudge", "agents.judges.scripted:ScriptedJudgeOptions",
    ),
)


@cache
def specs(role: BackendRole) -> Mapping[str, BackendSpec]:
    """Return the role's backends by name: the built-in ones, then installed plug-ins (entry points)."""
    found = {spec.name: spec for spec in BUILT_IN if spec.role == role}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            spec = entry.load()
        except (ImportError, AttributeError) as error:
            log.warning("plug-in cannot be loaded", plugin=entry.name, error=str(error))
            continue
        if isinstance(spec, BackendSpec) and spec.role == role:
            found.setdefault(spec.name, spec)
    return found


def find(role: BackendRole, name: str) -> BackendSpec:
    """Return the spec; raises UnknownName with the choices and the near match."""
    known = specs(role)
    if name not in known:
        raise UnknownName(role, name, known)
    return known[name]


def validate_options(spec: BackendSpec, options: Mapping[str, Any]) -> Frozen | None:
    """Check ``options`` against the backend's own model; raises InputError naming the key and the choices."""
    if not spec.options:
        if options:
            raise InputError(f"{spec.role} {spec.name!r} takes no options, got {', '.join(sorted(options))}")
        return None
    model = _load(spec.options, spec)
    try:
        made = model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{spec.role} {spec.name!r}, option {key!r}: {first['msg']} (got {first.get('input')!r}). "
            f"Options: {', '.join(model.model_fields) or 'none'}"
        ) from error
    if not isinstance(made, Frozen):
        raise TypeError(f"{spec.options} is not a Frozen model")
    return made


def create(role: BackendRole, ref: BackendRef) -> Any:
    """Make the backend that ``ref`` names. Raises UnknownName, InputError or MissingExtra."""
    spec = find(role, ref.backend)
    options = validate_options(spec, ref.options)
    factory = _load(spec.factory, spec)
    return factory(options) if options is not None else factory()


def _load(path: str, spec: BackendSpec) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if spec.extra:
            raise MissingExtra(f"{spec.role} {spec.name!r}", spec.extra) from error
        raise
