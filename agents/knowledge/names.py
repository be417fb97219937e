"""The names of all known conditions, read once from the knowledge base's files; it knows no medicine beyond them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_CONDITIONS = Path(__file__).with_name("data") / "conditions"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def condition_names() -> tuple[tuple[str, ...], ...]:
    """Return each condition's names: the Chinese name, the English name, then the aliases of both languages.

    Conditions come in the order of file names and of entries within a file; without files the result is empty.
    """
    found: list[tuple[str, ...]] = []
    for path in sorted(_CONDITIONS.glob("*.yaml")):
        for zh, en in _entries(yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)):
            names = (zh["name"], en["name"], *zh.get("aliases", ()), *en.get("aliases", ()))
            found.append(tuple(dict.fromkeys(str(name) for name in names)))
    return tuple(found)


def _entries(node: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Find every mapping that names a condition in both languages, however the file groups them."""
    if isinstance(node, list):
        for child in node:
            yield from _entries(child)
    elif isinstance(node, dict):
        zh, en = node.get("zh"), node.get("en")
        if isinstance(zh, dict) and isinstance(en, dict) and "name" in zh and "name" in en:
            yield zh, en
            return
        for child in node.values():
            yield from _entries(child)
