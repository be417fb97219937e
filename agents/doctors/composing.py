"""Words a turn of questions within its spoken limit; it chooses how much to ask at once, not what."""

from __future__ import annotations

from agents.doctors.findings_question import findings_sentence
from agents.doctors.interview import MAX_PARTS, capital, join_parts, speak, spoken_size
from agents.doctors.options import DoctorOptions
from agents.doctors.wording import Part, wording
from agents.knowledge.base import KnowledgeBase
from agents.protocols import DoctorView

ENOUGH = 3
"""So many symptoms are named before further parts of the history are added."""


def opening_questions(view: DoctorView, parts: list[Part], options: DoctorOptions) -> str:
    """Return the first turn's questions: onset and course, as far as they were not told, and an open question."""
    start = [part for part in parts if part.id in ("onset", "course")]
    if len(start) < 2:
        start += [part for part in parts if part not in start and not part.solo][: 2 - len(start)]
    mark = "？" if view.language == "zh" else "?"
    openly = capital(wording().open[view.language].to(view.intake, view.language)) + mark
    return openly if options.questions_per_turn == 1 else speak([join_parts(start, view), openly], view.language)


def next_questions(
    view: DoctorView, parts: list[Part], named: list[str], kb: KnowledgeBase, options: DoctorOptions, room: int
) -> str:
    """Return at most ``questions_per_turn`` questions of at most ``room`` spoken units, or the one next question.

    Several parts of the history share a question, a solo part stands alone; ``named`` findings come last.
    """
    groups, named = _arrange(view, parts, named, options.questions_per_turn)
    most = min(options.findings_per_question, len(named))
    for total in range(sum(map(len, groups)), 0, -1):
        for count in range(most, min(most, ENOUGH) - 1, -1):
            text = _worded(view, _trim(groups, total), named[:count], kb)
            if spoken_size(text, view.language) <= room:
                return text
    for count in range(most, 0, -1):
        text = findings_sentence(kb, named[:count], view)
        if not groups and spoken_size(text, view.language) <= room:
            return text
    return join_parts(parts[:1], view) or findings_sentence(kb, named[:1], view)


def _arrange(view: DoctorView, parts: list[Part], named: list[str], several: int) -> tuple[list[list[Part]], list[str]]:
    """Return the parts of each question and the findings for the last one."""
    illness = _bundles([part for part in parts if part.illness])
    history = _bundles([part for part in parts if not (part.illness or part.solo)])
    bundles = sorted(illness + history, key=lambda bundle: parts.index(bundle[0]))
    if parts and parts[0].solo:
        bundles.insert(0, parts[:1])
    elif not bundles:
        bundles = [[part] for part in parts]
    if several == 1:
        return (bundles[:1], []) if bundles and (view.exchange % 2 == 0 or not named) else ([], named)
    if several == 2 and len(bundles) > 1 and parts[0].solo and not named:
        return bundles[:2], []
    kept = bundles[: several - 1] if named else bundles[:several]
    return kept, named


def _bundles(parts: list[Part]) -> list[list[Part]]:
    return [parts[i : i + MAX_PARTS] for i in range(0, len(parts), MAX_PARTS)]


def _trim(groups: list[list[Part]], total: int) -> list[list[Part]]:
    """Return the first ``total`` parts, still in their groups."""
    trimmed = []
    for group in groups:
        trimmed.append(group[:total])
        total -= len(trimmed[-1])
    return [group for group in trimmed if group]


def _worded(view: DoctorView, groups: list[list[Part]], named: list[str], kb: KnowledgeBase) -> str:
    asked = [join_parts(group, view) for group in groups]
    return speak([*asked, findings_sentence(kb, named, view)], view.language)
