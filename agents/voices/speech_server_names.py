"""Which of a server's own voices speaks for whom: a table by language, sex and age group; it asks no server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from agents.protocols import SpeakerCard
from agents.voices.ages import GROUPS, age_group, nearest_groups
from scenarios.identity import derive_seed
from scenarios.schema import AgeGroup, Language, Sex

Names = tuple[str, ...]
Table = dict[str, dict[str, dict[str, Names]]]
"""Language or '' (any), sex or '' (any), age group or '' (any): names of voices."""
_SEXES = tuple(sex for sex in get_args(Sex) if sex != "unknown")
_LANGUAGES: tuple[str, ...] = get_args(Language)


def table_of(written: Any) -> Table:
    """Return the table that a batch file wrote, in one of these forms, each as one name or a list of names.

    ``{female: vivian, male: ryan}``, ``{female: {少年: a, 成年: [b, c]}, male: …}``, or either below ``zh:`` and
    ``en:``. Raises ValueError naming the key that is none of these.
    """
    if not isinstance(written, Mapping):
        raise ValueError("must be a table: sex -> age group -> name of a voice")
    if written and set(written) <= {"", *_LANGUAGES}:
        return {language: _sexes(below, language) for language, below in written.items()}
    return {"": _sexes(written, "")} if written else {}


def choose(table: Table, card: SpeakerCard, default: str) -> str:
    """Return the voice that speaks for ``card``: the same one for all turns of a consultation.

    Where there is none for sex and age, the nearest age group of the sex is taken (of two the older), then the other
    sex; a card of unknown sex or age may get any. ``default`` speaks where the table says nothing.
    """
    below = table.get(card.language) or table.get("") or {}
    group = card.age_group or age_group(card.age_years)
    sexes = (card.sex, "", *(sex for sex in _SEXES if sex != card.sex)) if card.sex in _SEXES else ("*",)
    for sex in sexes:
        ages = _any(below) if sex == "*" else [below[sex]] if sex in below else []
        if names := _names(ages, group):
            return names[derive_seed(card.seed, "voice", card.name) % len(names)]
    return default


def _any(below: Mapping[str, dict[str, Names]]) -> list[dict[str, Names]]:
    return [below[sex] for sex in sorted(below)]


def _names(tables: list[dict[str, Names]], group: AgeGroup | None) -> Names:
    """Return the names of the nearest group that has any, over all ``tables``; of all groups when it is not known."""
    wanted: list[list[str]] = [[*GROUPS, ""]]
    if group is not None:
        nearest, *others = nearest_groups(group)
        wanted = [[nearest], [""]]
        wanted += [[other] for other in others]
    for groups in wanted:
        if found := tuple(name for table in tables for one in groups for name in table.get(one, ())):
            return found
    return ()


def _sexes(written: Any, where: str) -> dict[str, dict[str, Names]]:
    if isinstance(written, str | list | tuple):
        return {"": {"": _several(written, where)}}
    if not isinstance(written, Mapping):
        raise ValueError(f"{where or 'voices'} must be a table by sex")
    unknown = set(written) - {"", *_SEXES}
    if unknown:
        raise ValueError(f"{min(unknown, key=str)!r} must be one of {', '.join((*_SEXES, *_LANGUAGES))}")
    return {sex: _groups(below, sex) for sex, below in written.items()}


def _groups(written: Any, where: str) -> dict[str, Names]:
    if not isinstance(written, Mapping):
        return {"": _several(written, where)}
    unknown = set(written) - {"", *GROUPS}
    if unknown:
        raise ValueError(f"{where}: {min(unknown, key=str)!r} must be one of {', '.join(GROUPS)}")
    return {group: _several(names, f"{where} {group}") for group, names in written.items()}


def _several(names: Any, where: str) -> Names:
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, list | tuple) or not listed or not all(isinstance(n, str) and n.strip() for n in listed):
        raise ValueError(f"{where} must be the name of a voice, or a list of names")
    return tuple(listed)
