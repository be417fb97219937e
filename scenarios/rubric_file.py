"""Finds and reads rubrics: the shipped ones by name, others by path; it knows files and the schema, no judge."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from scenarios.errors import BatchFileError, InputError, UnknownName
from scenarios.loader import validate
from scenarios.problems import short
from scenarios.schema.rubric import Rubric
from scenarios.yaml_file import read_yaml

SUFFIXES = (".yaml", ".yml")


def find_rubric(name: str) -> Rubric:
    """Return a rubric by shipped name, or by the path of a file relative to the current folder.

    Whatever holds a slash or ends with ``.yaml``/``.yml`` is a path.

    Raises:
        UnknownName: no shipped rubric has this name; the message lists them and the near match.
        BatchFileError: the file cannot be read or is no rubric; the message names file, line and key.
    """
    if "/" in name or "\\" in name or name.endswith(SUFFIXES):
        return load_rubric(Path(name).expanduser())
    known = shipped_rubrics()
    if name not in known:
        raise UnknownName("rubric", name, known)
    return known[name]


@cache
def shipped_rubrics() -> dict[str, Rubric]:
    """Return the rubrics that come with the project, by id; treat as read-only. Raises InputError for a wrong one."""
    folder = Path(str(files("scenarios") / "rubrics"))
    found: dict[str, Rubric] = {}
    for file in sorted(folder.glob("*.yaml")):
        rubric = load_rubric(file)
        if rubric.id != file.stem:
            raise InputError(f"{file.name} holds the rubric {rubric.id!r}: file and id must be called the same")
        found[rubric.id] = rubric
    return found


def load_rubric(path: Path) -> Rubric:
    """Read one rubric file; raises BatchFileError with file, line and key of what is wrong."""
    if "\x00" in str(path):
        raise InputError("a path cannot hold a NUL character")
    source = read_yaml(path)
    if source.data is None:
        raise BatchFileError(source.name, "is empty", hint="A rubric needs id, title, kind, source and its items.")
    if not isinstance(source.data, dict):
        raise BatchFileError(source.name, f"must be a mapping, got {short(source.data)}", line=1)
    return validate(Rubric, source, source.data)


def looks_like_rubric(data: object) -> bool:
    """Whether YAML data is meant as a rubric: it has dimensions or criteria and neither cases nor doctors."""
    return isinstance(data, dict) and not {"cases", "doctors"} & data.keys() and bool(
        {"dimensions", "criteria"} & data.keys()
    )
