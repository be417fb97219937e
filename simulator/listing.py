"""Tables of what there is to choose from, for ``clinic list``."""

from __future__ import annotations

from typing import Any, get_args

from rich.markup import escape
from rich.table import Table

from agents import catalog
from agents.doctors.entries import shipped
from scenarios.importers import FORMATS
from scenarios.loader import library_cases
from scenarios.rubric_file import shipped_rubrics
from scenarios.schema import Persona
from simulator.checking import Answer, base_of


def table_of(what: str, language: str = "all") -> Table:
    """Return the table for ``what`` (cases, rubrics, formats, personas, or the plural of a role)."""
    if what == "cases":
        return _cases(language)
    if what == "rubrics":
        return _rows(("rubric", "for", "asks", "languages"), [
            (name, rubric.audience, f"{rubric.title.get('en') or name}: {', '.join(rubric.item_ids)}",
             ", ".join(rubric.languages))
            for name, rubric in shipped_rubrics().items()
        ])
    if what == "formats":
        return _rows(("format", "reads"), [(name, spec.summary) for name, spec in sorted(FORMATS.items())])
    if what == "personas":
        return _rows(("axis", "values", "what it changes"), [
            (name, ", ".join(get_args(field.annotation)), field.description or "")
            for name, field in Persona.model_fields.items()
        ])
    role = next(r for r in get_args(catalog.BackendRole) if f"{r}s" == what)
    return _rows((role, "what it does", "needs"), [
        (spec.name, spec.summary, needs_of(spec)) for spec in catalog.specs(role).values()
    ])


def doctors_table(answers: dict[str, Answer]) -> Table:
    """Return the table of doctors with whether each answers now."""
    return _rows(("doctor", "answers now", "needs"), [
        (name, str(answers[name]), needs_of(spec)) for name, spec in catalog.specs("doctor").items()
    ])


def doctors_data(answers: dict[str, Answer]) -> list[dict[str, Any]]:
    """Return what is known of each doctor as plain data; ``answers`` may be empty."""
    found: list[dict[str, Any]] = []
    for name, spec in catalog.specs("doctor").items():
        entry, answer = shipped().get(name), answers.get(name)
        found.append(
            {"name": name, "summary": spec.summary, "capabilities": sorted(spec.capabilities), "extra": spec.extra}
            | (entry.model_dump(mode="json", exclude={"name", "summary"}) if entry else {})
            | ({"answers": answer.up, "why": answer.why} if answer else {})
        )
    return found


def needs_of(spec: catalog.BackendSpec) -> str:
    """Return what must be there before ``spec`` can be used: packages, a server's folder, GPU memory."""
    entry = shipped().get(spec.name) if spec.role == "doctor" else None
    parts = [f"pip extra '{spec.extra}'"] if spec.extra else []
    if spec.service:
        parts.append(f"services/{spec.service}")
    elif spec.role == "doctor" and base_of(spec) in ("chat", "audio-chat", "process"):
        parts.append("a server of yours")
    parts += [f"{entry.needs.gpu_memory_gb:g} GB of GPU memory"] if entry and entry.needs.gpu_memory_gb else []
    return ", ".join(parts) or "nothing more"


def _cases(language: str) -> Table:
    return _rows(("case", "department", "urgency", "who speaks", "opening"), [
        (case.id, case.department, case.urgency, case.speaker.relation or "patient", case.chief_complaint)
        for case in library_cases(language)
    ])


def _rows(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table
