"""Reads PriMock57: ``transcripts/*_{doctor,patient}.TextGrid`` and ``notes/*.json``; both merged by time.

Source: https://github.com/babylonhealth/primock57 (CC BY 4.0). The diagnosis is the note's ``Imp:`` line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scenarios.errors import BatchFileError, ImportRecordError
from scenarios.importers.dialogue import Said
from scenarios.importers.draft import case_of
from scenarios.importers.record import mapping, text_of
from scenarios.importers.sharegpt import draft_of
from scenarios.importers.text import capital
from scenarios.importers.wording_en import Voice, spoken
from scenarios.schema import Case
from scenarios.yaml_file import read_text

_INTERVAL = re.compile(
    r"intervals \[\d+\]:?\s*xmin = (?P<start>[\d.]+)\s*xmax = [\d.]+\s*text = \"(?P<text>(?:[^\"]|\"\")*)\""
)
_TAGS = re.compile(r"</?UNSURE>")
_LOST = re.compile(r"<[A-Z_]+/?>")
_IMPRESSION = re.compile(r"^\s*(?:Imp|Impression|Diagnosis|Dx|Imp/plan)\s*[:\-]\s*(?P<said>.+)$", re.I | re.M)
_HEDGE = re.compile(
    r"^(?:\?+|likely|probable|probably|possible|possibly|suspected|presumed|localized|new onset|first episode|work "
    r"related|"
    r"acute|impression|features of|most)\s*",
    re.I,
)
_NOT_NAMED = re.compile(r"\?\s*cause|need to exclude|needs to|no diagnosis|hx\b|unclear|unwell|for further", re.I)
_SHORT = {
    "uti": "urinary tract infection",
    "urti": "upper respiratory tract infection",
    "lrti": "lower respiratory tract infection",
    "tia": "transient ischaemic attack",
    "tias": "transient ischaemic attack",
    "cva": "stroke",
    "gord": "gastro-oesophageal reflux disease",
    "copd": "chronic obstructive pulmonary disease",
    "ibs": "irritable bowel syndrome",
    "puo": "pyrexia of unknown origin",
    "ge": "gastroenteritis",
    "bppv": "benign paroxysmal positional vertigo",
    "acs": "acute coronary syndrome",
    "mi": "myocardial infarction",
    "dvt": "deep vein thrombosis",
    "pe": "pulmonary embolism",
}


class Spoken(NamedTuple):
    """One interval of a transcript: seconds from the start, who, what."""

    start_s: float
    patient: bool
    text: str


def read(path: Path) -> Iterator[tuple[str, object]]:
    """Yield ``(consultation, {patient, doctor, note})`` with the raw text of the three files."""
    folder = path / "transcripts"
    if not folder.is_dir():
        raise BatchFileError(
            str(path), "has no folder 'transcripts'", hint="Name the folder that holds transcripts/ and notes/."
        )
    found = sorted(folder.glob("*_patient.TextGrid"))
    if not found:
        raise BatchFileError(str(folder), "holds no *_patient.TextGrid")
    for file in found:
        name = file.name.removesuffix("_patient.TextGrid")
        doctor, note = folder / f"{name}_doctor.TextGrid", path / "notes" / f"{name}.json"
        yield (
            name,
            {
                "patient": read_text(file),
                "doctor": read_text(doctor) if doctor.is_file() else "",
                "note": read_text(note) if note.is_file() else "",
            },
        )


def convert(label: str, raw: object) -> Case:
    """Return one consultation as a case."""
    data = mapping(label, raw)
    said = sorted(
        intervals(text_of(label, data, "patient", required=True), True)
        + intervals(text_of(label, data, "doctor"), False)
    )
    turns: list[Said] = []
    for _, patient, text in said:
        if turns and turns[-1].patient == patient:
            turns[-1] = Said(patient, f"{turns[-1].text} {text}")
        else:
            turns.append(Said(patient, text))
    if not any(turn.patient for turn in turns):
        raise ImportRecordError(label, "the patient's transcript holds no words")
    note, complaint = _note(label, text_of(label, data, "note"))
    heard = " ".join(turn.text for turn in turns if turn.patient).lower()
    if not any(word in heard for word in re.findall(r"[a-z]{5,}", complaint.lower())):
        complaint = ""
    draft = draft_of(
        "primock57",
        label,
        turns,
        source="PriMock57",
        licence="CC BY 4.0",
        more=note,
        language="en",
        complaint=complaint,
    )
    draft.diagnosis, draft.more_names = impression(note)
    if draft.diagnosis:
        draft.notes.append("the diagnosis is the clinician's impression")
    return case_of(draft)


def intervals(text: str, patient: bool) -> list[Spoken]:
    """Return the spoken intervals of a TextGrid, without its markup for unsure and inaudible words."""
    found = []
    for match in _INTERVAL.finditer(text):
        said = re.sub(r"\s+", " ", _LOST.sub("", _TAGS.sub("", match["text"].replace('""', '"')))).strip()
        if re.search(r"\w", said):
            found.append(Spoken(float(match["start"]), patient, said))
    return found


def impression(note: str) -> tuple[str, tuple[str, ...]]:
    """Return the diagnosis that the note's impression names and its other names; empty when it names none."""
    match = _IMPRESSION.search(note)
    if match is None:
        return "", ()
    said = re.split(
        (
            r"\.\s|\.$|\n|\bbut\b|\balso\b|-\s+(?:need|despite)|- ?needs|\(|, (?=no |need|possibly|with|despite)|, "
            r"need|\+/-| secondary to "
        ),
        match["said"],
    )[0]
    names = []
    for part in re.split(r"/\s*\??|\s\?|, ", said):
        name = part.strip(" .?-")
        while (shorter := _HEDGE.sub("", name)) != name:
            name = shorter.strip()
        if name and len(name.split()) <= 8 and not _NOT_NAMED.search(part):
            names.append(name)
    whole = [" ".join(_SHORT.get(word.lower(), word) for word in name.split()) for name in names]
    if not whole or _NOT_NAMED.search(said):
        return "", ()
    others = [name for name in (*names, *whole[1:]) if name.lower() != whole[0].lower()]
    return whole[0], tuple(dict.fromkeys(others))


def _note(label: str, text: str) -> tuple[str, str]:
    """Return the note's text and the presenting complaint as a spoken sentence."""
    if not text:
        return "", ""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImportRecordError(label, "its note is not JSON") from error
    fields = mapping(label, data, "its note")
    complaint = text_of(label, fields, "presenting_complaint").strip(' ."')
    if complaint and not re.match(r"(?:i|i'\w+|my|it|it's|there|we)\b", complaint, re.I):
        complaint = spoken(complaint, Voice(), "symptom").rstrip(".")
    return text_of(label, fields, "note"), f"{capital(complaint)}." if complaint else ""
