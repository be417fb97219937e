"""From what a request names to a case and a casting, shipped or of a run; it starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agents import catalog
from scenarios.errors import InputError, MissingExtra, UnknownName
from scenarios.loader import library_cases
from scenarios.schema import BackendRef, Batch, Case, DoctorRef, JudgeRef, Speech
from simulator.acoustics import need_packages, problems
from simulator.run_list import Run
from simulator.session import Casting
from simulator.session.rooms import senses
from simulator.web.allowed import check_ref
from simulator.web.site import Site

LOADERS = ("agents.doctors.transformers_chat:", "agents.doctors.speechlm_doctor:")
_DOCTORS = TypeAdapter(dict[str, DoctorRef])
_JUDGES = TypeAdapter(tuple[JudgeRef, ...])


def find_case(site: Site, run: str | None, case: str) -> Case:
    """Return a case of ``run``, or a shipped one when that is None; blocks. Raises UnknownName."""
    if run is None:
        known, what = shipped_cases(), "shipped case"
    else:
        known, what = site.runs.find(run).cases(), "case of this run"
    if case not in known:
        raise UnknownName(what, case, known)
    return known[case]


@cache
def shipped_cases() -> Mapping[str, Case]:
    """Return the cases that come with the project by id, read once; blocks."""
    return {case.id: case for case in library_cases()}


def presets(run: Run) -> dict[str, BackendRef]:
    """Return the doctors of a run's own batch, without those that would load weights into this process."""
    try:
        found = _DOCTORS.validate_python(run.described.get("batch", {}).get("doctors", {}))
    except ValidationError:
        return {}
    return {name: ref.plain for name, ref in found.items() if not _loads_weights(ref.plain)}


def preset(site: Site, run: str, doctor: str) -> BackendRef:
    """Return a doctor as a run's own batch cast it; blocks. Raises UnknownName."""
    known = presets(site.runs.find(run))
    if doctor not in known:
        raise UnknownName("doctor of this run that can be cast here", doctor, known)
    return known[doctor]


def casting_of_run(run: Run, doctor: BackendRef, doctor_name: str) -> tuple[Casting, str]:
    """Return a casting with patient, examiner, judges, turns and retries as the run's batch has them.

    It sounds as that doctor did in the run (another doctor: as the run's first), as far as a request may ask for it;
    where it may not, everybody reads, and the second value says why ('' otherwise).
    """
    batch: Mapping[str, Any] = run.described.get("batch", {})
    given = {name: batch[name] for name in ("patient", "examiner", "seed", "max_turns", "turn_timeout_s", "retries")
             if name in batch}
    try:
        judges = _JUDGES.validate_python(batch.get("judges", [{"backend": "rubric"}]))
        made = Casting.model_validate({**given, "judges": judges, "doctor": doctor, "doctor_name": doctor_name})
    except ValidationError as error:
        raise InputError("the run's description does not say who was in the room: choose patient and doctor") from error
    if _loads_weights(made.patient, "patient") or _loads_weights(made.examiner, "examiner"):
        raise InputError("the run's patient would be loaded into this process: choose another patient")
    speech = _speech(batch, doctor_name)
    if not speech.sounds:
        return made, ""
    if why := _unheard(speech, doctor):
        return made, f"In the run people are heard; here everybody reads: {why}"
    return made.model_copy(update={"speech": speech}), ""


def _speech(batch: Mapping[str, Any], doctor: str) -> Speech:
    """Return how consultations of a doctor sound in a run, those of its first one when it does not know the doctor."""
    try:
        known = Batch.model_validate(batch)
    except ValidationError:
        return Speech()
    return known.speech(doctor if doctor in known.doctors else next(iter(known.doctors)))


def _unheard(speech: Speech, doctor: BackendRef) -> str:
    """Return why a session that a request begins may not or cannot sound like this, '' when it can."""
    refs: list[tuple[catalog.BackendRole, BackendRef | None]] = [
        ("voice", speech.voice), ("voice", speech.doctor_voice), ("listener", speech.listener)]
    try:
        for role, ref in refs:
            if ref is not None:
                check_ref(role, ref)
        need_packages(speech)
    except (InputError, MissingExtra) as error:
        return str(error)
    return "; ".join(problem for _, problem in problems(speech, **senses(doctor)))


def checked(role: catalog.BackendRole, backend: str, options: Mapping[str, Any]) -> BackendRef:
    """Return a backend that a request names; raises InputError when it may not be named or refuses its options."""
    if "backend" in options:
        raise InputError(f"{role}: 'backend' is no option")
    try:
        ref = BackendRef.model_validate({"backend": backend, **options})
    except ValidationError as error:
        raise InputError(f"{role}: {error.errors()[0]['msg']}") from error
    check_ref(role, ref, people=True)
    return ref


def _loads_weights(ref: BackendRef, role: catalog.BackendRole = "doctor") -> bool:
    """Whether a backend is unknown, or would load a model into this process: not for what a mere folder says."""
    try:
        spec = catalog.find(role, ref.backend)
    except UnknownName:
        return True
    options = {**spec.defaults, **ref.options}
    return spec.factory.startswith(LOADERS) or options.get("engine", "server") != "server"
