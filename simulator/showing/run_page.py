"""A run, and the list of runs, as their pages show them; it reads no file and knows no route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup, escape

from scenarios.schema import Key, KeyId
from simulator import drawing
from simulator.pages import number
from simulator.run_index import RunIndex
from simulator.run_list import RunEntry
from simulator.run_search import Found
from simulator.showing.filters import ORDERS, PER_PAGE, Facet, Filters, facets, lang_of, totals_of
from simulator.showing.links import Links
from simulator.table import Ints


@dataclass(frozen=True)
class Row:
    """One consultation in a list; ``total`` is '' where it has none, and ``why`` says why."""

    key: KeyId
    href: str
    mark: Markup
    stop: str
    exchanges: int
    total: str
    why: str
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Consultations of one case that stand together; ``compare_href`` is '' where nobody can be compared."""

    case: str
    title: str
    lang: str
    department: str
    compare_href: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Listing:
    """One page of a run's consultations with its filters; ``note`` says what a search left out."""

    filters: Filters
    facets: tuple[Facet, ...]
    groups: tuple[Group, ...]
    found: int
    whole: int
    first: int
    last: int
    previous_href: str
    next_href: str
    clear_href: str
    note: str
    with_failures: bool

    @property
    def orders(self) -> dict[str, str]:
        """The orders to choose from."""
        return ORDERS


@dataclass(frozen=True)
class Standing:
    """A doctor's total in the list of runs."""

    name: str
    mark: Markup
    drawn: Markup
    mean: float | None
    ci95: list[float] | None


@dataclass(frozen=True)
class RunCard:
    """One run in the list of runs; ``shape`` is its cases, doctors and trials in words."""

    entry: RunEntry
    href: str
    title: str
    when: str
    shape: str
    standings: tuple[Standing, ...]
    failures: str


def run_card(entry: RunEntry, links: Links) -> RunCard:
    """Return what the list says of one run."""
    described, summary = entry.described, entry.summary or {}
    batch = described.get("batch", {})
    doctors = summary.get("doctors", {})
    totals = [one.get("metrics", {}).get("total") or {} for one in doctors.values()]
    return RunCard(
        entry=entry, href="" if entry.problem else links.run(entry.name), title=described.get("name") or entry.name,
        when=entry.created_at[:16].replace("T", " "), shape=shape_words(described.get("identity"), batch),
        standings=tuple(
            Standing(name, drawing.key(place), total_line(place, total.get("mean"), total.get("ci95")),
                     total.get("mean"), total.get("ci95"))
            for place, (name, total) in enumerate(zip(doctors, totals, strict=True))
        ),
        failures=failure_words(summary.get("failures", [])),
    )


def shape_words(identity: Any, batch: dict[str, Any]) -> str:
    """Return ``12 cases × 3 doctors × 3 trials``, as far as run.json says so."""
    cases = identity.get("cases") if isinstance(identity, dict) else None
    sizes = [(len(cases) if isinstance(cases, dict) else 0, "case"), (len(batch.get("doctors", {})), "doctor"),
             (batch.get("trials", 1), "trial")]
    return " × ".join(f"{size} {word}{'s' if size != 1 else ''}" for size, word in sizes if size)


def failure_words(failures: Sequence[dict[str, Any]]) -> str:
    """Return ``3 failures: patient contradiction 2, judge timeout 1``; '' without any."""
    if not failures:
        return ""
    whole = sum(one["count"] for one in failures)
    shown = ", ".join(f"{one['owner']} {one['kind'].replace('_', ' ')} {one['count']}" for one in failures[:3])
    return f"{whole} failure{'s' if whole != 1 else ''}: {shown}{', …' if len(failures) > 3 else ''}"


def total_line(series: int, mean: float | None, ci95: Sequence[float] | None) -> Markup:
    """Return a total with its interval as a mark on a line from 0 to 100."""
    parts = ['<line class="rule" x1="6" x2="206" y1="9" y2="9"/>']
    parts += [f'<line class="rule" x1="{x}" x2="{x}" y1="5" y2="13"/>' for x in (6, 106, 206)]
    if mean is not None and ci95:
        low, high = (6 + 2 * min(100.0, max(0.0, end)) for end in ci95)
        parts.append(f'<line class="span s{series % drawing.SERIES}" x1="{low:.1f}" x2="{high:.1f}" y1="9" y2="9"/>')
    if mean is not None:
        parts.append(drawing.mark(series, 6 + 2 * min(100.0, max(0.0, mean)), 9))
    words = escape("no total" if mean is None else f"total {mean:.1f} of 100")
    head = f'<svg class="total-line" viewBox="0 0 212 18" role="img" aria-label="{words}">'
    return Markup(head + "".join(parts) + "</svg>")


def listing(index: RunIndex, filters: Filters, found: Found | None, links: Links, run: str) -> Listing:
    """Return the page of consultations that ``filters`` ask for; a page behind the last is the last.

    Args:
        index: the run's columns.
        filters: what was asked for.
        found: the search for ``filters.q``; None without one.
        links: where pages are.
        run: the run's name in addresses.
    """
    rows = filters.rows(index, found)
    last_page = max(1, -(-len(rows) // PER_PAGE))
    page = min(filters.page, last_page)
    first = (page - 1) * PER_PAGE
    shown = rows[first : first + PER_PAGE]

    def to(number: int) -> str:
        return links.run(run, filters.query(page=number)) + "#consultations" if 1 <= number <= last_page else ""

    return Listing(
        filters=filters, facets=tuple(facets(index, filters)), groups=_groups(index, shown, links, run),
        found=len(rows), whole=len(index), first=first + 1 if len(rows) else 0, last=first + len(shown),
        previous_href=to(page - 1), next_href=to(page + 1),
        clear_href=links.run(run, Filters(sort=filters.sort).query()) + "#consultations" if filters.chosen else "",
        note="" if found is None or found.whole else
        f"Searched the first {found.searched:,} of {len(index):,} transcripts, as far as one search reads.",
        with_failures=bool(index.failures),
    )


def _groups(index: RunIndex, shown: Ints, links: Links, run: str) -> tuple[Group, ...]:
    """Return rows in their order, neighbours of one case together."""
    totals, reasons = totals_of(index), index.reasons.main()
    several = len(index.table.names["doctor"]) > 1
    made = []
    for case, rows in groupby(shown.tolist(), key=lambda row: index.key(row).case):
        note = index.notes.get(case)
        made.append(Group(
            case, (note.title if note else "") or case, lang_of(note.language) if note else "",
            note.department.replace("_", " ") if note else "", links.compare(run, case) if several else "",
            tuple(_row(index, row, totals[row], reasons, links, run) for row in rows),
        ))
    return tuple(made)


def _row(
    index: RunIndex, row: int, total: float, reasons: dict[tuple[str, str], str], links: Links, run: str
) -> Row:
    name, table = index.key(row), index.table
    missing = total != total
    why = "not scored" if not table.scored[row] else reasons.get((name.doctor, "total"), "no total")
    key = Key(case=name.case, doctor=name.doctor, trial=name.trial, seed=0, config_hash="")
    return Row(
        name, links.consultation(run, key), drawing.key(int(table.doctor[row])),
        table.names["stop"][table.stop[row]].replace("_", " "), int(table.exchanges[row]),
        "" if missing else number(float(total), "total"), why if missing else "",
        tuple(words.replace("_", " ") for words in index.failures.get(row, ())),
    )
