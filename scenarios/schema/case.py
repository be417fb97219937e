"""A patient case: the record a simulated patient owns and a judge scores against; knows no agent.

Disclosure levels follow how standardised patients are briefed: *volunteered* facts are offered in the
opening, *asked* facts come out on an open or topical question, *specific* facts only when the question
names the thing itself.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from scenarios.schema.base import Frozen, Language, Sex, Slug, Text

Disclosure = Literal["volunteered", "asked", "specific"]
Topic = Literal[
    # OPQRST: the present illness
    "onset", "course", "location", "quality", "severity", "timing", "provocation", "relief", "associated",
    # SAMPLE and the rest of the history
    "past_history", "medications", "allergies", "family_history", "social_history", "exposure",
    "reproductive", "development", "prior_care", "general", "concern",
]
"""OPQRST topics (onset, course over time, location and radiation, quality, severity, timing and frequency,
provoking factors, relieving factors, associated symptoms), then SAMPLE and the wider history.
``exposure``: travel, sick contacts, food, bites. ``reproductive``: menstrual, obstetric, sexual.
``development``: birth, feeding, milestones, vaccination. ``prior_care``: earlier visits, tests, treatment
tried. ``general``: sleep, appetite, weight, bowels, urine, energy. ``concern``: ideas and worries."""

Department = Literal[
    "cardiology", "respiratory", "gastroenterology", "neurology", "endocrinology", "nephrology_urology",
    "infectious", "dermatology", "paediatrics", "gynaecology_obstetrics", "orthopaedics_rheumatology",
    "ent", "ophthalmology", "psychiatry", "surgery", "haematology_oncology", "emergency", "general",
]
Urgency = Literal["routine", "urgent", "emergency"]


class Demographics(Frozen):
    """Who the patient is. ``age_years`` may be fractional (0.5 is six months); ``None`` is not recorded."""

    age_years: float | None = Field(default=None, ge=0, le=130)
    sex: Sex = "unknown"
    occupation: str = ""


class Speaker(Frozen):
    """Who talks to the doctor: the patient, or a caregiver who speaks of the patient in the third person."""

    kind: Literal["self", "caregiver"] = "self"
    relation: str = Field(default="", description="caregiver's relation to the patient: 妈妈, mother, daughter ...")
    calls_patient: str = Field(default="", description="how the caregiver refers to the patient: 孩子, my son ...")

    @model_validator(mode="after")
    def _caregiver_has_relation(self) -> Self:
        if self.kind == "caregiver" and not (self.relation and self.calls_patient):
            raise ValueError("a caregiver needs 'relation' and 'calls_patient'")
        return self


class Fact(Frozen):
    """One thing the patient knows, worded as the speaker would say it aloud.

    Example: ``{id: onset, topic: onset, text: 三天前吃完火锅开始疼的, disclosure: asked, critical: true}``
    """

    id: Slug
    topic: Topic
    text: Text
    disclosure: Disclosure = "asked"
    critical: bool = Field(default=False, description="a competent doctor must elicit it for this case")
    cues: tuple[str, ...] = Field(default=(), description="extra words by which a question can ask for it")


class Absence(Frozen):
    """Something explicitly *not* there ('no fever'); what is in neither list is 'not recorded'."""

    id: Slug
    name: Text
    topic: Topic = "associated"
    critical: bool = False
    cues: tuple[str, ...] = ()


class Finding(Frozen):
    """What an examination or test shows, when a doctor asks for it."""

    id: Slug
    kind: Literal["exam", "lab", "imaging", "other"] = "exam"
    name: Text
    aliases: tuple[str, ...] = ()
    result: Text
    critical: bool = False


class Condition(Frozen):
    """A diagnosis with the other names by which it may be called (either language)."""

    name: Text
    aliases: tuple[str, ...] = ()


class Diagnosis(Condition):
    """The reference diagnosis and what a careful doctor would also consider."""

    differentials: tuple[Condition, ...] = ()


class RedFlag(Frozen):
    """A warning sign of this complaint.

    ``present`` ones must be elicited *and* acted on (sent to emergency or urgent care when the case's
    urgency says so); absent ones should be asked. ``item`` is the id of the fact or absence that carries it.
    """

    id: Slug
    name: Text
    item: Slug
    present: bool


class Advice(Frozen):
    """One point of appropriate management; any of ``keywords`` in the doctor's words covers it."""

    text: Text
    keywords: tuple[Text, ...] = Field(min_length=1)


class Provenance(Frozen):
    """Where the case comes from, so that every figure can be traced."""

    source: Text
    record: str = ""
    licence: str = ""
    note: str = ""
    knowledge_hash: str = Field(default="", description="hash of the knowledge base frozen before the case was written")


class Case(Frozen):
    """A whole case. Item ids (facts, absences, findings) share one name space within the case."""

    id: Slug
    language: Language
    title: str = ""
    department: Department = "general"
    urgency: Urgency = "routine"
    demographics: Demographics = Demographics()
    speaker: Speaker = Speaker()
    chief_complaint: Text = Field(description="the opening sentence as the speaker says it")
    facts: tuple[Fact, ...] = ()
    absences: tuple[Absence, ...] = ()
    findings: tuple[Finding, ...] = ()
    diagnosis: Diagnosis | None = Field(default=None, description="None: the source records no diagnosis; not scored")
    red_flags: tuple[RedFlag, ...] = ()
    treatment: tuple[Advice, ...] = ()
    provenance: Provenance

    @model_validator(mode="after")
    def _ids_are_unique_and_known(self) -> Self:
        ids = [i.id for i in self.facts] + [i.id for i in self.absences] + [i.id for i in self.findings]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"item ids must be unique within a case; repeated: {', '.join(twice)}")
        strange = [flag.item for flag in self.red_flags if flag.item not in ids]
        if strange:
            raise ValueError(f"red_flags name items that are not in the case: {', '.join(strange)}")
        return self

    @property
    def critical_ids(self) -> frozenset[str]:
        """Ids of the facts and absences that count for coverage."""
        return frozenset([f.id for f in self.facts if f.critical] + [a.id for a in self.absences if a.critical])
