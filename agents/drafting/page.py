"""Writes a draft as a case file for a person: each item beside the words it rests on; text of notes stays a comment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from agents.drafting.compose import WITH_IDS, Draft, Item
from agents.drafting.plain import one_line
from agents.drafting.spans import Note

SHOWN = 100
_FIXED = (
    "that each text says what its quote says, in words the patient would use aloud",
    "topic, disclosure, critical, red_flags, department and urgency: a model chose them",
    "age, sex and who speaks; cues and aliases, which are not drafted",
)


def case_page(draft: Draft, model: str) -> str:
    """Return YAML that loads as exactly ``draft.case``; everything else in it is comments."""
    data = draft.case.model_dump(mode="json", exclude_defaults=True)
    items = {item.where: item for item in draft.items}
    lines = list(_head(draft, model))
    for number, (key, value) in enumerate(data.items()):
        write = _list if key in (*WITH_IDS, "treatment") else _single
        block = list(write(key, value, items, draft.note))
        lines += [("- " if number == 0 else "  ") + block[0], *("  " + line for line in block[1:])]
    return "\n".join(lines) + "\n"


def comment(text: str) -> str:
    """Return ``text`` so that it stays inside one line of YAML comment, whatever characters it holds."""
    return one_line(text, SHOWN)


def _head(draft: Draft, model: str) -> Iterator[str]:
    source = draft.case.provenance.record
    yield "# REVIEW before use. Simulation for research; nothing here is medical advice."
    yield f"# Drafted by {comment(model)} from {comment(source)}. Beside each item stand the words of the note that it"
    yield "# rests on and where they are (characters from the start). A person has to check:"
    for line in _FIXED:
        yield f"#   - {line}"
    for doubt in draft.doubts:
        yield f"#   - {comment(doubt)}"
    for item in draft.items:
        for doubt in item.doubts:
            yield f"#   - {comment(item.where)}: {comment(doubt)}"
    if draft.left_out:
        yield "# Left out, because the note does not hold the words they were said to rest on:"
        for item in draft.left_out:
            yield f'#   - {item.where}: {comment(item.text) or "(empty)"} <- "{comment(item.quote)}"'


def _list(key: str, value: list[dict[str, Any]], items: dict[str, Item], note: Note) -> Iterator[str]:
    yield f"{key}:"
    for number, entry in enumerate(value):
        first, *rest = _dumped([entry])
        if key in WITH_IDS:
            mark = _beside(items[f"{key}.{entry['id']}"], note)
            yield f"{first}  {mark}"
        else:
            yield from (_beside(items[f"{key}.{number}"], note), first)
        yield from rest


def _single(key: str, value: Any, items: dict[str, Item], note: Note) -> Iterator[str]:
    if key in items:
        yield _beside(items[key], note)
    yield from _dumped({key: value})


def _beside(item: Item, note: Note) -> str:
    assert item.span is not None
    near = "" if item.span.exact else " nearly"
    return f'# "{comment(note.says(item.span))}" {item.span.start}-{item.span.end}{near}'


def _dumped(value: Any) -> list[str]:
    text: str = yaml.dump(value, Dumper=yaml.SafeDumper, allow_unicode=True, sort_keys=False, width=110)
    return text.rstrip("\n").split("\n")
