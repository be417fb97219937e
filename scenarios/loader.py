"""Reads batch and case files into models; an error names file, line, key, the bad value and the choices."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from scenarios.errors import BatchFileError, InputError, UnknownName
from scenarios.problems import explain, short
from scenarios.schema import Batch, Case, ImportedCases, LibraryCases
from scenarios.yaml_file import Where, YamlFile, read_text, read_yaml

M = TypeVar("M", bound=BaseModel)


def load_batch(path: Path) -> tuple[Batch, YamlFile]:
    """Read a batch file; returns the batch and its source, which later checks use to name lines."""
    source = read_yaml(path)
    if source.data is None:
        raise BatchFileError(source.name, "is empty", hint="A batch needs name, cases and doctors.")
    if not isinstance(source.data, dict):
        raise BatchFileError(source.name, f"must be a mapping, got {short(source.data)}", line=1)
    return validate(Batch, source, source.data), source


def load_cases(batch: Batch, source: YamlFile) -> tuple[Case, ...]:
    """Resolve every entry of ``batch.cases``, in order; raises on duplicates, missing files and empty batches."""
    base = Path(source.name).parent
    cases: dict[str, Case] = {}
    origin: dict[str, str] = {}
    for index, entry in enumerate(batch.cases):
        for case, place in _resolve(entry, base, source, ("cases", index)):
            if case.id in cases:
                line = source.line_of(("cases", index))
                raise BatchFileError(
                    source.name, f"case id {case.id!r} appears twice: in {origin[case.id]} and in {place}",
                    line=line, key=f"cases.{index}", hint="Rename one, or list its file once.",
                )
            cases[case.id], origin[case.id] = case, place
    if not cases:
        raise BatchFileError(source.name, "the batch has no cases", line=source.line_of(("cases",)), key="cases")
    return tuple(cases.values())


def load_case_file(path: Path) -> tuple[Case, ...]:
    """Read a case file: YAML (a case, a list of cases, or ``{cases: [...]}``) or JSON lines (``.jsonl``)."""
    cases = tuple(case for case, _ in _read_cases(path, str(path)))
    if not cases:
        raise BatchFileError(str(path), "holds no cases")
    return cases


def validate(model: type[M], source: YamlFile, data: Any, at: Where = ()) -> M:
    """Validate ``data`` that stands at ``at`` in ``source``; raises BatchFileError with the place."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise explain(source, model, error, at) from error


def library_cases(
    language: str = "all", department: str = "", ids: Iterable[str] = (), limit: int | None = None
) -> tuple[Case, ...]:
    """Return the cases shipped with the project, ordered by id."""
    root = Path(str(files("scenarios") / "library"))
    folders = [root / language] if language != "all" else sorted(p for p in root.iterdir() if p.is_dir())
    found = [case for folder in folders for file in sorted(folder.glob("*.yaml")) for case in load_case_file(file)]
    found.sort(key=lambda case: case.id)
    if department:
        found = [case for case in found if case.department == department]
    wanted = list(ids)
    if wanted:
        by_id = {case.id: case for case in found}
        for name in wanted:
            if name not in by_id:
                raise UnknownName("library case", name, by_id)
        found = [by_id[name] for name in wanted]
    return tuple(found[:limit])


def _resolve(entry: Any, base: Path, source: YamlFile, at: Where) -> Iterator[tuple[Case, str]]:
    line, key = source.line_of(at), ".".join(map(str, at))
    try:
        if isinstance(entry, LibraryCases):
            for case in library_cases(entry.library, entry.department, entry.ids, entry.limit):
                yield case, "the shipped library"
        elif isinstance(entry, ImportedCases):
            from scenarios.importers import import_cases

            result = import_cases(entry.format, _inside(base, entry.path), limit=entry.limit, on_error=entry.on_error)
            for case in result.cases:
                yield case, entry.path
        else:
            for path in _matching(base, entry):
                yield from _read_cases(path, str(path))
    except BatchFileError:
        raise
    except InputError as error:
        raise BatchFileError(source.name, str(error), line=line, key=key) from error


def _inside(base: Path, name: str) -> Path:
    path = Path(name).expanduser()
    return path if path.is_absolute() else base / path


def _matching(base: Path, pattern: str) -> list[Path]:
    """Return the files that a path or glob names; a path that exists is never read as a glob."""
    if "\x00" in pattern:
        raise InputError("a path cannot hold a NUL character")
    path = _inside(base, pattern)
    if glob.has_magic(pattern) and not path.exists():
        found = sorted(Path(p) for p in glob.glob(str(path), recursive=True) if Path(p).is_file())
        if not found:
            raise InputError(f"no file matches {short(pattern)} (looked in {base})")
        return found
    if not path.is_file():
        raise InputError(f"no such case file: {path}")
    return [path]


def _read_cases(path: Path, name: str) -> Iterator[tuple[Case, str]]:
    if path.suffix == ".jsonl":
        yield from _read_case_lines(path, name)
        return
    source = read_yaml(path, name)
    data: Any = source.data
    at: Where = ()
    if isinstance(data, dict) and "cases" in data:
        if extra := sorted(set(data) - {"cases"}):
            raise BatchFileError(name, f"unknown key {extra[0]!r} beside 'cases'", line=source.line_of((extra[0],)))
        data, at = data["cases"], ("cases",)
    if isinstance(data, dict):
        yield validate(Case, source, data), name
        return
    if not isinstance(data, list):
        raise BatchFileError(name, f"must hold a case or a list of cases, got {short(data)}", line=1)
    for index, item in enumerate(data):
        yield validate(Case, source, item, (*at, index)), name


def _read_case_lines(path: Path, name: str) -> Iterator[tuple[Case, str]]:
    for number, line in enumerate(read_text(path, name).split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BatchFileError(name, f"is not JSON: {error}", line=number) from error
        yield validate(Case, YamlFile(name, data, {(): number}), data), name
