"""From what a person asks for on the command line to a session: a batch's case and doctor, or a stored session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agents import catalog
from scenarios.errors import InputError, UnknownName
from scenarios.identity import derive_seed
from scenarios.loader import library_cases, load_batch, load_case_file, load_cases
from scenarios.schema import BackendRef, Batch, Case, PatientRef
from scenarios.yaml_file import read_yaml
from simulator.build import check
from simulator.session import HUMAN, Casting, Session, SessionBook

DOCTOR = "history-taker"
"""Who sees a case that comes without a batch."""


@dataclass(frozen=True)
class Order:
    """What was asked for: a case out of ``file`` (None: the shipped ones) under a doctor, or a stored session.

    ``seed`` replaces the batch's, ``doctor`` and ``patient`` are a name or ``human``; '' leaves each as it is.
    ``session`` is an id; ``resume`` takes the newest.
    """

    file: Path | None = None
    case: str = ""
    doctor: str = ""
    patient: str = ""
    seed: int | None = None
    session: str = ""
    resume: bool = False

    @property
    def stored(self) -> bool:
        """Whether a stored session is asked for."""
        return bool(self.session) or self.resume


@dataclass(frozen=True)
class Offer:
    """A session that may begin; ``notes`` say what is different from the batch it comes from."""

    case: Case
    casting: Casting
    doctors: dict[str, BackendRef]
    source: str
    notes: tuple[str, ...] = ()

    async def begin(self, book: SessionBook) -> Session:
        """Store the session."""
        return await book.create(self.case, self.casting, doctors=self.doctors, source=self.source)


async def stored(book: SessionBook, order: Order) -> Session:
    """Open the session that ``order`` names; raises UnknownName or InputError."""
    if order.file or order.case or order.doctor or order.patient or order.seed is not None:
        raise InputError(
            "a stored session has its case and its cast: leave out FILE, --case, --doctor, --patient and --seed. "
            "Inside it, `fork` and `cast` put somebody else in."
        )
    if order.session:
        return await book.open(order.session)
    known = await book.list()
    if not known:
        raise InputError("there is no session yet: begin one with `clinic step FILE --case ID`")
    return await book.open(known[0].id)


def offer(order: Order) -> Offer:
    """Return the session that ``order`` asks to begin; reads files, runs nothing.

    The words are those of the batch's first trial: the seed is derived as a batch derives it.

    Raises:
        BatchFileError, InputError, UnknownName: a file that cannot be read, or no such case, doctor or patient.
    """
    if order.file is None:
        if not order.case:
            raise InputError("name a batch or case file, or a shipped case: clinic step --case ID (clinic list cases)")
        return _of_cases(order, library_cases(ids=[order.case]), "the shipped library")
    if not _is_batch(order.file):
        return _of_cases(order, load_case_file(order.file), str(order.file))
    batch, source = load_batch(order.file)
    check(batch, source)
    case = _the_case(load_cases(batch, source), order.case)
    name = order.doctor or next(iter(batch.doctors))
    doctors = {known: ref.plain for known, ref in batch.doctors.items()}
    return Offer(case, _casting(batch, case, name, order), doctors, str(order.file))


def doctor_called(name: str, doctors: Mapping[str, BackendRef]) -> BackendRef:
    """Return the doctor that ``name`` means: one of ``doctors``, of the catalogue, or ``human``; raises UnknownName."""
    if name in doctors:
        return doctors[name]
    if name != HUMAN and name not in catalog.specs("doctor"):
        raise UnknownName("doctor", name, doctor_names(doctors))
    return BackendRef(backend=name)


def doctor_names(doctors: Mapping[str, BackendRef]) -> tuple[str, ...]:
    """Return every name that ``doctor_called`` knows: those at hand first."""
    return tuple(dict.fromkeys((*doctors, HUMAN, *catalog.specs("doctor"))))


def patient_called(name: str) -> BackendRef:
    """Return the patient that ``name`` means: one of the catalogue, or ``human``; raises UnknownName."""
    if name != HUMAN and name not in catalog.specs("patient"):
        raise UnknownName("patient", name, [HUMAN, *catalog.specs("patient")])
    return BackendRef(backend=name)


def _is_batch(path: Path) -> bool:
    if path.suffix == ".jsonl":
        return False
    data = read_yaml(path).data
    return isinstance(data, dict) and ("doctors" in data or "name" in data)


def _of_cases(order: Order, cases: tuple[Case, ...], source: str) -> Offer:
    case = _the_case(cases, order.case)
    name = order.doctor or DOCTOR
    batch = Batch(name="stepping", cases=("cases.yaml",), doctors={DOCTOR: BackendRef(backend=DOCTOR)})
    return Offer(case, _casting(batch, case, name, order), {}, source)


def _the_case(cases: tuple[Case, ...], wanted: str) -> Case:
    by_id = {case.id: case for case in cases}
    if wanted:
        if wanted not in by_id:
            raise UnknownName("case", wanted, by_id)
        return by_id[wanted]
    if len(cases) == 1:
        return cases[0]
    shown = ", ".join(list(by_id)[:8]) + (" ..." if len(by_id) > 8 else "")
    raise InputError(f"there are {len(cases)} cases: choose one with --case ({shown})")


def _casting(batch: Batch, case: Case, name: str, order: Order) -> Casting:
    seed = batch.seed if order.seed is None else order.seed
    patient, doctors = batch.patient, {known: ref.plain for known, ref in batch.doctors.items()}
    if order.patient and order.patient != patient.backend:
        patient = PatientRef(backend=patient_called(order.patient).backend, persona=batch.patient.persona)
    return Casting(
        doctor=doctor_called(name, doctors), doctor_name=name, patient=patient, examiner=batch.examiner,
        judges=batch.judges, seed=derive_seed(seed, case.id, name, 0), max_turns=batch.max_turns,
        turn_timeout_s=batch.turn_timeout_s, retries=batch.retries,
        speech=batch.speech(name) if name in batch.doctors else batch.speech(next(iter(batch.doctors))),
    )
