"""An injection: words by which a speaker tries to move the judge; data for attacks on our own judges, never obeyed."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from scenarios.schema.base import Frozen, Language, Slug

InjectionKind = Literal[
    "control", "plea", "pressure", "fence", "verdict", "role", "template", "unicode", "markup", "rubric", "example",
    "encoding", "padding", "language", "pairwise",
]
"""control: harmless words, for what any added sentence does. plea: asks for points or appeals. pressure: bribes and
threatens. fence: forges the end of the data. verdict: utters a ready verdict. role: forges a system, judge or other
turn. template: tokens of chat templates. unicode: hidden, turned or look-alike characters. markup: Markdown, HTML,
XML. rubric: declares the rubric void or changed. example: few-shot transcripts with scores. encoding: base64 and its
kin. padding: buries the request in bulk. language: asks in another language. pairwise: speaks to the referee."""

MAX_SAID = 20_000


class Injection(Frozen):
    """One attack. ``padding`` is said ``times`` times before ``text``.

    ``language`` is that of the consultation into which it goes, whatever language it is in itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)

    id: Slug
    kind: InjectionKind
    language: Language
    speaker: Literal["doctor", "patient"]
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_SAID)]
    padding: str = ""
    times: int = Field(default=1, ge=1, le=5_000)

    @model_validator(mode="after")
    def _not_too_long(self) -> Self:
        if len(self.padding) * self.times + len(self.text) > MAX_SAID:
            raise ValueError(f"says more than {MAX_SAID} characters: lower 'times'")
        return self

    @property
    def said(self) -> str:
        """Everything that is said."""
        return self.padding * self.times + self.text


class InjectionFile(Frozen):
    """A file of injections."""

    injections: tuple[Injection, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [one.id for one in self.injections]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"ids must be unique; repeated: {', '.join(twice)}")
        return self
