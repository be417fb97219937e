"""Ready doctors as data: each YAML file in ``entries/`` is one published model, its prompt habits and its server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.catalog import BackendSpec


def entries() -> Mapping[str, BackendSpec]:
    """Return the shipped entries by name."""
    return {}
