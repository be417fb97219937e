"""What the model behind a stored turn or verdict was given: made again from the run, asking no server and no model.

A run keeps no prompts. They follow from its batch, the case and the turns before, and today's agents build them as
those of the run did; where their texts have changed since, the note says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from agents import catalog
from agents.llm.types import Message
from agents.protocols import DoctorView, JudgeView, PatientView
from graphs.consultation import doctor_view, patient_view
from graphs.state import ConsultationState
from graphs.stepping import PERSON
from scenarios.errors import ClinicError, UnknownName
from scenarios.identity import derive_seed
from scenarios.schema import BackendRef, Case, Consultation, DoctorRef, JudgeRef, PatientRef, Turn
from simulator.acoustics import takes_sound
from simulator.build import fingerprint

Role = Literal["doctor", "patient", "judge"]
View = DoctorView | PatientView | JudgeView


@runtime_checkable
class Prompted(Protocol):
    """An agent that can tell what it asks its model; plug-ins may have this method too."""

    def asks(self, view: Any) -> Sequence[Message]:
        """Return the messages for the agent's view as they are sent, without contacting or loading anything.

        A sound is a content part ``{"type": "sound", "seconds": 3.2}``.
        """
        ...


class Line(NamedTuple):
    """One message in words; sound stands as ``[sound, 3.2 s]``."""

    role: str
    content: str


@dataclass(frozen=True)
class Asked:
    """The messages in their order, and what a reader must know about them; without messages the note says why."""

    messages: tuple[Line, ...] = ()
    note: str = ""


def asked(described: Mapping[str, Any], case: Case, record: Consultation, index: int) -> Asked:
    """Return what the model behind turn ``index`` was given.

    Args:
        described: ``run.json``; of it ``batch`` (doctors, patient, max_turns) and ``identity.fingerprints`` are read.
        case: the patient as the run holds it.
        record: the consultation.
        index: ``Turn.index``.

    Raises:
        UnknownName: no such turn, or the batch has no such doctor.
    """
    turn = _turn(record, index)
    if turn.role == "examiner":
        return Asked(note="The examiner has no prompt: it reports what the case records.")
    patient = PatientRef.model_validate(described["batch"].get("patient", {}))
    state: ConsultationState = {
        "case": case, "persona": patient.persona, "seed": record.key.seed,
        "max_turns": int(described["batch"]["max_turns"]), "turns": record.turns[:index],
    }
    view: View
    if turn.role == "patient":
        ref, view, name = BackendRef(backend=patient.backend, **patient.options), patient_view(state), "patient"
    else:
        ref, name = _doctor(described, record.key.doctor), f"doctor.{record.key.doctor}"
        view = doctor_view(state, hears=_hears(ref))
    if turn.backend not in ("", ref.backend) or ref.backend == PERSON:
        return Asked(note=_not_by(turn, ref))
    return _again(turn.role, ref, view, _stored(described, name), _tries(turn))


def asked_of_judge(described: Mapping[str, Any], case: Case, record: Consultation, judge: str) -> Asked:
    """Return what the judge called ``judge`` was given about the whole consultation; arguments as of ``asked``.

    Raises:
        UnknownName: the run has no such judge.
    """
    refs = {ref.called: ref for ref in map(JudgeRef.model_validate, described["batch"].get("judges", ()))}
    if judge not in refs:
        raise UnknownName("judge of this run", judge, refs)
    view = JudgeView(case, record.turns, derive_seed(record.key.seed, "judge", judge, 0))
    # a run that was judged again describes its new judges, but has the fingerprints of the old ones
    stored = "" if "judged_from" in described else _stored(described, f"judge.{judge}")
    return _again("judge", refs[judge], view, stored, "")


def _hears(ref: BackendRef) -> bool:
    """Whether the doctor was given sound; False for a person, and for one that is not known here any more."""
    try:
        return takes_sound(ref)
    except ClinicError:
        return False


def _again(role: Role, ref: BackendRef, view: View, stored: str, note: str) -> Asked:
    try:
        agent = catalog.create(role, ref)
    except ClinicError as error:
        return Asked(note=f"This {role} ({ref.backend}) cannot be made here, so its prompt cannot be shown: {error}")
    if not isinstance(agent, Prompted):
        return Asked(note=_without_prompt(role, ref.backend, agent))
    messages = tuple(Line(str(message["role"]), _in_words(message["content"])) for message in agent.asks(view))
    if not messages:
        return Asked(note=f"The {role} asked no model: the doctor never spoke.")
    if stored and stored != fingerprint(agent):
        note = f"{_CHANGED} {note}".strip()
    return Asked(messages, note)


_CHANGED = "The prompt texts have changed since this run: these are today's, not word for word what was sent."


def _turn(record: Consultation, index: int) -> Turn:
    if 0 <= index < len(record.turns):
        return record.turns[index]
    raise UnknownName("turn", str(index), [str(turn.index) for turn in record.turns])


def _doctor(described: Mapping[str, Any], name: str) -> BackendRef:
    doctors = described["batch"]["doctors"]
    if name not in doctors:
        raise UnknownName("doctor of this run", name, doctors)
    return DoctorRef.model_validate(doctors[name]).plain


def _stored(described: Mapping[str, Any], name: str) -> str:
    """Return the fingerprint that an agent had in the run, '' when none was kept."""
    return str(described.get("identity", {}).get("fingerprints", {}).get(name, ""))


def _tries(turn: Turn) -> str:
    calls = turn.usage.calls if turn.usage else 1
    return "" if calls < 2 else (
        f"The model was asked {calls} times in this turn, because a reply was unusable or untrue to the case; "
        "these are the messages of the first try."
    )


def _not_by(turn: Turn, ref: BackendRef) -> str:
    if PERSON in (turn.backend, ref.backend):
        return f"There is no prompt: a person spoke as the {turn.role}."
    return f"The prompt is not known: {turn.backend!r} spoke here, which is not the run's {turn.role} ({ref.backend})."


def _without_prompt(role: Role, backend: str, agent: Any) -> str:
    if hasattr(agent, "preflight"):  # what needs one asks a server
        return f"This {role} ({backend}) is given the dialogue as data; how it prompts its model is its own affair."
    return f"This {role} has no prompt: {backend!r} is embedded and asks no model."


def _in_words(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(_part(part) for part in content)


def _part(part: Mapping[str, Any]) -> str:
    """Return a content part in words; never the bytes of a sound or picture."""
    kind = str(part.get("type"))
    if kind == "text":
        return str(part["text"])
    return f"[sound, {float(part['seconds']):.1f} s]" if kind == "sound" else f"[{kind}]"
