"""Reads files of injections, shipped ones or others; it knows files and the schema, no judge."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from scenarios.errors import BatchFileError, InputError
from scenarios.loader import validate
from scenarios.problems import short
from scenarios.schema.injection import Injection, InjectionFile
from scenarios.yaml_file import read_yaml


def load_injections(path: Path) -> tuple[Injection, ...]:
    """Read one file of injections; raises BatchFileError with file, line and key of what is wrong."""
    source = read_yaml(path)
    if not isinstance(source.data, dict):
        raise BatchFileError(
            source.name, f"must be a mapping, got {short(source.data)}", line=1, hint="Write 'injections:' and a list."
        )
    return validate(InjectionFile, source, source.data).injections


def shipped_injections() -> tuple[Injection, ...]:
    """Return the battery that comes with the project, sorted by id; raises InputError when an id stands twice."""
    folder = Path(str(files("scenarios") / "injections"))
    found: dict[str, Injection] = {}
    for file in sorted(folder.glob("*.yaml")):
        for one in load_injections(file):
            if one.id in found:
                raise InputError(f"{file.name}: the injection {one.id!r} stands in another file too")
            found[one.id] = one
    return tuple(found[name] for name in sorted(found))
