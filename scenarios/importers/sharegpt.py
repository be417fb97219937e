"""Reads conversations in the ShareGPT layout or as chat messages; facts are the patient's own sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scenarios.errors import ImportRecordError
from scenarios.importers.cmtmedqa import case_id
from scenarios.importers.dialogue import Said, add_turns, mark_critical, who_speaks
from scenarios.importers.draft import Draft, case_of
from scenarios.importers.record import json_records, mapping, record_id
from scenarios.schema import Case, Language

PATIENT = frozenset({"human", "user", "patient", "患者", "病人", "question"})
DOCTOR = frozenset({"gpt", "assistant", "doctor", "医生", "bot", "chatgpt", "answer", "model"})
_LAYOUTS = (("conversations", "from", "value"), ("conversation", "from", "value"), ("messages", "role", "content"))
OTHER = frozenset({"system", "tool", "function", "observation"})


def read(path: Path) -> Iterable[tuple[str, object]]:
    """Yield the conversations."""
    return json_records(path)


def convert(label: str, raw: object) -> Case:
    """Return one conversation as a case without a diagnosis."""
    data = mapping(label, raw)
    turns = _turns(label, data)
    name = record_id(label, data)
    return case_of(draft_of("sharegpt", name, turns, source="ShareGPT-style dialogue"))


def draft_of(
    format: str,
    name: str,
    turns: Sequence[Said],
    *,
    source: str,
    licence: str = "unknown",
    more: str = "",
    language: Language | None = None,
    complaint: str = "",
) -> Draft:
    """Return a draft made of a dialogue; ``more`` is text that may tell age and sex."""
    spoken = language or language_of(" ".join(turn.text for turn in turns if turn.patient))
    who, speaker = who_speaks(turns, spoken, more)
    draft = Draft(
        id=case_id(format, name),
        language=spoken,
        source=source,
        record=name,
        licence=licence,
        who=who,
        speaker=speaker,
        department="paediatrics" if speaker.kind == "caregiver" and (who.age_years or 0) < 18 else "general",
    )
    add_turns(draft, turns, complaint)
    mark_critical(draft)
    return draft


def language_of(text: str) -> Language:
    """Return ``zh`` when Chinese characters make up a fifth of the letters, else ``en``."""
    chinese = len(re.findall(r"[\u4e00-\u9fff]", text))
    return "zh" if chinese * 5 >= chinese + len(re.findall(r"[A-Za-z]", text)) and chinese else "en"


def _turns(label: str, data: Mapping[str, Any]) -> list[Said]:
    layout = next((names for names in _LAYOUTS if names[0] in data), None)
    if layout is None:
        raise ImportRecordError(label, "has neither 'conversations' nor 'messages'")
    key, who, what = layout
    if not isinstance(data[key], list):
        raise ImportRecordError(label, f"the field {key!r} is not a list")
    turns: list[Said] = []
    for entry in data[key]:
        if not isinstance(entry, dict):
            raise ImportRecordError(label, f"an entry of {key!r} is not an object")
        role, text = entry.get(who, entry.get("role")), entry.get(what, entry.get("content"))
        if not isinstance(role, str) or not isinstance(text, str):
            raise ImportRecordError(label, f"an entry of {key!r} lacks its speaker or its text")
        if role.lower() in OTHER:
            continue
        if role.lower() not in PATIENT | DOCTOR:
            raise ImportRecordError(label, f"unknown speaker {role[:40]!r}")
        turns.append(Said(role.lower() in PATIENT, text))
    return turns
