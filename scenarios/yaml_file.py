"""Reads one YAML file as plain data with the line of every key; it knows limits, no schema.

Scalars follow the YAML 1.2 core schema (``no`` and ``on`` stay words). Tags, more than one document, deep
nesting, alias bombs and repeated keys are refused, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scenarios.errors import BatchFileError

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 40
MAX_NODES = 4_000_000
MAX_ALIASES = 200

Where = tuple[str | int, ...]

_INT = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass(frozen=True)
class YamlFile:
    """Parsed ``data`` and ``lines``: path of keys and indexes -> 1-based line."""

    name: str
    data: Any
    lines: dict[Where, int] = field(repr=False)

    def line_of(self, where: Where) -> int | None:
        """Return the line of ``where`` or of the nearest thing around it."""
        for end in range(len(where), -1, -1):
            if where[:end] in self.lines:
                return self.lines[where[:end]]
        return None


def read_text(path: Path, name: str | None = None) -> str:
    """Return a UTF-8 text file; raises BatchFileError for what is missing, a folder, too large or not UTF-8."""
    shown = name or str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BatchFileError(shown, f"is larger than {MAX_BYTES // 2**20} MiB", hint="Split it, or use JSON lines.")
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BatchFileError(shown, f"cannot be read: {reason}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BatchFileError(
            shown, f"is not UTF-8 text (byte 0x{raw[error.start]:02x})", line=line, hint="Save it as UTF-8."
        ) from error


def read_yaml(path: Path, name: str | None = None) -> YamlFile:
    """Parse the YAML file at ``path``; raises BatchFileError with the line of what is wrong."""
    shown = name or str(path)
    return parse_yaml(read_text(path, shown), shown)


def parse_yaml(text: str, name: str) -> YamlFile:
    """Parse YAML ``text``; ``name`` is how errors call it."""
    try:
        return _Builder(name, text).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise BatchFileError(name, f"is not valid YAML: {error.problem or error.context}", line=line) from error
    except yaml.YAMLError as error:
        raise BatchFileError(name, f"is not valid YAML: {' '.join(str(error).split())[:200]}") from error


class _Builder:
    """Turns parser events into data; recursion is bounded by MAX_DEPTH, never by the input."""

    def __init__(self, name: str, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.name = name
        self.events: Iterator[Any] = yaml.parse(text, Loader=loader)
        self.lines: dict[Where, int] = {}
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.aliases = 0
        self.nodes = 0

    def build(self) -> YamlFile:
        data: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.fail("holds more than one document", event, "Keep one document a file.")
            elif isinstance(event, yaml.NodeEvent):
                data, _ = self.node(event, ())
        return YamlFile(self.name, data, self.lines)

    def fail(self, problem: str, event: Any, hint: str = "") -> BatchFileError:
        return BatchFileError(self.name, problem, line=event.start_mark.line + 1, hint=hint)

    def node(self, event: Any, where: Where) -> tuple[Any, int]:
        """Return (value, number of nodes in it) and note the line."""
        self.lines.setdefault(where, event.start_mark.line + 1)
        if len(where) > MAX_DEPTH:
            raise self.fail(f"is nested deeper than {MAX_DEPTH} levels", event)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if event.tag not in (None, "!") and not event.tag.startswith("tag:yaml.org,2002:str"):
            raise self.fail(f"uses the tag {event.tag[:60]!r}", event, "Tags are not allowed; write plain values.")
        if isinstance(event, yaml.ScalarEvent):
            made: tuple[Any, int] = (_scalar(event), 1)
        elif isinstance(event, yaml.SequenceStartEvent):
            made = self.sequence(where)
        else:
            made = self.mapping(where)
        self.nodes += 1
        if event.anchor:
            self.anchors[event.anchor] = made
        return made

    def alias(self, event: Any) -> tuple[Any, int]:
        self.aliases += 1
        if event.anchor not in self.anchors:
            raise self.fail(f"refers to the unknown anchor *{event.anchor[:60]}", event)
        value, size = self.anchors[event.anchor]
        self.nodes += size
        if self.aliases > MAX_ALIASES or self.nodes > MAX_NODES:
            raise self.fail("uses too many aliases", event, f"At most {MAX_ALIASES}, and none that multiply.")
        return value, size

    def sequence(self, where: Where) -> tuple[list[Any], int]:
        items: list[Any] = []
        total = 1
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            value, size = self.node(event, (*where, len(items)))
            items.append(value)
            total += size
        return items, total

    def mapping(self, where: Where) -> tuple[dict[str, Any], int]:
        result: dict[str, Any] = {}
        total = 1
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self.fail("has a key that is not a plain word", event)
            key = event.value
            if key in result:
                raise self.fail(f"has the key {key[:60]!r} twice", event, f"First at line {self.lines[(*where, key)]}.")
            mark: Any = event.start_mark
            self.lines[(*where, key)] = mark.line + 1
            result[key], size = self.node(next(self.events), (*where, key))
            total += size
        return result, total


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0] or event.tag is not None:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
