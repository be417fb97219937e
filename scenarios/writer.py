"""Writes cases as YAML or JSON lines that ``loader`` reads back as the same cases."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from scenarios.errors import InputError
from scenarios.files import replace_whole
from scenarios.schema import Case

HEADER = "# Cases of the clinic simulator. Simulation for research; nothing here is medical advice.\n"


def write_cases(cases: Iterable[Case], path: Path) -> None:
    """Write ``path`` whole or not at all: ``.jsonl`` one case a line, ``.yaml``/``.yml`` a list. Raises InputError."""
    if path.suffix not in (".yaml", ".yml", ".jsonl"):
        raise InputError(f"cannot write cases as {path.name!r}: the name must end with .yaml, .yml or .jsonl")
    if path.suffix == ".jsonl":
        text = "".join(case.model_dump_json(exclude_defaults=True) + "\n" for case in cases)
    else:
        text = HEADER + cases_yaml(cases)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, [text])
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def cases_yaml(cases: Iterable[Case]) -> str:
    """Return cases as a YAML list, defaults left out; every text that YAML could misread is quoted."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    data = [case.model_dump(mode="json", exclude_defaults=True) for case in cases]
    text: str = yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=False, width=110)
    return text
