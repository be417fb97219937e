"""Tables of what there is to choose from, for ``clinic list``."""

from __future__ import annotations

from typing import get_args

from rich.markup import escape
from rich.table import Table

from agents import catalog
from scenarios.importers import FORMATS
from scenarios.loader import library_cases
from scenarios.schema import Persona


def table_of(what: str, language: str = "all") -> Table:
    """Return the table for ``what`` (cases, formats, personas, or the plural of a role)."""
    if what == "cases":
        return _cases(language)
    if what == "formats":
        return _rows(("format", "reads"), [(name, spec.summary) for name, spec in sorted(FORMATS.items())])
    if what == "personas":
        return _rows(("axis", "values", "what it changes"), [
            (name, ", ".join(get_args(field.annotation)), field.description or "")
            for name, field in Persona.model_fields.items()
        ])
    role = next(r for r in get_args(catalog.BackendRole) if f"{r}s" == what)
    return _rows((role, "what it does", "needs"), [
        (spec.name, spec.summary, spec.extra or "nothing more") for spec in catalog.specs(role).values()
    ])


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
