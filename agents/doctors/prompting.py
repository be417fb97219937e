"""From what a doctor knows to the messages a model reads; it knows habits and texts, no model, server or file.

Messages only grow at the end from one exchange to the next, so that a server's prefix cache holds all but the last
words. What others said is data: special tokens and forged labels are taken out, so that nobody can speak as another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from agents.doctors.cleaning import without_special_tokens
from agents.doctors.habits import PromptHabits
from agents.doctors.prompts import doctor_prompt
from agents.llm.types import Message
from agents.protocols import DoctorView
from scenarios.schema import Language, Utterance

Piece = str | dict[str, Any]
"""Text, or a content part (sound)."""
Hear = Callable[[Utterance], "list[Piece] | None"]
"""Returns what stands for an utterance in the place of its words; None: its words."""


def doctor_messages(view: DoctorView, habits: PromptHabits, hear: Hear | None = None) -> list[Message]:
    """Return the messages for the doctor's next words.

    ``hear`` may turn an utterance into sound. The hint at the last exchange stands at the very end.
    """
    system, first = _beginning(view, habits)
    shape = {"messages": _alternating, "transcript": _transcript, "last_only": _last_only}[habits.history]
    body = shape(view, habits, hear)
    if first:
        body = [(body[0][0], [first, "\n\n", *body[0][1]]), *body[1:]]
    if system:
        body = [(habits.roles.system, [system]), *body]
    return [{"role": role, "content": _content(pieces)} for role, pieces in _merged(body)]


def system_text(language: Language, max_turns: int, habits: PromptHabits) -> str:
    """Return the system prompt without the intake card; third-party texts stay as they are, letter by letter."""
    prompt = doctor_prompt(language)
    own = prompt.system.format(max_turns=max_turns)
    text = own if habits.system is None else habits.system.text(language)
    return "\n".join(part for part in (text, prompt.form if habits.ask_requests == "form" else "") if part)


Entry = tuple[str, list[Piece]]


def _beginning(view: DoctorView, habits: PromptHabits) -> tuple[str, str]:
    """Return the system message and what precedes the first words; either may be empty."""
    system = system_text(view.language, view.max_turns, habits)
    told = doctor_prompt(view.language).intake.line(view.intake)
    card = "" if habits.intake == "none" else without_special_tokens(told)
    if habits.intake == "system" and system:
        return "\n".join(part for part in (system, card) if part), ""
    return system, card


def _alternating(view: DoctorView, habits: PromptHabits, hear: Hear | None) -> list[Entry]:
    entries: list[Entry] = []
    for utterance in view.dialogue:
        role = habits.roles.doctor if utterance.role == "doctor" else habits.roles.patient
        entries.append((role, _spoken(utterance, view.language, habits, hear)))
    if not entries or view.dialogue[-1].role == "doctor":
        entries.append((habits.roles.patient, [doctor_prompt(view.language).nothing_said]))
    return _with_hint(entries, view, habits)


def _transcript(view: DoctorView, habits: PromptHabits, hear: Hear | None) -> list[Entry]:
    labels, colon = habits.labels.of(view.language), _colon(view.language)
    pieces: list[Piece] = []
    for utterance in view.dialogue:
        said = _spoken(utterance, view.language, habits, hear, bare=True)
        flat = [" ".join(piece.split()) if isinstance(piece, str) else piece for piece in said]
        pieces += [f"{labels.of(utterance.role)}{colon}", *flat, "\n"]
    hint = _hint(view, habits)
    pieces += [hint + "\n"] if hint else []
    return [(habits.roles.patient, [*pieces, f"{labels.doctor}{colon}".rstrip()])]


def _last_only(view: DoctorView, habits: PromptHabits, hear: Hear | None) -> list[Entry]:
    since = max((i + 1 for i, u in enumerate(view.dialogue) if u.role == "doctor"), default=0)
    pieces: list[Entry] = [
        (habits.roles.patient, _spoken(u, view.language, habits, hear)) for u in view.dialogue[since:]
    ]
    return _with_hint(pieces or [(habits.roles.patient, [doctor_prompt(view.language).nothing_said])], view, habits)


def _spoken(
    utterance: Utterance, language: Language, habits: PromptHabits, hear: Hear | None, *, bare: bool = False
) -> list[Piece]:
    """Return an utterance as pieces; an examiner's report is marked as one unless ``bare``."""
    heard = hear(utterance) if hear else None
    if heard is not None:
        return heard
    text = without_special_tokens(utterance.text).strip()
    label = habits.labels.of(language).examiner
    mark = f"【{label}】" if language == "zh" else f"[{label}]"
    text = re.sub(re.escape(mark), label, text, flags=re.I)
    return [f"{mark} {text}"] if utterance.role == "examiner" and not bare else [text]


def _with_hint(entries: list[Entry], view: DoctorView, habits: PromptHabits) -> list[Entry]:
    hint = _hint(view, habits)
    return [*entries, (habits.roles.patient, [hint])] if hint else entries


def _hint(view: DoctorView, habits: PromptHabits) -> str:
    return doctor_prompt(view.language).last_word if view.is_last and habits.last_word == "hint" else ""


def _colon(language: Language) -> str:
    return "：" if language == "zh" else ": "


def _merged(entries: Iterable[Entry]) -> list[Entry]:
    """Join neighbours of one role: many chat templates insist on alternation."""
    merged: list[Entry] = []
    for role, pieces in entries:
        if merged and merged[-1][0] == role:
            merged[-1] = (role, [*merged[-1][1], "\n\n", *pieces])
        else:
            merged.append((role, pieces))
    return merged


def _content(pieces: list[Piece]) -> str | list[dict[str, Any]]:
    """Return plain text, or content parts when there is sound in it."""
    parts: list[dict[str, Any]] = []
    for piece in pieces:
        if isinstance(piece, dict):
            parts.append(piece)
        elif parts and parts[-1]["type"] == "text":
            parts[-1] = {"type": "text", "text": parts[-1]["text"] + piece}
        else:
            parts.append({"type": "text", "text": piece})
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return [part for part in parts if part["type"] != "text" or part["text"].strip()]
