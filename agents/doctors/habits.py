"""How a model wants to be spoken to: system prompt, role names, shape of the history; it knows no model and no server.

Published doctor models were trained with habits of their own. These options describe them as data, flat beside the
model's name, so that an entry may set all of them and a batch may still change one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from scenarios.schema import Language, Role
from scenarios.schema.base import Frozen

Stripper = Literal["think", "special_tokens", "tags", "label", "next_speaker"]
"""``think``: reasoning between <think> and </think>. ``special_tokens``: <|...|>, <s>, [INST] and their like.
``tags``: any other <tag>, what stands inside is kept. ``label``: the doctor's own label at the start ("Doctor:").
``next_speaker``: all from where the model goes on as the patient."""

Prompt = Annotated[str, StringConstraints(max_length=20_000)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=40)]
RoleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,39}$")]


class Bilingual(Frozen):
    """A text for Chinese and one for English cases; where only one is given it serves both."""

    zh: Prompt | None = None
    en: Prompt | None = None

    def text(self, language: Language) -> str:
        """Return the text for ``language``, else the other one."""
        first, second = (self.zh, self.en) if language == "zh" else (self.en, self.zh)
        return first if first is not None else second or ""


class RoleNames(Frozen):
    """What the model's chat template calls the parties."""

    system: RoleName = "system"
    doctor: RoleName = "assistant"
    patient: RoleName = "user"


class SpeakerLabels(Frozen):
    """What stands before the words of each party where several share one message; a colon follows."""

    doctor: Label
    patient: Label
    examiner: Label

    def of(self, role: Role) -> str:
        """Return the label of ``role``."""
        return {"doctor": self.doctor, "patient": self.patient, "examiner": self.examiner}[role]


class Labels(Frozen):
    """Speaker labels of both languages."""

    zh: SpeakerLabels = SpeakerLabels(doctor="医生", patient="患者", examiner="检查结果")
    en: SpeakerLabels = SpeakerLabels(doctor="Doctor", patient="Patient", examiner="Examination results")

    def of(self, language: Language) -> SpeakerLabels:
        """Return the labels of ``language``."""
        return self.zh if language == "zh" else self.en


class PromptHabits(Frozen):
    """How the consultation becomes a prompt and how the reply becomes a doctor's words."""

    system: Bilingual | None = Field(
        default=None, description="a text, or one each under zh and en; none: our own prompt; '': no system message"
    )
    roles: RoleNames = RoleNames()
    history: Literal["messages", "transcript", "last_only"] = Field(
        default="messages",
        description="messages: alternating; transcript: one labelled message; last_only: the patient's last words",
    )
    labels: Labels = Labels()
    intake: Literal["system", "first", "none"] = Field(
        default="system", description="where age, sex and who speaks are told: system prompt, first message, nowhere"
    )
    last_word: Literal["hint", "none"] = Field(
        default="hint", description="hint: the last exchange ends with a note that the consultation closes now"
    )
    ask_requests: Literal["none", "form"] = Field(
        default="none", description="form: the model answers as JSON, so that it can order examinations as data"
    )
    strip: tuple[Stripper, ...] = Field(
        default=("think", "special_tokens", "label"), description="what is taken out of a reply, in this order"
    )

    @field_validator("system", mode="before")
    @classmethod
    def _one_text_is_both(cls, value: object) -> object:
        return {"zh": value, "en": value} if isinstance(value, str) else value
