"""Draws the pages of a static site with the server's templates; it reads no run folder and copies no file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.schema import Case, Consultation, KeyId
from simulator import drawing, pages
from simulator.measured import Measured
from simulator.report import context, silent
from simulator.showing.compare_page import MOST, Entrant, comparison
from simulator.showing.filters import lang_of
from simulator.showing.preferences import Preferred
from simulator.showing.reading import neighbours, reading
from simulator.site import names
from simulator.site.choice import Chosen
from simulator.site.links import StaticLinks
from simulator.site.listing import case_rows, page_count

if TYPE_CHECKING:
    from simulator.asked import Asked

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; media-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""Nothing but the site's own files; Chromium and Firefox let pages that are opened from a disk have theirs, too."""


@dataclass(frozen=True)
class Colophon:
    """What the foot of every page says: which run is shown, and what made the page."""

    title: str
    run: str
    hash: str
    seed: str
    revision: str
    notice: str
    software: str
    licence: str
    command: str


@dataclass(frozen=True)
class Site:
    """What all pages share; ``top`` is the folder that they are written into."""

    top: Path
    chosen: Chosen
    colophon: Colophon
    described: Mapping[str, Any]
    summary: Mapping[str, Any]
    measured: Measured
    gaps: Mapping[str, Sequence[int]]

    @property
    def persona(self) -> Any:
        """How the run's patient speaks."""
        return self.described.get("batch", {}).get("patient", {}).get("persona")


def write_consultation(site: Site, record: Consultation, case: Case | None, links: StaticLinks) -> None:
    """Write the page of one consultation."""
    name = KeyId(record.key.case, record.key.doctor, record.key.trial)
    shown = reading(
        record, case, links, site.colophon.title, neighbours(site.chosen.index, name), persona=site.persona,
        measured=site.measured.turns(name),
    )
    _write(site, names.consultation(name), "web/consultation.html.j2", links, reading=shown, provenance=_source(case))


def write_comparisons(
    site: Site, case_id: str, records: Mapping[KeyId, Consultation], case: Case | None, links: StaticLinks,
    preferred: tuple[Preferred, ...],
) -> None:
    """Write a page a trial that shows the case under every doctor on the site who met it; none under one doctor."""
    trials = site.chosen.trials(case_id)
    met = dict.fromkeys(name.doctor for name in records)
    title = site.colophon.title
    entrants = [
        Entrant(
            doctor, title, doctor, {name.trial: one for name, one in records.items() if name.doctor == doctor},
            {name.trial: site.measured.turns(name) for name in records if name.doctor == doctor},
        )
        for doctor in met
    ][:MOST]
    notices = [f"Only the first {MOST} of {len(met)} doctors stand side by side."] if len(met) > MOST else []
    for trial in trials:
        shown = comparison(
            entrants, case, case_id, links, title, trial=trial, summary=site.summary, persona=site.persona,
            choices=(), notices=notices, preferred=preferred, cases=site.chosen.comparable,
        )
        others = [(one, links.compare(title, case_id, trial=one)) for one in trials]
        _write(site, names.compare(case_id, trial), "web/compare.html.j2", links, shown=shown, trial=trial,
               other_trials=others if len(others) > 1 else [], provenance=_source(case))


def write_prompt(site: Site, record: Consultation, index: int, given: Asked, links: StaticLinks) -> None:
    """Write what the model behind one turn was given."""
    name = KeyId(record.key.case, record.key.doctor, record.key.trial)
    turn = next(turn for turn in record.turns if turn.index == index)
    _write(site, names.prompt(name, index), "web/prompt.html.j2", links, run=site.colophon.title, record=record,
           turn=turn, asked=given, back=links.consultation("", record.key, index), lang=lang_of(record.language))


def write_front(site: Site, with_sound: Collection[str], missing: int, sources: Mapping[str, int],
                used: set[str]) -> None:
    """Write the front page with the run's figures, and the further pages of the list of cases."""
    chosen, links = site.chosen, StaticLinks(site.chosen, used=used)
    figures = context(site.described, dict(site.summary), chosen.figures.table, chosen.figures.curves, site.gaps)
    last = page_count(chosen)
    for page in range(1, last + 1):
        _write(
            site, names.listing(page), "web/site_index.html.j2", links, **figures,
            reasons={**chosen.figures.reasons.main(), **silent(dict(site.summary))},
            rows=case_rows(chosen, links, page, with_sound), page=page, pages=last, whole=chosen.whole,
            marks=[(drawing.key(place), doctor) for place, doctor in enumerate(chosen.doctors)],
            shown_cases=len(chosen.by_case), shown_consultations=len(chosen.index), missing=missing, sources=sources,
            every=len(site.described.get("batch", {}).get("doctors", {})),
        )


def _source(case: Case | None) -> str:
    """Return where a case comes from and under which licence."""
    if case is None:
        return ""
    origin = case.provenance
    return origin.source + (f", {origin.licence}" if origin.licence else "")


def _write(site: Site, name: str, template: str, links: StaticLinks, **shown: Any) -> None:
    path = site.top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    made = pages.environment().get_template("web/site.html.j2").generate(
        **{"provenance": "", "other_trials": [], **shown}, inner=template, links=links, colophon=site.colophon,
        policy=POLICY, front=name == names.INDEX, section="site",
    )
    with path.open("x", encoding="utf-8", errors="replace", newline="\n") as file:
        file.writelines(made)
