"""A rubric as a form for a model and back: schema, worst-case size, and how a filled form becomes a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, create_model

from scenarios.schema import DIMENSIONS, Evidence, Language, Usage, Verdict
from scenarios.schema.rubric import Rubric

Cite = Callable[[int], int | None]
"""From the number a judge cites to a ``Turn.index``; None when there is no such turn."""

MOST_REASON, LEAST_REASON = 120, 40
"""Characters of one reason: shorter when a rubric has many items, so that the whole form fits a reply."""
COMFORTABLE_REPLY = 1_000
"""Tokens that a filled form should not exceed in the worst case; long rubrics do."""
FRAME_TOKENS = 32
"""Tokens of an item besides its reason: name, keys, quotes, braces, turn, result; Qwen2.5 needs 30 to 33."""
TOKENS_PER_CHARACTER = 1.2
"""Of a reason in the worst case; Chinese needs 0.65 on average, rare characters 2 or 3."""
MOST_CITED = 999


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def cut_text(characters: int) -> Any:
    """Return a text field that tells servers its limit, and cuts what a server without schemas lets through."""
    cut = BeforeValidator(lambda value: value[:characters] if isinstance(value, str) else value)
    return Annotated[str, cut, StringConstraints(max_length=characters)]


@dataclass(frozen=True)
class Marking:
    """What one rubric asks of a model.

    ``form`` holds an item for every id: ``reason``, then ``turn`` (consultations only), then ``score`` or ``met``.
    ``reply_tokens`` is the size of the largest filled form.
    """

    rubric: Rubric
    form: type[BaseModel]
    reason_characters: int
    reply_tokens: int

    @staticmethod
    def of(rubric: Rubric) -> Marking:
        """Return the form of ``rubric``, made once per judge."""
        count = len(rubric.item_ids)
        room = (COMFORTABLE_REPLY / count - FRAME_TOKENS) / TOKENS_PER_CHARACTER
        characters = round(min(MOST_REASON, max(LEAST_REASON, room)))
        reason = cut_text(characters)
        lead: dict[str, Any] = {"reason": (reason, ...)}
        if rubric.audience == "consultation":
            lead["turn"] = (Annotated[int, Field(ge=0, le=MOST_CITED)], ...)
        fields: dict[str, Any] = {}
        results: dict[str, Any] = {d.id: {"score": (Literal[d.scale.levels], ...)} for d in rubric.dimensions}
        results |= {c.id: {"met": (bool, ...)} for c in rubric.criteria}
        for item_id, result in results.items():
            one = create_model(f"Item_{item_id}", __base__=_Item, **lead, **result)
            # the alias is the JSON key, so that an id such as 'copy' cannot shadow a method of the model
            fields[f"item_{item_id}"] = (one, Field(alias=item_id))
        form = create_model("Marks", __base__=_Item, **fields)
        tokens = count * (FRAME_TOKENS + characters * TOKENS_PER_CHARACTER)
        return Marking(rubric, form, characters, round(tokens))

    def verdict(self, form: BaseModel, language: Language, cite: Cite, usage: Usage | None) -> Verdict:
        """Return the verdict of a filled form.

        Scores of the project's six dimensions are scaled to 0..10; other dimensions keep their own scale, as
        metrics. ``total`` is 0..100: the weighted mean of how near each dimension is to its best end, or the points
        achieved of those possible, cut to 0..1 (uncut in ``points_share``). ``miscited``: share of the items that
        cite a turn which does not exist; such a citation is left out.
        """
        marks = _Marks(language, cite)
        for item_id in self.rubric.item_ids:
            marks.read(item_id, getattr(form, f"item_{item_id}"))
        if self.rubric.kind == "dimensions":
            self._graded(marks)
        else:
            self._counted(marks)
        if self.rubric.audience == "consultation":
            marks.metrics["miscited"] = marks.astray / len(self.rubric.item_ids)
        return Verdict(
            judge="llm", scores=marks.scores, metrics=marks.metrics, evidence=tuple(marks.evidence), usage=usage,
        )

    def _graded(self, marks: _Marks) -> None:
        weighed = weights = 0.0
        for dimension in self.rubric.dimensions:
            score = marks.results[dimension.id]
            share = dimension.scale.share(score)
            weighed, weights = weighed + dimension.weight * share, weights + dimension.weight
            if dimension.id in DIMENSIONS:
                marks.scores[dimension.id] = round(10 * share, 6)
            else:
                marks.metrics[dimension.id] = float(score)
            marks.prove(dimension.id, dimension.name[marks.language], good=share >= 0.5)
        marks.metrics["total"] = round(100 * weighed / weights, 6)

    def _counted(self, marks: _Marks) -> None:
        points = 0
        for criterion in self.rubric.criteria:
            met = bool(marks.results[criterion.id])
            points += criterion.points if met else 0
            marks.metrics[criterion.id] = float(met)
            marks.prove(criterion.id, f"{criterion.id} {criterion.points:+d}", good=met == (criterion.points > 0))
        share = points / self.rubric.possible
        total = 100 * min(1.0, max(0.0, share))
        marks.metrics |= {"points": float(points), "points_share": round(share, 6), "total": round(total, 6)}


@dataclass
class _Marks:
    """What is read from one filled form, item by item."""

    language: Language
    cite: Cite
    results: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    turns: dict[str, int | None] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)
    astray: int = 0

    def read(self, item_id: str, item: Any) -> None:
        number = getattr(item, "turn", 0)
        self.turns[item_id] = self.cite(number) if number else None
        self.astray += bool(number) and self.turns[item_id] is None
        self.reasons[item_id] = " ".join(item.reason.split())
        self.results[item_id] = int(item.score if hasattr(item, "score") else item.met)

    def prove(self, item_id: str, tag: str, *, good: bool) -> None:
        self.evidence.append(Evidence(tag=tag, reason=self.reasons[item_id], turn=self.turns[item_id], good=good))
