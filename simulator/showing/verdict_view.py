"""What judges said of one or more consultations, side by side as rows of a table; it computes no figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scenarios.schema import DIMENSIONS, Evidence, Verdict
from simulator.metric_names import label
from simulator.showing.chat import Column


@dataclass(frozen=True)
class Cell:
    """One figure, or why there is none."""

    value: float | None
    why: str = ""


@dataclass(frozen=True)
class Row:
    """One dimension or metric; a cell a column."""

    name: str
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Remark:
    """Evidence with the anchor of the sentence it cites ('' when it cites none of this consultation)."""

    evidence: Evidence
    anchor: str
    exchange: int | None


@dataclass(frozen=True)
class VerdictBlock:
    """One judge. ``remarks`` holds a tuple a column: what it says in words, in the order of the transcript."""

    judge: str
    dimensions: tuple[Row, ...]
    metrics: tuple[Row, ...]
    remarks: tuple[tuple[Remark, ...], ...]

    @property
    def has_remarks(self) -> bool:
        """Whether the judge says anything in words."""
        return any(self.remarks)


def verdict_blocks(columns: Sequence[Column]) -> tuple[VerdictBlock, ...]:
    """Return a block for each judge that has seen any of ``columns``, in the order in which judges are met."""
    judges = dict.fromkeys(verdict.judge for column in columns for verdict in column.verdicts)
    return tuple(_block(judge, columns) for judge in judges)


def _block(judge: str, columns: Sequence[Column]) -> VerdictBlock:
    theirs = [next((one for one in column.verdicts if one.judge == judge), None) for column in columns]
    seen = [one for one in theirs if one is not None]
    named = {name for one in seen for name in (*one.scores, *one.not_scored)}
    numbers = {name for one in seen for name in (*one.metrics, *one.not_scored)}.difference(DIMENSIONS)
    own = {name for one in seen for name in one.scores}.difference(DIMENSIONS)
    scored = [str(name) for name in DIMENSIONS if name in named] + sorted(own)
    return VerdictBlock(
        judge=judge,
        dimensions=tuple(_row(name, theirs, scores=True) for name in scored),
        metrics=tuple(_row(name, theirs, scores=False) for name in sorted(numbers - own)),
        remarks=tuple(tuple(_remarks(one, column)) for one, column in zip(theirs, columns, strict=True)),
    )


def _row(name: str, theirs: Iterable[Verdict | None], *, scores: bool) -> Row:
    title = next((words["en"] for known, words in DIMENSIONS.items() if known == name), label(name))
    return Row(name, title, tuple(_cell(one, name, scores) for one in theirs))


def _cell(verdict: Verdict | None, name: str, scores: bool) -> Cell:
    if verdict is None:
        return Cell(None, "not judged")
    if not verdict.parsed:
        return Cell(None, "the judge's answer could not be read")
    value = (verdict.scores if scores else verdict.metrics).get(name)
    why = verdict.not_scored.get(name, "")
    if value is not None:
        return Cell(value, why)
    return Cell(None, f"not scored: {why}" if why else "not scored")


def _remarks(verdict: Verdict | None, column: Column) -> list[Remark]:
    if verdict is None:
        return []
    said = {view.turn.index: view for views in column.rounds.values() for view in views}
    found = []
    for one in verdict.evidence:
        view = said.get(one.turn) if one.turn is not None else None
        found.append(Remark(one, view.anchor if view else "", view.turn.exchange if view else None))
    return sorted(found, key=lambda remark: (remark.exchange is None, remark.evidence.turn or 0))
