"""What each role must be able to do; agents are stateless, everything they need stands in the view they get.

A view holds only what that party can know: a doctor's view has no case in it, a patient's view has no score.
Because agents keep nothing between calls, any consultation can be resumed, rewound or forked from its turns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from agents.sound.wave import Sound
from scenarios.schema import (
    AgeGroup,
    Case,
    Evidence,
    Finding,
    Language,
    Persona,
    Sex,
    StopReason,
    Turn,
    Usage,
    Utterance,
    Verdict,
)
from scenarios.schema.pairing import Asked, Order


@dataclass(frozen=True, slots=True)
class IntakeCard:
    """What reception writes down before the doctor sees the patient.

    ``caregiver`` is empty when patients speak for themselves, else the caregiver's relation (妈妈, daughter);
    ``calls_patient`` is how that caregiver refers to the patient (孩子, my father).
    """

    age_years: float | None = None
    sex: Sex = "unknown"
    caregiver: str = ""
    calls_patient: str = ""


@dataclass(frozen=True, slots=True)
class DoctorView:
    """What a doctor knows when it is to speak.

    ``exchange`` counts from 1; when ``exchange == max_turns`` this is the doctor's last word.
    ``seed`` is this very turn's own seed and must reach every sampler. ``speak``: the answer will be heard, so a doctor
    that can speak answers in sound too.
    """

    language: Language
    intake: IntakeCard
    dialogue: tuple[Utterance, ...]
    exchange: int
    max_turns: int
    seed: int
    speak: bool = False

    @property
    def is_last(self) -> bool:
        """Whether the consultation ends after this reply."""
        return self.exchange >= self.max_turns


@dataclass(frozen=True, slots=True)
class DoctorReply:
    """One doctor turn.

    ``requests``: examinations or tests asked for, in the doctor's words. ``differential``: ranked diagnoses
    when the backend states them as data (never required). ``sound``: the doctor's own voice, where it has one and was
    asked to speak; ``first_audio_s``: until its first piece.
    """

    text: str
    requests: tuple[str, ...] = ()
    differential: tuple[str, ...] = ()
    usage: Usage | None = None
    first_s: float | None = None
    finish: str = "stop"
    sound: Sound | None = None
    first_audio_s: float | None = None


@dataclass(frozen=True, slots=True)
class PatientView:
    """What a patient knows when it is to speak: its own case and persona and all turns so far.

    ``turns`` is empty for the opening. ``disclosed`` ids are found in the turns themselves. ``seed`` is this
    turn's own, ``consultation_seed`` the same at every turn (what low recall has forgotten stays forgotten).
    """

    case: Case
    persona: Persona
    turns: tuple[Turn, ...]
    exchange: int
    max_turns: int
    seed: int
    consultation_seed: int = 0


@dataclass(frozen=True, slots=True)
class PatientReply:
    """One patient turn. ``disclosed``: ids of the case items this text reveals. ``end`` ends the consultation."""

    text: str
    disclosed: tuple[str, ...] = ()
    end: StopReason | None = None
    usage: Usage | None = None
    first_s: float | None = None


@dataclass(frozen=True, slots=True)
class ExaminerReply:
    """What the examiner reports: ``results`` are the case's findings that matched, ``not_done`` the rest."""

    text: str
    results: tuple[Finding, ...] = ()
    not_done: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgeView:
    """A finished consultation as a judge sees it: the gold case and the whole transcript, which is data."""

    case: Case
    turns: tuple[Turn, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class PairView:
    """Two finished consultations of one case as a referee sees them; who the doctors are is not in it."""

    case: Case
    turns_a: tuple[Turn, ...]
    turns_b: tuple[Turn, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class FidelityReport:
    """Whether the patient stayed true to its case; each breach names its turn."""

    breaches: tuple[Evidence, ...] = field(default=())

    @property
    def faithful(self) -> bool:
        """Whether nothing was found."""
        return not self.breaches


@dataclass(frozen=True, slots=True)
class SpeakerCard:
    """Who is to be heard: one card, and so one voice, for all turns of a consultation.

    ``name`` and ``seed`` tell apart speakers of equal sex and age (the seed is the case's own, not the turn's).
    ``age_years`` is None where it is not recorded; ``age_group`` follows from it, None likewise.
    """

    name: str
    language: Language
    sex: Sex = "unknown"
    age_years: float | None = None
    age_group: AgeGroup | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class VoiceView:
    """What is to be said, as written (the voice makes it fit for the ear), and by whom."""

    text: str
    speaker: SpeakerCard


@dataclass(frozen=True, slots=True)
class Spoken:
    """Sound of a whole text.

    ``read``: the text as read aloud; ``voice``: which voice it was; ``segments``: in how many pieces it was made, all
    of which are in ``sound``. ``first_s``: until the first piece, for voices that stream.
    """

    sound: Sound
    read: str
    voice: str
    segments: int = 1
    first_s: float | None = None


@dataclass(frozen=True, slots=True)
class ListenerView:
    """What is to be understood.

    ``sound`` is None only for a listener that needs none (capability ``reads``), and the true ``text`` is meant for
    such a listener alone. ``seed`` is this turn's own.
    """

    sound: Sound | None
    text: str
    language: Language
    seed: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood; '' when nothing was."""

    text: str


class Voice(Protocol):
    """Turns text into sound."""

    def key(self, view: VoiceView) -> str:
        """Return what the sound depends on: two views with equal keys sound the same, so one is made only once."""
        ...

    async def speak(self, view: VoiceView) -> Spoken:
        """Return the sound of ``view.text``. Raises AgentFailure(owner='voice' | 'infrastructure')."""
        ...


class Listener(Protocol):
    """Turns sound into text."""

    async def listen(self, view: ListenerView) -> Transcript:
        """Return what was understood. Raises AgentFailure(owner='listener' | 'infrastructure')."""
        ...


class Doctor(Protocol):
    """Answers what the patient said."""

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the next thing the doctor says. Raises AgentFailure(owner='doctor' | 'infrastructure')."""
        ...


class Patient(Protocol):
    """Opens the consultation and answers the doctor."""

    async def speak(self, view: PatientView) -> PatientReply:
        """Return the opening (no turns yet) or the next answer. Raises AgentFailure(owner='patient' | ...)."""
        ...


class Examiner(Protocol):
    """Reports examinations and tests."""

    async def examine(self, case: Case, requests: tuple[str, ...], seed: int) -> ExaminerReply:
        """Answer from the record only; what is absent is 'not done', never 'normal'."""
        ...


class Judge(Protocol):
    """Scores a finished consultation."""

    async def judge(self, view: JudgeView) -> Verdict:
        """Return scores with evidence. Raises AgentFailure(owner='judge' | 'infrastructure')."""
        ...


class Referee(Protocol):
    """Prefers one of two consultations; asked in both orders, and the machine merges what it said."""

    async def prefer(self, view: PairView, order: Order) -> Asked:
        """Return the answer when shown in ``order``. Raises AgentFailure(owner='judge' | 'infrastructure')."""
        ...
