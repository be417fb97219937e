"""Which of the four age groups an age belongs to, and which groups are next to it; it knows no voice."""

from __future__ import annotations

import math
from typing import Final, get_args

from scenarios.schema import AgeGroup

GROUPS: Final[tuple[AgeGroup, ...]] = get_args(AgeGroup)
"""From young to old: 少年, 青年, 成年, 老年."""
_OLDEST: Final = (17.0, 30.0, 59.0)
"""Completed years up to which one is 少年, 青年, 成年: where SpeechMedAssist's dialog_record.py draws the lines."""


def age_group(age_years: float | None) -> AgeGroup | None:
    """Return the group of a patient's age, None when the age is not known (or is no age).

    Up to 17 years is 少年, to 30 青年, to 59 成年, from 60 on 老年; completed years count, so 17.5 is still 少年.
    """
    if age_years is None or not math.isfinite(age_years) or age_years < 0:
        return None
    completed = math.floor(age_years)
    return GROUPS[sum(completed > limit for limit in _OLDEST)]


def nearest_groups(group: AgeGroup) -> tuple[AgeGroup, ...]:
    """Return all groups, ``group`` first and the farthest last; of two that are equally near the older comes first."""
    here = GROUPS.index(group)
    return tuple(sorted(GROUPS, key=lambda other: (abs(GROUPS.index(other) - here), -GROUPS.index(other))))
