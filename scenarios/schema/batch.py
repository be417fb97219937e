"""A batch: which cases meet which doctors, how often, and who else is in the room; paths stay as written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from scenarios.schema.base import Frozen, Slug, Text
from scenarios.schema.channel import Channel, TurnTaking
from scenarios.schema.persona import Persona

MAX_CONCURRENCY = 4096


class LibraryCases(Frozen):
    """Cases shipped with the project, by language; optional department and limit."""

    library: Literal["zh", "en", "all"]
    department: str = ""
    ids: tuple[str, ...] = ()
    limit: int | None = Field(default=None, gt=0)


class ImportedCases(Frozen):
    """Cases read from a foreign dataset, ``import`` being the format's name."""

    format: str = Field(alias="import")
    path: Text
    limit: int | None = Field(default=None, gt=0)
    on_error: Literal["stop", "skip"] = "stop"


def _source_kind(value: Any) -> str | None:
    if isinstance(value, (str, LibraryCases, ImportedCases)):
        return {str: "<path>", LibraryCases: "<library>", ImportedCases: "<import>"}[type(value)]
    return next((f"<{kind}>" for kind in ("library", "import") if isinstance(value, dict) and kind in value), None)


CaseSource = Annotated[
    Annotated[Text, Tag("<path>")]
    | Annotated[LibraryCases, Tag("<library>")]
    | Annotated[ImportedCases, Tag("<import>")],
    Discriminator(
        _source_kind,
        custom_error_type="case_source",
        custom_error_message="must be a path, {library: zh|en|all} or {import: FORMAT, path: FILE}",
    ),
]
"""A path or glob of case files, a part of the shipped library, or a dataset to import."""


class BackendRef(Frozen):
    """A backend by its catalogue name; every other key is an option that the backend itself validates."""

    model_config = ConfigDict(frozen=True, extra="allow", str_strip_whitespace=True)

    backend: Text

    @property
    def options(self) -> dict[str, Any]:
        """The options as written, without the backend's name."""
        return dict(self.model_extra or {})


class PatientRef(BackendRef):
    """The patient's backend and persona."""

    backend: Text = "agenda"
    persona: Persona = Persona()


class DoctorRef(BackendRef):
    """A doctor's backend, and where this doctor's consultations sound otherwise than the batch's others.

    None: as the batch says. So one doctor can be compared with itself behind other ears or another line.
    """

    doctor_voice: BackendRef | None = Field(default=None, description="for a doctor without a voice of its own")
    listener: BackendRef | None = None
    input_speech: bool | None = None
    output_speech: bool | None = None
    channel: Channel | None = None
    turn_taking: TurnTaking | None = None

    @property
    def plain(self) -> BackendRef:
        """The backend alone."""
        return BackendRef(backend=self.backend, **self.options)


class Speech(Frozen):
    """How the consultations of one doctor sound: the batch's keys, with the doctor's own before them."""

    input_speech: bool = False
    output_speech: bool = False
    voice: BackendRef | None = None
    doctor_voice: BackendRef | None = None
    listener: BackendRef | None = None
    channel: Channel | None = None
    turn_taking: TurnTaking = TurnTaking()

    @property
    def mode(self) -> str:
        """How the doctor is met: t2t, s2t, t2s or s2s (what goes in, what comes out: text or speech)."""
        return f"{'s' if self.input_speech else 't'}2{'s' if self.output_speech else 't'}"

    @property
    def sounds(self) -> bool:
        """Whether anything is said aloud."""
        return self.input_speech or self.output_speech


class JudgeRef(BackendRef):
    """A judge's backend; ``name`` tells apart two judges of one backend (other models, other rubrics)."""

    name: Slug | None = None

    @property
    def called(self) -> str:
        """What the judge's verdicts are signed with."""
        return self.name or self.backend


class Batch(Frozen):
    """A batch file.

    Example::

        name: compare-doctors
        cases: [cases.yaml, {library: zh}, {import: agentclinic, path: osce.jsonl, limit: 20}]
        doctors:
          careful: {backend: history-taker}
          quick: {backend: one-shot}
        trials: 3
        seed: 2026
        max_turns: 6
    """

    name: Slug
    description: str = ""
    cases: tuple[CaseSource, ...] = Field(min_length=1)
    doctors: dict[Slug, DoctorRef] = Field(min_length=1)
    patient: PatientRef = PatientRef()
    examiner: BackendRef = BackendRef(backend="record")
    voice: BackendRef | None = Field(default=None, description="the patients' voices")
    doctor_voice: BackendRef | None = Field(default=None, description="of doctors without one; default: as voice")
    listener: BackendRef | None = Field(default=None, description="understands what is said aloud")
    input_speech: bool | None = Field(default=None, description="patients are heard; default: when there is a voice")
    output_speech: bool = Field(default=False, description="doctors are heard, and patients read what was understood")
    channel: Channel | None = Field(default=None, description="what the patient's sound goes through")
    turn_taking: TurnTaking = TurnTaking()
    referee: BackendRef | None = Field(default=None, description="judge that compares two doctors on the same case")
    judges: tuple[JudgeRef, ...] = (JudgeRef(backend="rubric"),)
    trials: int = Field(default=1, ge=1, le=1000)
    seed: int = Field(default=0, ge=0, lt=2**63)
    max_turns: int = Field(default=6, ge=1, le=200, description="doctor-patient exchanges")
    concurrency: int = Field(default=32, ge=1, le=MAX_CONCURRENCY)
    retries: int = Field(default=2, ge=0, le=20, description="further tries of a failed agent call")
    turn_timeout_s: float = Field(default=120.0, gt=0, le=86_400)

    def speech(self, doctor: str) -> Speech:
        """Return how the consultations of the doctor of this name sound."""
        own = self.doctors[doctor]
        heard = self.voice is not None if self.input_speech is None else self.input_speech
        return Speech(
            input_speech=heard if own.input_speech is None else own.input_speech,
            output_speech=self.output_speech if own.output_speech is None else own.output_speech,
            voice=self.voice, doctor_voice=own.doctor_voice or self.doctor_voice or self.voice,
            listener=own.listener or self.listener, channel=own.channel or self.channel,
            turn_taking=own.turn_taking or self.turn_taking,
        )

    @field_validator("cases", mode="before")
    @classmethod
    def _one_source_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, (str, dict)) else value

    @model_validator(mode="after")
    def _judges_are_distinct(self) -> Self:
        names = [judge.called for judge in self.judges]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"judges must differ; repeated: {', '.join(twice)}. Give each a name of its own")
        return self
