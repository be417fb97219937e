"""What every format shares about one raw record: limits, typed access and the reader's shape; no format, no wording."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from scenarios.errors import BatchFileError, ImportRecordError
from scenarios.schema import Case
from scenarios.yaml_file import read_text

MAX_CHARACTERS = 200_000
MAX_DEPTH = 20


@dataclass(frozen=True)
class Broken:
    """A record that could not even be parsed; it becomes a named skip."""

    reason: str


class Reader(Protocol):
    """A format's module: ``read`` names and yields raw records, ``convert`` makes a case of one."""

    def read(self, path: Path) -> Iterable[tuple[str, object]]:
        """Yield ``(label, raw)``; raises BatchFileError when the file is not in the format at all."""

    def convert(self, label: str, raw: object) -> Case:
        """Return the case; raises ImportRecordError with the reason."""


def json_records(path: Path) -> Iterator[tuple[str, object]]:
    """Yield the records of a JSON array, or of JSON lines, labelled by 1-based position or line."""
    text = read_text(path)
    if text.lstrip()[:1] == "[":
        data = _parse(text, str(path))
        yield from ((str(number), item) for number, item in enumerate(data, 1))
        return
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise BatchFileError(str(path), "holds no records", hint="It must be a JSON array or JSON lines.")
    first, line = lines[0]
    yield str(first), _parse(line, str(path), first)
    for number, line in lines[1:]:
        yield str(number), _parse_line(line, str(path), number)


def _parse_line(line: str, name: str, number: int) -> Any:
    """Return the value of a later line, or what is broken about it: one bad line does not spoil a dataset."""
    try:
        return _parse(line, name, number)
    except BatchFileError as error:
        return Broken(error.problem)


def _parse(text: str, name: str, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BatchFileError(name, f"is not JSON: {error.msg}", line=line or error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise BatchFileError(name, f"is not JSON that can be read: {error}", line=line or 1) from error


def check(label: str, raw: object) -> None:
    """Raise ImportRecordError for a record that is too large, too deep or holds characters no case may hold."""
    if isinstance(raw, Broken):
        raise ImportRecordError(label, raw.reason)
    total = 0
    todo: list[tuple[object, int]] = [(raw, 0)]
    while todo:
        value, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise ImportRecordError(label, f"is nested more than {MAX_DEPTH} deep")
        if isinstance(value, str):
            total += len(value)
            if "\x00" in value:
                raise ImportRecordError(label, "holds a NUL character")
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise ImportRecordError(label, "holds a broken character (lone surrogate)")
        elif isinstance(value, dict):
            todo += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            todo += [(part, depth + 1) for part in value]
        if total > MAX_CHARACTERS:
            raise ImportRecordError(label, f"is longer than {MAX_CHARACTERS} characters")


def mapping(label: str, raw: object, what: str = "the record") -> Mapping[str, Any]:
    """Return ``raw`` as a mapping or raise ImportRecordError."""
    if not isinstance(raw, dict):
        raise ImportRecordError(label, f"{what} is not an object")
    return raw


def text_of(label: str, data: Mapping[str, Any], key: str, *, required: bool = False) -> str:
    """Return the text at ``key``, ``""`` when absent; raises ImportRecordError for another type or a missing need."""
    value = data.get(key)
    if value is None or value == "" or value == []:
        if required:
            raise ImportRecordError(label, f"the field {key!r} is missing or empty")
        return ""
    if not isinstance(value, str):
        raise ImportRecordError(label, f"the field {key!r} is not text")
    if required and not value.strip():
        raise ImportRecordError(label, f"the field {key!r} is missing or empty")
    return value.strip()


def strings(value: object) -> list[str]:
    """Return every text inside ``value`` in reading order; numbers are written out, keys are left behind."""
    if isinstance(value, str):
        return [value.strip()] if value.strip() else []
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [str(value)] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


def record_id(label: str, data: Mapping[str, Any]) -> str:
    """Return the record's own id when it has one, else its label."""
    value = data.get("id")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "" else label
