"""How far the members of a judging panel agree over a run; it knows the names of metrics, no judge and no file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.judges.agreement import MEMBER, comparable_units, krippendorff_alpha
from scenarios.schema import Consultation

Floats = NDArray[np.float64]
_COLUMN = re.compile(
    rf"(?:(?P<judge>.+?)\.)?{re.escape(MEMBER)}(?P<member>[a-z0-9][a-z0-9_-]*)\.(?P<item>[a-z][a-z0-9_]*)"
)


def panel_agreement(consultations: Iterable[Consultation]) -> dict[str, dict[str, Any]]:
    """Return what ``agreement_of`` returns, from records."""
    rows = [record.metrics for record in consultations]
    names = {name for row in rows for name in row if MEMBER in name}
    return agreement_of({name: np.array([row.get(name, np.nan) for row in rows]) for name in names})


def agreement_of(metrics: Mapping[str, Floats]) -> dict[str, dict[str, Any]]:
    """Return Krippendorff's alpha of every panel and item.

    Args:
        metrics: a run's metric columns, one value a consultation, NaN where there is none; those called
            ``[JUDGE.]member.NAME.ITEM`` are members' scores.

    Returns:
        ``{ITEM: {interval, ordinal, n, members}}``; an item of a panel that is not the run's first judge is called
        ``JUDGE.ITEM``. ``n``: consultations that two members or more have scored. An alpha that cannot be had (no
        such consultation, or one score throughout) is None. Empty without a panel.
    """
    found: dict[str, dict[str, Floats]] = {}
    for name in sorted(metrics):
        if match := _COLUMN.fullmatch(name):
            item = f"{match['judge']}.{match['item']}" if match["judge"] else match["item"]
            found.setdefault(item, {})[match["member"]] = metrics[name]
    return {item: _figures(members) for item, members in found.items()}


def agreement_words(agreement: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one line for a terminal; '' without a panel."""
    parts = [
        f"{item} {figures['interval']:.2f}" if figures["interval"] is not None else f"{item} –"
        for item, figures in agreement.items()
    ]
    return ", ".join(parts)


def _figures(members: Mapping[str, Floats]) -> dict[str, Any]:
    ratings = np.vstack(list(members.values()))
    return {
        "interval": _rounded(krippendorff_alpha(ratings, "interval")),
        "ordinal": _rounded(krippendorff_alpha(ratings, "ordinal")),
        "n": comparable_units(ratings), "members": sorted(members),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6) + 0.0
