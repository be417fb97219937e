"""Reads MedDG dialogues: a text file of 'dialog' lines each followed by JSON rows, or JSON arrays of such rows.

Source: https://github.com/lwgkzl/MedDG. Facts are the patient's own sentences; a disease entity in the doctor's last
turns is taken as the diagnosis.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from scenarios.errors import BatchFileError, ImportRecordError
from scenarios.importers.cmtmedqa import department_of
from scenarios.importers.dialogue import Said
from scenarios.importers.draft import case_of
from scenarios.importers.record import json_records, strings
from scenarios.importers.sharegpt import draft_of
from scenarios.schema import Case
from scenarios.yaml_file import read_text

_PATIENT = ("patient", "患者", "病人")
_DOCTOR = ("doctor", "医生")
LAST_TURNS = 4


def read(path: Path) -> Iterator[tuple[str, object]]:
    """Yield the dialogues, labelled by their number in the file."""
    text = read_text(path)
    if text.lstrip()[:1] in "[{":
        yield from json_records(path)
        return
    rows: list[object] = []
    number = 0
    for line_number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if line.lower().startswith("dialog"):
            if rows:
                number += 1
                yield str(number), rows
            rows = []
        elif line:
            try:
                rows.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise BatchFileError(str(path), "is neither a 'dialog' line nor JSON", line=line_number) from error
    if rows:
        yield str(number + 1), rows
    elif not number:
        raise BatchFileError(str(path), "holds no dialogues", hint="Blocks begin with a line 'dialog1', 'dialog2' ...")


def convert(label: str, raw: object) -> Case:
    """Return one dialogue as a case."""
    rows = raw.get("dialog", raw.get("dialogue")) if isinstance(raw, dict) else raw
    if not isinstance(rows, list) or not rows:
        raise ImportRecordError(label, "the dialogue is not a list of turns")
    turns: list[Said] = []
    diseases: list[list[str]] = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not isinstance(row.get("Sentence"), str):
            raise ImportRecordError(label, "a turn lacks 'id' or 'Sentence'")
        who = row["id"].lower()
        if not who.startswith((*_PATIENT, *_DOCTOR)):
            raise ImportRecordError(label, f"unknown speaker {row['id'][:40]!r}")
        patient = who.startswith(_PATIENT)
        if turns and turns[-1].patient == patient:
            turns[-1] = Said(patient, f"{turns[-1].text}。{row['Sentence']}")
        else:
            turns.append(Said(patient, row["Sentence"]))
            diseases.append([])
        diseases[-1] += [] if patient else strings(row.get("Disease"))
    draft = draft_of("meddg", label, turns, source="MedDG", language="zh")
    draft.department = "paediatrics" if draft.department == "paediatrics" else department_of("消化内科")
    named = [name for found in diseases[-LAST_TURNS:] for name in found]
    if named:
        draft.diagnosis = named[-1]
        draft.notes.append("the diagnosis is the last disease that the doctor's closing turns name")
    return case_of(draft)
