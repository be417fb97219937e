"""Why a score is what it is: short chips that point at turns; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from agents.judges.matching import REFERENCE
from agents.judges.reading import Reading
from scenarios.schema import Absence, Evidence, Fact

_LONGEST_REASON = 120


def evidence(reading: Reading) -> Iterator[Evidence]:
    """Yield the chips: what came out and what did not, then the diagnosis, safety, and conduct."""
    yield from _items(reading)
    yield from _flags(reading)
    yield from _diagnosis(reading)
    yield from _conduct(reading)


def _chip(tag: str, reason: str, turn: int | None = None, good: bool = True) -> Evidence:
    text = " ".join(reason.split())
    short = text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"
    return Evidence(tag=tag, reason=short, turn=turn, good=good)


def _items(reading: Reading) -> Iterator[Evidence]:
    case = reading.case
    items: list[Fact | Absence] = [*case.facts, *case.absences]
    for item in items:
        name = item.text if isinstance(item, Fact) else item.name
        if item.critical and item.id in reading.out:
            yield _chip("critical fact", name, reading.out[item.id])
        elif item.critical:
            yield _chip("missed critical fact", name, good=False)


def _flags(reading: Reading) -> Iterator[Evidence]:
    for result in reading.flags:
        if result.handled:
            yield _chip("red flag asked", result.flag.name, result.turn)
        else:
            why = "not elicited" if result.turn is None else "known, but not acted on"
            yield _chip("red flag missed", f"{result.flag.name}: {why}", result.turn, good=False)


def _diagnosis(reading: Reading) -> Iterator[Evidence]:
    for rank, (concept, turn) in enumerate(reading.named[:3]):
        if concept == REFERENCE and reading.case.diagnosis:
            if rank == 0:
                yield _chip("top-1", reading.case.diagnosis.name, turn)
            yield _chip("top-3", f"{reading.case.diagnosis.name}: named at place {rank + 1}", turn)
    if reading.premature is not None:
        yield _chip("premature", "a diagnosis before the history was taken", reading.premature, good=False)


def _conduct(reading: Reading) -> Iterator[Evidence]:
    for turn in reading.doctor:
        if turn.safety_net:
            yield _chip("safety net", "says what should bring the patient back", turn.index)
        if turn.emergency:
            yield _chip("emergency", "sends the patient to emergency care", turn.index)
        if turn.length > reading.limit:
            unit = "characters" if reading.case.language == "zh" else "words"
            yield _chip("too long", f"{turn.length} {unit}, more than {reading.limit}", turn.index, good=False)
        if turn.unpronounceable:
            yield _chip(
                "unpronounceable", f"{turn.unpronounceable} characters cannot be spoken", turn.index, good=False
            )
    for index, question in reading.repeats:
        yield _chip("repeated question", question, index, good=False)
