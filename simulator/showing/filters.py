"""Which consultations a page lists, in which order, as an address says it; it reads no file and draws nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from simulator.run_index import RunIndex
from simulator.run_search import MOST_CHARACTERS, Found
from simulator.table import Ints

PER_PAGE = 50
COLUMNS = ("doctor", "case", "department", "language", "stop")
"""Filters that ask for one word of a column."""

ORDERS = {
    "case": "case by case", "best": "highest total first", "worst": "lowest total first",
    "long": "longest first", "short": "shortest first",
}
ANY, NONE = "any", "none"
"""Of ``failures``, beside one ``owner: kind``."""

MOST_OPTIONS = 200
"""More cases than these are asked for by their id, not chosen from a list."""


@dataclass(frozen=True)
class Filters:
    """What a list of consultations was asked for; '' asks for nothing. ``page`` counts from 1."""

    doctor: str = ""
    case: str = ""
    department: str = ""
    language: str = ""
    stop: str = ""
    failures: str = ""
    q: str = ""
    sort: str = "case"
    page: int = 1

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> Self:
        """Return the filters of an address; what it should not hold is passed over."""
        words = {name: asked.get(name, "").strip()[:MOST_CHARACTERS] for name in (*COLUMNS, "failures", "q")}
        sort, page = asked.get("sort", ""), asked.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 8 else 1
        return cls(**words, sort=sort if sort in ORDERS else "case", page=max(1, number))

    def query(self, **changes: Any) -> str:
        """Return the address's query with ``changes``; another filter or order begins at the first page again."""
        changed = replace(self, **({"page": 1} | changes))
        plain = asdict(Filters())
        return urlencode({name: value for name, value in asdict(changed).items() if value != plain[name]})

    @property
    def chosen(self) -> tuple[str, ...]:
        """Return the names of the filters that leave something out."""
        return tuple(name for name in (*COLUMNS, "failures", "q") if getattr(self, name))

    def rows(self, index: RunIndex, found: Found | None) -> Ints:
        """Return the rows of ``index`` that are asked for, in order; ``found`` is the search for ``q``."""
        keep = np.ones(len(index), np.bool_) if found is None else found.rows.copy()
        for column in COLUMNS:
            word, known = getattr(self, column), index.table.names[column]
            if word:
                keep &= getattr(index.table, column) == (known.index(word) if word in known else -1)
        if self.failures:
            keep &= self._failed(index)
        rows = np.flatnonzero(keep)
        return rows[np.argsort(self._order(index)[rows], kind="stable")]

    def _failed(self, index: RunIndex) -> NDArray[np.bool_]:
        some = [row for row, words in index.failures.items()
                if self.failures in (ANY, NONE) or self.failures in words]
        there = np.zeros(len(index), np.bool_)
        there[some] = True
        return ~there if self.failures == NONE else there

    def _order(self, index: RunIndex) -> NDArray[np.float64]:
        """Return what rows are sorted by; rows without it go last, equal ones stay case by case."""
        if self.sort in ("best", "worst"):
            totals = totals_of(index)
            return np.where(np.isnan(totals), np.inf, -totals if self.sort == "best" else totals)
        if self.sort in ("long", "short"):
            return np.asarray(index.table.exchanges * (-1.0 if self.sort == "long" else 1.0))
        return np.zeros(len(index))


@dataclass(frozen=True)
class Option:
    """One choice of a filter with how many consultations of the run have it."""

    value: str
    words: str
    count: int
    lang: str = ""


@dataclass(frozen=True)
class Facet:
    """A filter as a form shows it; without ``options`` its word is typed."""

    name: str
    label: str
    value: str
    options: tuple[Option, ...]


def facets(index: RunIndex, filters: Filters) -> list[Facet]:
    """Return the filters that can tell this run's consultations apart; one that is chosen is always there."""
    made = []
    for column in COLUMNS:
        options = _options(index, column)
        if column == "case" and len(options) > MOST_OPTIONS:
            options = []
        value = getattr(filters, column)
        if len(options) > 1 or column == "case" or value:
            made.append(Facet(column, LABELS.get(column, column), value, tuple(options)))
    if index.failures or filters.failures:
        made.append(Facet("failures", "failures", filters.failures, tuple(_failures(index))))
    return made


LABELS = {"stop": "ended because"}


def totals_of(index: RunIndex) -> NDArray[np.float64]:
    """Return every row's total where it counts for the doctor, NaN elsewhere; shape (rows,)."""
    totals = index.table.metrics.get("total")
    if totals is None:
        return np.full(len(index), np.nan)
    return np.where(index.table.scored, totals, np.nan)


def lang_of(language: str) -> str:
    """Return the ``lang`` attribute for words of a case."""
    return {"zh": "zh-Hans"}.get(language, language)


def _options(index: RunIndex, column: str) -> list[Option]:
    names = index.table.names[column]
    counts = np.bincount(getattr(index.table, column), minlength=len(names)).tolist()
    options = []
    for name, count in zip(names, counts, strict=True):
        note = index.notes.get(name) if column == "case" else None
        words = (note.title or name) if note else {"zh": "Chinese", "en": "English"}.get(name, name)
        if count:
            options.append(Option(name, words.replace("_", " "), count, lang_of(note.language) if note else ""))
    return options


def _failures(index: RunIndex) -> list[Option]:
    counts = Counter(word for words in index.failures.values() for word in words)
    return [
        Option(ANY, "any", len(index.failures)), Option(NONE, "none", len(index) - len(index.failures)),
        *(Option(word, word.replace("_", " "), count) for word, count in counts.most_common()),
    ]
