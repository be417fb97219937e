"""The knowledge base as validated tables and arrays; it knows files and numbers, no dialogue and no case."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import TypeAdapter, ValidationError

from agents.knowledge.schema import KnownCondition, KnownFinding, KnownTest
from scenarios.errors import InputError
from scenarios.schema import Frozen, Sex

Array = npt.NDArray[np.float64]
Entry = TypeVar("Entry", KnownFinding, KnownCondition, KnownTest)

DATA = Path(__file__).with_name("data")
OUTSIDE_AGES = 0.02
FLOOR, CEILING = 0.002, 0.98
_SEX_FLOOR = 0.005
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, eq=False)
class KnowledgeBase:
    """Findings, conditions and tests, sorted by id, with C conditions x F findings in arrays.

    ``likelihood``: P(finding reported | condition), shape (C, F); what a condition does not list has the
    finding's background. ``background``: shape (F,). ``prior``: relative visit frequency, shape (C,), sums to 1.
    ``listed``: whether the condition names the finding or something more specific, shape (C, F).
    """

    findings: tuple[KnownFinding, ...]
    conditions: tuple[KnownCondition, ...]
    tests: tuple[KnownTest, ...]
    likelihood: Array
    background: Array
    prior: Array
    listed: npt.NDArray[np.bool_]
    finding_at: Mapping[str, int]
    condition_at: Mapping[str, int]
    generals: Mapping[str, frozenset[str]]
    specifics: Mapping[str, frozenset[str]]

    def finding(self, finding_id: str) -> KnownFinding:
        """Return the finding by id."""
        return self.findings[self.finding_at[finding_id]]

    @cached_property
    def test_by_id(self) -> Mapping[str, KnownTest]:
        """Tests by id."""
        return {test.id: test for test in self.tests}

    def demographic_weight(self, age_years: float | None, sex: Sex) -> Array:
        """Return relative weights (C,) of age and sex; all ones where neither is known."""
        weight = np.ones(len(self.conditions))
        if age_years is not None:
            weight *= [_age_weight(condition, age_years) for condition in self.conditions]
        if sex != "unknown":
            female = np.array([condition.female for condition in self.conditions])
            weight *= 2 * np.maximum(female if sex == "female" else 1 - female, _SEX_FLOOR)
        return weight

    def fingerprint(self) -> str:
        """Return the sha256 of all content in canonical form: the same whatever the files' names and order."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        content = [[entry.model_dump(mode="json") for entry in part] for part in self._parts]
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def _parts(self) -> tuple[Sequence[Frozen], ...]:
        return (self.findings, self.conditions, self.tests)


@cache
def knowledge() -> KnowledgeBase:
    """Return the shipped knowledge base, loaded once. Raises InputError if its data is broken."""
    return load(DATA)


def load(folder: Path) -> KnowledgeBase:
    """Read ``findings/*.yaml``, ``conditions/*.yaml`` and ``tests.yaml``; raises InputError naming file and entry."""
    findings = _read(sorted((folder / "findings").glob("*.yaml")), KnownFinding)
    conditions = _read(sorted((folder / "conditions").glob("*.yaml")), KnownCondition)
    tests = _read([folder / "tests.yaml"], KnownTest)
    if not findings or not conditions:
        raise InputError(f"knowledge base {folder}: no findings or no conditions found")
    return build(findings, conditions, tests)


def build(
    findings: Iterable[KnownFinding], conditions: Iterable[KnownCondition], tests: Iterable[KnownTest] = ()
) -> KnowledgeBase:
    """Check the references between entries and lay them out as arrays. Raises InputError."""
    known = tuple(_unique(findings, "finding"))
    causes = tuple(_unique(conditions, "condition"))
    exams = tuple(_unique(tests, "test"))
    _check_references(known, causes, exams)
    generals, order = _closure(known)
    specifics = {f.id: frozenset(s for s, g in generals.items() if f.id in g) for f in known}
    at = {finding.id: column for column, finding in enumerate(known)}
    background = np.array([finding.background for finding in known])
    weight = np.array([condition.weight for condition in causes])
    likelihood, listed = _likelihood(known, causes, at, background, order)
    return KnowledgeBase(
        findings=known,
        conditions=causes,
        tests=exams,
        likelihood=likelihood,
        background=background,
        prior=weight / weight.sum(),
        listed=listed,
        finding_at=at,
        condition_at={condition.id: row for row, condition in enumerate(causes)},
        generals=generals,
        specifics=specifics,
    )


def _read(files: Iterable[Path], kind: type[Entry]) -> list[Entry]:
    entries: list[Entry] = []
    for file in files:
        try:
            raw: Any = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)
        except FileNotFoundError as error:
            raise InputError(f"knowledge base: {file} is missing") from error
        except yaml.YAMLError as error:
            raise InputError(f"knowledge base: {file} is not YAML: {error}") from error
        try:
            entries.extend(TypeAdapter(list[kind]).validate_python(raw or []))  # type: ignore[valid-type]
        except ValidationError as error:
            raise InputError(f"knowledge base: {_first_problem(file, raw, error)}") from error
    return entries


def _first_problem(file: Path, raw: Any, error: ValidationError) -> str:
    first = error.errors()[0]
    place = first["loc"]
    name = ""
    if place and isinstance(raw, list) and isinstance(place[0], int) and isinstance(raw[place[0]], dict):
        name = str(raw[place[0]].get("id", ""))
    key = ".".join(str(part) for part in place)
    return f"{file}: {name or 'entry'}: {key}: {first['msg']} (got {str(first.get('input'))[:80]!r})"


def _unique(entries: Iterable[Entry], what: str) -> list[Entry]:
    ordered = sorted(entries, key=lambda entry: entry.id)
    twice = sorted({a.id for a, b in zip(ordered, ordered[1:], strict=False) if a.id == b.id})
    if twice:
        raise InputError(f"knowledge base: {what} ids must be unique; repeated: {', '.join(twice)}")
    return ordered


def _check_references(
    findings: Sequence[KnownFinding], conditions: Sequence[KnownCondition], tests: Sequence[KnownTest]
) -> None:
    ids, test_ids = {finding.id for finding in findings}, {test.id for test in tests}
    problems = [f"finding {f.id}: implies unknown {i!r}" for f in findings for i in f.implies if i not in ids]
    for condition in conditions:
        named = (*condition.findings, *condition.red_flags)
        problems += [f"condition {condition.id}: unknown finding {i!r}" for i in named if i not in ids]
        problems += [f"condition {condition.id}: unknown test {i!r}" for i in condition.tests if i not in test_ids]
        problems += [
            f"condition {condition.id}: {i}: {p} is not a probability"
            for i, p in condition.findings.items()
            if not 0 <= p <= 1
        ]
        if not condition.findings:
            problems.append(f"condition {condition.id}: has no findings")
    if problems:
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
        raise InputError(f"knowledge base: {'; '.join(problems[:5])}{more}")


def _closure(findings: Sequence[KnownFinding]) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Return every finding's more general ones, and an order with the general before the specific."""
    direct = {finding.id: finding.implies for finding in findings}
    try:
        order = list(TopologicalSorter(direct).static_order())
    except CycleError as error:
        raise InputError(f"knowledge base: findings imply each other in a circle: {error.args[1]}") from error
    closed: dict[str, frozenset[str]] = {}
    for name in order:
        closed[name] = frozenset(direct[name]).union(*(closed[general] for general in direct[name]))
    return closed, order


def _likelihood(
    findings: Sequence[KnownFinding],
    conditions: Sequence[KnownCondition],
    at: Mapping[str, int],
    background: Array,
    order: Sequence[str],
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Fill (C, F) from the listed values and from what findings imply; also return what counts as listed.

    A general finding is at least as likely as its listed specific one, and an unlisted specific one takes its
    usual share of the general one, so that saying more precisely what was said never speaks against a
    condition that lists only the general finding.
    """
    table = np.tile(background, (len(conditions), 1))
    listed = np.zeros_like(table, dtype=bool)
    for row, condition in enumerate(conditions):
        for name, probability in condition.findings.items():
            table[row, at[name]], listed[row, at[name]] = probability, True
    implies = {finding.id: finding.implies for finding in findings}
    for name in reversed(order):
        for general in implies[name]:
            raised = np.maximum(table[:, at[general]], table[:, at[name]])
            table[:, at[general]] = np.where(listed[:, at[name]], raised, table[:, at[general]])
            listed[:, at[general]] |= listed[:, at[name]]
    for name in order:
        shares = [(at[g], min(0.9, background[at[name]] / background[at[g]])) for g in implies[name]]
        if shares:
            inherited = np.max([share * table[:, column] for column, share in shares], axis=0)
            least = np.min([table[:, column] for column, _ in shares], axis=0)
            kept = np.where(listed[:, at[name]], table[:, at[name]], np.minimum(inherited, least))
            table[:, at[name]] = kept
    return np.clip(table, FLOOR, CEILING), listed


def _age_weight(condition: KnownCondition, age_years: float) -> float:
    weights = [weight for low, high, weight in condition.ages if low <= age_years <= high]
    return max(weights, default=OUTSIDE_AGES)
