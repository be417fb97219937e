"""What a referee preferred on one case, as rows of a table; it reads the run's comparisons and counts nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from scenarios.errors import RunFolderError
from scenarios.schema import DIMENSIONS
from scenarios.schema.pairing import Choice, Pairing
from simulator.journal import read_lines
from simulator.pairing_store import PAIRINGS, PairId, pair_id


@dataclass(frozen=True)
class Preferred:
    """One comparison in words.

    ``dimensions`` pairs a title with who was preferred ('tie' for nobody); ``reasons`` are the referee's words: (which
    order of showing, subject, text).
    """

    a: str
    b: str
    trial: int
    winner: str
    note: str
    dimensions: tuple[tuple[str, str], ...]
    reasons: tuple[tuple[str, str, str], ...]


def preferences(folder: Path, case: str, doctors: Collection[str]) -> tuple[Preferred, ...]:
    """Return the comparisons of ``case`` between any two of ``doctors``; of one that was tried again the last.

    Raises:
        RunFolderError: a line of the case that is no comparison.
    """
    found: dict[PairId, Pairing] = {}
    for line in read_lines(folder / PAIRINGS):
        if not isinstance(line, dict) or line.get("case") != case:
            continue
        if line.get("doctor_a") not in doctors or line.get("doctor_b") not in doctors:
            continue
        try:
            pairing = Pairing.model_validate(line)
        except ValidationError as error:
            raise RunFolderError(f"{folder.name}/{PAIRINGS}: case {case}: is not a comparison: {error}") from error
        found[pair_id(pairing)] = pairing
    return tuple(_words(found[name]) for name in sorted(found))


def _words(pairing: Pairing) -> Preferred:
    preference = pairing.preference
    names: dict[Choice, str] = {"a": pairing.doctor_a, "b": pairing.doctor_b, "tie": "tie"}
    note = ""
    if not preference.parsed:
        note = "the referee's answer could not be read"
    elif not preference.consistent:
        note = "the two orders of showing disagree"
    orders = (f"{pairing.doctor_a} shown first", f"{pairing.doctor_b} shown first")
    return Preferred(
        pairing.doctor_a, pairing.doctor_b, pairing.trial, names[preference.winner], note,
        tuple((_title(name), names[choice]) for name, choice in preference.dimensions.items()),
        tuple((order, _title(subject), text) for order, asked in zip(orders, preference.orders, strict=True)
              for subject, text in asked.reasons.items()),
    )


def _title(name: str) -> str:
    return next((words["en"] for known, words in DIMENSIONS.items() if known == name),
                name.replace("_", " ").capitalize())
