"""Turns a pydantic error about a scenario file into one message with file, line, key, value and choices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from scenarios.errors import BatchFileError, choices_hint
from scenarios.yaml_file import Where, YamlFile


def explain(source: YamlFile, model: type[BaseModel], error: ValidationError, at: Where = ()) -> BatchFileError:
    """Return the message for the first problem in ``error``; ``at`` is where in the file the model's data stands."""
    problem = error.errors(include_url=False)[0]
    where = _real_path(source.data, at, problem["loc"])
    key = ".".join(str(part) for part in where)
    line = source.line_of(where)
    kind = problem["type"]
    if kind == "extra_forbidden":
        known = sorted(_keys_at(model.model_json_schema(by_alias=True), problem["loc"][:-1]))
        bad = str(where[-1]) if where else ""
        hint = choices_hint(bad, known)
        return BatchFileError(source.name, f"unknown key {short(bad)}", line=line, key=key, hint=hint)
    if kind == "missing":
        wanted = str(problem["loc"][-1])
        return BatchFileError(source.name, f"the key {wanted!r} is missing", line=line, key=key)
    hint = ""
    if kind in ("literal_error", "enum"):
        hint = choices_hint(str(problem["input"]), re.findall(r"'([^']*)'", str(problem["ctx"]["expected"])))
    message = problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    value = "" if isinstance(given, (dict, list)) and given else f", got {short(given)}"
    return BatchFileError(source.name, f"{message}{value}", line=line, key=key, hint=hint)


def short(value: Any, limit: int = 80) -> str:
    """Return ``repr(value)`` cut to ``limit`` characters."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return "a number of more than 77 digits"
    shown = repr(value)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _real_path(data: Any, at: Where, loc: tuple[str | int, ...]) -> Where:
    """Drop the parts of a pydantic location (union tags) that are not in the file; keep a missing last key's parent."""
    here = data
    for part in at:
        here = here[part]
    path: list[str | int] = list(at)
    for part in loc:
        inside_dict = isinstance(here, dict) and part in here
        inside_list = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if inside_dict or inside_list:
            here = here[part]
            path.append(part)
    return tuple(path)


def _keys_at(schema: dict[str, Any], loc: tuple[str | int, ...]) -> set[str]:
    nodes = [schema]
    for part in loc:
        nodes = [child for node in nodes for child in _step(schema, node, part)] or nodes
    return {key for node in nodes for branch in _branches(schema, node) for key in branch.get("properties", {})}


def _branches(root: dict[str, Any], node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in node:
        yield from _branches(root, root["$defs"][node["$ref"].rsplit("/", 1)[-1]])
        return
    yield node
    for group in ("anyOf", "oneOf", "allOf"):
        for branch in node.get(group, ()):
            yield from _branches(root, branch)


def _step(root: dict[str, Any], node: dict[str, Any], part: str | int) -> Iterator[dict[str, Any]]:
    for branch in _branches(root, node):
        if isinstance(part, int) and isinstance(branch.get("items"), dict):
            yield branch["items"]
        elif isinstance(part, str) and part in branch.get("properties", {}):
            yield branch["properties"][part]
        elif isinstance(part, str) and isinstance(branch.get("additionalProperties"), dict):
            yield branch["additionalProperties"]
