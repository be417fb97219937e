"""The messages a model patient is asked with: they only grow at the end, and nobody's words can forge their frame.

The system message is the same bytes all through a consultation, then come the fixed cue for the opening and, in
turn, the patient's own replies and what came from the doctor's side. Own replies stand as the very JSON that the
reply form makes a server write (no blanks, the form's key order), so that its prefix cache holds them already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from agents.llm.types import Message
from agents.patients.llm_record import Record
from agents.patients.llm_words import words
from scenarios.schema import Language, Persona, Turn


def system_message(language: Language, persona: Persona, record: Record, opening: int, reply: int) -> Message:
    """Return rules, character and record; ``opening`` and ``reply`` are the limits of a turn in characters."""
    table = words(language)
    rules = table["rules"].format(
        opening=opening, reply=reply, opening_words=opening // 6, reply_words=reply // 6, **table["keys"]
    )
    axes = persona.model_dump()
    character = [f"- {table['persona'][axis][value]}" for axis, value in axes.items()]
    return _message("system", "\n".join([rules, "", f"# {table['persona_title']}", *character, "", record.text]))


def dialogue(language: Language, turns: Iterable[Turn], record: Record) -> list[Message]:
    """Return the messages after the system's; the last one is for the patient to answer."""
    table = words(language)
    found = [_message("user", table["opening"])]
    heard: dict[str, str] = {}
    first = True
    for turn in turns:
        if turn.role != "patient":
            key = table["keys"]["doctor" if turn.role == "doctor" else "report"]
            text = turn.utterance().text
            heard[key] = f"{heard[key]}\n{text}" if key in heard else text
            continue
        if heard:
            found.append(_message("user", compact(heard)))
            heard = {}
        found.append(_message("assistant", own_words(turn, record, opening=first)))
        first = False
    return [*found, _message("user", compact(heard))] if heard else found


def own_words(turn: Turn, record: Record, *, opening: bool) -> str:
    """Return a patient turn as the JSON the form would have made of it."""
    said: dict[str, object] = {"disclosed": [record.label(i) for i in turn.disclosed], "text": turn.text}
    return compact(said if opening else {**said, "end": turn.end or "none"})


def note(language: Language, tag: str, quote: str = "") -> Message:
    """Return the director's reminder of what was wrong with the last answer; ``quote``: the sentence concerned."""
    table = words(language)
    parts = [table["notes"].get(tag, table["notes"]["made-up"])]
    if quote:
        parts.append(table["quoted"].format(text=quote))
    blank = "" if language == "zh" else " "
    return _message("user", compact({table["keys"]["note"]: blank.join([*parts, table["again"]])}))


def rejected(answer: dict[str, object]) -> Message:
    """Return an answer that is asked for again, as the model gave it."""
    return _message("assistant", compact(answer))


def compact(value: dict[str, object] | dict[str, str]) -> str:
    """Return canonical JSON: no blanks, no ASCII escapes, except that no chat template's control token survives."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").encode("utf-8", "replace").decode("utf-8")


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}
