"""The registry of foreign formats and the one way in; it knows names and counts, no format's inside."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

from pydantic import ValidationError

from scenarios.errors import ImportRecordError, UnknownName
from scenarios.importers.record import Reader, check
from scenarios.schema import Case


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """One format: ``module`` has ``read(path)`` and ``convert(label, raw)`` and is imported when first used."""

    name: str
    summary: str
    module: str

    def reader(self) -> Reader:
        """Import and return the format's module."""
        return cast(Reader, importlib.import_module(self.module))


def _spec(name: str, summary: str) -> tuple[str, FormatSpec]:
    return name, FormatSpec(name, summary, f"scenarios.importers.{name}")


FORMATS: Mapping[str, FormatSpec] = MappingProxyType(
    dict(
        (
            _spec("agentclinic", "AgentClinic OSCE cases, JSON lines (en)"),
            _spec("aihospital", "AI Hospital medical records, JSON array or lines (zh)"),
            _spec("cmtmedqa", "CMtMedQA multi-turn question answering, JSON array (zh)"),
            _spec("meddg", "MedDG dialogues, text file of 'dialog' blocks or JSON (zh)"),
            _spec("mediq", "mediQ vignettes with context and answer, JSON lines (en)"),
            _spec("primock57", "PriMock57 mock consultations, a folder of TextGrids and notes (en)"),
            _spec("sharegpt", "conversations as ShareGPT or chat messages, JSON array or lines (zh, en)"),
        )
    )
)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of the records: ``len(cases) + len(skipped)`` is the number of records read."""

    cases: tuple[Case, ...]
    skipped: tuple[ImportRecordError, ...]


def import_cases(
    format: str, path: Path, *, limit: int | None = None, on_error: Literal["stop", "skip"] = "stop"
) -> ImportResult:
    """Read ``path`` in ``format``; every record becomes a case or a named skip, in the order of the file.

    Args:
        format: a name in ``FORMATS``.
        path: the file (PriMock57: the folder).
        limit: read only the first so many records.
        on_error: ``stop`` raises the first bad record, ``skip`` collects them.

    Raises:
        UnknownName: no such format.
        BatchFileError: the file is missing, unreadable, not UTF-8 or not in the format at all.
        ImportRecordError: a record cannot become a case, with ``on_error="stop"``.
    """
    if format not in FORMATS:
        raise UnknownName("import format", format, FORMATS)
    reader = FORMATS[format].reader()
    cases: list[Case] = []
    skipped: list[ImportRecordError] = []
    taken: set[str] = set()
    for number, (label, raw) in enumerate(reader.read(path)):
        if limit is not None and number >= limit:
            break
        try:
            case = convert(reader, label, raw)
        except ImportRecordError as error:
            if on_error == "stop":
                raise ImportRecordError(error.record, error.reason, file=str(path)) from error
            skipped.append(error)
            continue
        case = _distinct(case, taken)
        taken.add(case.id)
        cases.append(case)
    return ImportResult(tuple(cases), tuple(skipped))


def convert(reader: Reader, label: str, raw: object) -> Case:
    """Turn one record into a case; whatever is wrong with it becomes an ImportRecordError."""
    check(label, raw)
    try:
        return reader.convert(label, raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ImportRecordError(label, f"does not make a case: {where}: {first['msg']}") from error


def _distinct(case: Case, taken: set[str]) -> Case:
    """Return the case under a free id: a repeated one gets ``-2``, ``-3`` ..."""
    name, number = case.id, 1
    while name in taken:
        number += 1
        name = f"{case.id[:94]}-{number}"
    return case if name == case.id else case.model_copy(update={"id": name})
