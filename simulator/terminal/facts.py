"""Short sentences about where a session stands, shared by all views; they hold others' words and are not yet safe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphs.consultation import intake_card
from scenarios.schema import Case, Turn
from simulator.session import HUMAN, Branch, Casting, Snapshot
from simulator.showing.by_ear import by_ear
from simulator.showing.consultation_page import case_card, measurements, persona_words
from simulator.showing.speech_view import speech_view
from simulator.terminal.view import Here

MAIN = "main"
LONGEST_HEARD = 120
_RECORD = ("reveals ",)
"""How measurements begin that tell what the record holds."""


def next_words(snapshot: Snapshot) -> str:
    """Return who is to speak, or why it is over."""
    if snapshot.ended:
        return f"over ({snapshot.record.stop_reason.replace('_', ' ')})"
    if snapshot.for_human:
        return f"you are the {snapshot.waiting}"
    return f"the {snapshot.waiting} is next"


def turns_words(snapshot: Snapshot) -> str:
    """Return how many turns were spoken."""
    count = len(snapshot.turns)
    return "nothing said yet" if not count else "1 turn" if count == 1 else f"{count} turns"


def total_words(snapshot: Snapshot) -> str:
    """Return the first judge's total, when these turns were judged and it means something."""
    if not snapshot.judged:
        return ""
    total = snapshot.record.metrics.get("total")
    return "judged" if total is None else f"{total:.1f} of 100"


def doctor_words(casting: Casting) -> str:
    """Return the doctor's name, and the backend where that is called otherwise."""
    if casting.is_human("doctor"):
        return "you"
    name, backend = casting.doctor_name, casting.doctor.backend
    return name if name == backend else f"{name} ({backend})"


def patient_words(casting: Casting) -> str:
    """Return the patient and its manner."""
    who = "you" if casting.is_human("patient") else casting.patient.backend
    return f"{who}, {persona_words(casting.persona)}"


def intake_words(case: Case) -> str:
    """Return what reception tells the doctor."""
    card = intake_card(case)
    age = "" if card.age_years is None else (
        f"{card.age_years * 12:.0f} months" if card.age_years < 2 else f"{card.age_years:g} years")
    sex = "" if card.sex == "unknown" else card.sex
    speaker = f"{card.caregiver} speaks, of {card.calls_patient!r}" if card.caregiver else "speaks for themselves"
    return ", ".join(word for word in (age, sex, speaker) if word)


def case_words(here: Here) -> tuple[str, ...]:
    """Return what the header says of the case: all of it to those who watch, the intake card to a doctor."""
    case = here.info.case
    if here.blind:
        return (intake_words(case),)
    card = case_card(case, case.id, here.casting.persona)
    first = " · ".join(word for word in (card.who, card.department, card.urgency) if word)
    diagnosis = f"diagnosis: {card.diagnosis}" if card.diagnosis else ""
    return tuple(word for word in (first, diagnosis) if word)


def story(here: Here) -> tuple[str, ...]:
    """Return what a person who plays the patient knows of it, a fact a line; () for everybody else."""
    if here.blind or not here.casting.is_human("patient"):
        return ()
    case = here.info.case
    known = [fact.text for fact in case.facts] + [f"not: {absence.name}" for absence in case.absences]
    return (f"you may open with: {case.chief_complaint}", *known)


def measured(here: Here, turn: Turn) -> tuple[str, ...]:
    """Return the measurements of a turn; a doctor who is a person does not learn what is in the record."""
    found = measurements(turn)
    return tuple(one for one in found if not one.startswith(_RECORD)) if here.blind else found


def words_of(here: Here, turn: Turn) -> str:
    """Return what was said; to a person who plays a doctor, what was heard of the patient until it is over."""
    return _perceived(here, turn).text


def sound_words(here: Here, turn: Turn) -> tuple[str, ...]:
    """Return how long a turn's sound is and, where that differs from the words, what was heard; () of written turns."""
    known = _perceived(here, turn)
    seen = speech_view(known, here.info.case.language)
    if seen is None:
        return ()
    length = f"{known.audio.seconds:.1f} s of sound" if known.audio else ""
    marks = (words for words, _ in seen.marks)
    heard = ""
    if seen.misheard:
        heard = "heard: nothing" if not (known.heard or "").strip() else f"heard: “{_short(known.heard or '')}”"
    return tuple(word for word in (length, *marks, heard) if word)


def sound_files(here: Here) -> tuple[str, ...]:
    """Return where the sound of each turn lies, a line a turn, as a path within the folder of sounds."""
    known = (_perceived(here, turn) for turn in here.snapshot.turns)
    return tuple(f"sound of turn {turn.index + 1}: {turn.audio.path}" for turn in known if turn.audio)


def _perceived(here: Here, turn: Turn) -> Turn:
    covered = here.blind and not here.snapshot.ended
    return by_ear((turn,), here.info.case.language)[0] if covered else turn


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_HEARD else f"{words[:LONGEST_HEARD - 1]}…"


def speaker_words(here: Here, turn: Turn) -> str:
    """Return who spoke a turn: the role, and who played it where that is worth saying."""
    if turn.backend == HUMAN:
        return f"{turn.role} (a person)"
    if turn.role != "doctor":
        return turn.role
    casting = spoken_in(here, turn.index).casting
    return f"doctor ({casting.doctor_name if turn.backend == casting.doctor.backend else turn.backend})"


def spoken_in(here: Here, index: int) -> Branch:
    """Return the branch in which a turn was first spoken: the one that this one was forked from, for shared turns."""
    branch = here.branch
    while branch.parent and index < branch.shared:
        branch = here.info.branch(branch.parent)
    return branch


def tree(branches: tuple[Branch, ...]) -> Iterator[tuple[int, Branch]]:
    """Yield the branches with their depth, each below the one it was forked from."""
    children: dict[str, list[Branch]] = {}
    for branch in branches:
        children.setdefault(branch.parent, []).append(branch)
    todo = [(0, branch) for branch in reversed(children.get("", []))]
    while todo:
        depth, branch = todo.pop()
        yield depth, branch
        todo += [(depth + 1, child) for child in reversed(children.get(branch.id, []))]


def branch_words(branch: Branch, snapshots: Mapping[str, Snapshot]) -> str:
    """Return a branch in one line."""
    snapshot = snapshots[branch.id]
    parts = [
        f"from turn {branch.shared}" if branch.parent else "",
        doctor_words(branch.casting), "" if not branch.casting.is_human("patient") else "patient: you",
        turns_words(snapshot), next_words(snapshot), total_words(snapshot),
        f"“{branch.label}”" if branch.label else "",
    ]
    return " · ".join(part for part in parts if part)
