"""A rubric: what a judge is asked to look at and how its answers become numbers; it knows no judge and no model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from scenarios.schema.base import Frozen, Language, Slug, Text

ItemId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A name that can be a JSON key and a part of a metric's name: lower case, digits, ``_``; no dots."""

Localised = dict[Language, Text]
"""One text in each of the rubric's languages."""

RESERVED = frozenset({"total", "exchanges", "points", "points_share", "miscited"})
"""Names of the metrics that a rubric's result has anyway."""
MAX_LEVELS = 101
MAX_ITEMS = 40


class Scale(Frozen):
    """Whole numbers from ``min`` to ``max``; ``best`` says which end is the good one."""

    min: int = Field(default=0, ge=-100, le=100)
    max: int = Field(default=10, ge=-100, le=100)
    best: Literal["max", "min"] = "max"

    @model_validator(mode="after")
    def _goes_up(self) -> Self:
        if not self.min < self.max <= self.min + MAX_LEVELS - 1:
            raise ValueError(f"max must be above min and leave at most {MAX_LEVELS} levels")
        return self

    @property
    def levels(self) -> tuple[int, ...]:
        """Every score that can be given, ascending."""
        return tuple(range(self.min, self.max + 1))

    def share(self, score: float) -> float:
        """Return where ``score`` stands between the worst (0.0) and the best end (1.0)."""
        share = (score - self.min) / (self.max - self.min)
        return share if self.best == "max" else 1.0 - share


class RubricDimension(Frozen):
    """One thing that gets a level. ``anchors`` describe some levels, at least the two ends.

    Example: ``{id: inquiry, name: {zh: 主动追问, en: Inquiry}, asks: {...}, anchors: {0: {...}, 10: {...}}}``
    """

    id: ItemId
    name: Localised
    asks: Localised
    weight: float = Field(default=1.0, gt=0, le=1000)
    scale: Scale = Scale()
    anchors: dict[int, Localised] = Field(min_length=2)

    @model_validator(mode="after")
    def _anchors_stand_on_the_scale(self) -> Self:
        outside = sorted(level for level in self.anchors if not self.scale.min <= level <= self.scale.max)
        if outside:
            raise ValueError(f"anchor {outside[0]} is outside the scale {self.scale.min}..{self.scale.max}")
        bare = sorted({self.scale.min, self.scale.max} - self.anchors.keys())
        if bare:
            raise ValueError(f"both ends of the scale need an anchor; {bare[0]} has none")
        return self


class Criterion(Frozen):
    """One statement that holds of the transcript or does not; negative ``points`` mark what should not happen."""

    id: ItemId
    text: Localised
    points: int = Field(ge=-100, le=100)

    @field_validator("points")
    @classmethod
    def _counts(cls, value: int) -> int:
        if value == 0:
            raise ValueError("points must not be 0: such a criterion counts for nothing")
        return value


class Rubric(Frozen):
    """What a judge scores by: graded ``dimensions``, or ``criteria`` that are met or not.

    ``sees``: whether the gold record of the case is shown to the judge. ``audience``: whole consultations, or
    single answers with a question and, perhaps, a reference. ``source``: where the idea comes from; the words of
    shipped rubrics are this project's own.
    """

    id: Slug
    version: int = Field(default=1, ge=1)
    title: Localised
    languages: tuple[Language, ...] = ("zh", "en")
    kind: Literal["dimensions", "criteria"]
    audience: Literal["consultation", "single_turn"] = "consultation"
    sees: Literal["transcript", "transcript_and_record"] = "transcript"
    setting: Localised | None = Field(default=None, description="what the judge should know about the encounter")
    dimensions: tuple[RubricDimension, ...] = Field(default=(), max_length=MAX_ITEMS)
    criteria: tuple[Criterion, ...] = Field(default=(), max_length=MAX_ITEMS)
    source: Text
    note: str = ""

    @field_validator("languages")
    @classmethod
    def _some_language(cls, value: tuple[Language, ...]) -> tuple[Language, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("must name each of its languages once, e.g. [zh, en]")
        return value

    @model_validator(mode="after")
    def _holds_its_own_kind(self) -> Self:
        own, other = (self.dimensions, self.criteria) if self.kind == "dimensions" else (self.criteria, self.dimensions)
        if not own or other:
            raise ValueError(f"a rubric of kind {self.kind!r} needs the key {self.kind!r} and not the other")
        ids = self.item_ids
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"ids must be unique within a rubric; repeated: {', '.join(twice)}")
        if taken := sorted(RESERVED.intersection(ids)):
            raise ValueError(f"the id {taken[0]!r} is the name of a metric that every verdict has: choose another")
        if self.kind == "criteria" and self.possible <= 0:
            raise ValueError("at least one criterion must have positive points, or nothing could be achieved")
        return self

    @model_validator(mode="after")
    def _every_text_in_every_language(self) -> Self:
        for where, text in self._texts():
            if missing := [language for language in self.languages if language not in text]:
                raise ValueError(
                    f"{where} has no text in {missing[0]!r}: write it, or say 'languages: "
                    f"[{', '.join(language for language in self.languages if language in text)}]'"
                )
        return self

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Ids of the dimensions or criteria, in order."""
        return (*(d.id for d in self.dimensions), *(c.id for c in self.criteria))

    @property
    def possible(self) -> int:
        """Points of all positive criteria together."""
        return sum(criterion.points for criterion in self.criteria if criterion.points > 0)

    def _texts(self) -> Iterator[tuple[str, Localised]]:
        yield "title", self.title
        if self.setting is not None:
            yield "setting", self.setting
        for dimension in self.dimensions:
            yield f"{dimension.id}.name", dimension.name
            yield f"{dimension.id}.asks", dimension.asks
            for level, text in dimension.anchors.items():
                yield f"{dimension.id}.anchors.{level}", text
        for criterion in self.criteria:
            yield f"{criterion.id}.text", criterion.text
