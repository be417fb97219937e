"""Reads mediQ vignettes (JSON lines: context, facts, question, options, answer, patient); it knows their fields only.

Source: https://github.com/stellalisy/mediQ (CC BY 4.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from scenarios.errors import ImportRecordError
from scenarios.importers.clinical_en import add_section, is_observed, opening_en
from scenarios.importers.cmtmedqa import case_id
from scenarios.importers.demographics import age_en, sex_en, speaker_for
from scenarios.importers.draft import Draft, case_of
from scenarios.importers.findings import Kind, titled
from scenarios.importers.record import json_records, mapping, record_id, strings, text_of
from scenarios.importers.text import tidy
from scenarios.importers.wording_en import Voice, voice_of
from scenarios.schema import Case, Demographics

_LEAD = re.compile(
    (
        r"^.*?\b(?:presents?|presented|presenting|complain(?:s|ed|ing)|comes?|is seen|is referred|was referred|seeks|"
        r"sought)\b(?P<rest>.*)$"
    ),
    re.I | re.S,
)
_WITH = re.compile(
    r"\b(?:with|of|for|about|regarding|because of|due to|concerned about)\s+(?:an? )?(?:evaluation of |complaints? "
    r"of |concerns? (?:about|of) |"
    r"assessment of )?(?P<what>(?!the (?:clinic|emergency|dermatology|hospital)).+)$",
    re.I | re.S,
)
_EXAM = re.compile(
    r"\b(?:physical exam|on exam|examination|exam reveal|dermoscop|biops|laborator|histolog|histopath|patholog|"
    r"microscop|"
    r"immunofluor|culture|serolog|punch|workup|stain)",
    re.I,
)
_PERSON = re.compile(
    (
        r"^(?:the patient is an? |an? )?(?:[\w-]+ )*?[\w-]+-old(?: [\w-]+){0,4}(?: (?:presents?|presented)(?: with "
        r"(?:complaints|a rash)| to .*)?)?$|(?:the (?:patient|woman|man|boy|girl)|he|she) is (?:an? )?(?:[\w-]+ ){0,"
        r"4}(?:man|woman|boy|girl|male|female|old|adolescent|infant|child)$|the patient (?:presents|presented) to |"
        r"(?:the )?physical exam"
    ),
    re.I,
)
_TOLD = re.compile(
    r"\b(?:reports?|denie[sd]|denies|states?|history|he (?:has|had|is|was|works)|she (?:has|had|is|was|works)|"
    r"complain|ago|family|mother|"
    r"takes|medications?|treated|parents)\b",
    re.I,
)


def read(path: Path) -> Iterable[tuple[str, object]]:
    """Yield the vignettes."""
    return json_records(path)


def convert(label: str, raw: object) -> Case:
    """Return one vignette as a case; what stands after the examination began counts as its findings."""
    data = mapping(label, raw)
    context = [tidy(text).strip(" .") for text in strings(data.get("context")) or strings(data.get("facts"))]
    context = [re.sub(r"^\d+\.\s+", "", text) for text in context if text]
    if not context:
        raise ImportRecordError(label, "has neither context nor facts")
    answer = text_of(label, data, "answer", required=True)
    patient = data.get("patient") if isinstance(data.get("patient"), dict) else {}
    fields = " ".join(strings(patient))
    story = ". ".join(context)
    age = age_en(" ".join(strings(patient.get("age")))) if isinstance(patient, dict) else None
    who = Demographics(
        age_years=age if age is not None else age_en(story),
        sex=sex_en(fields) if sex_en(fields) != "unknown" else sex_en(story),
    )
    speaker = speaker_for(who, "en")
    voice = voice_of(who, speaker)
    name = record_id(label, data)
    draft = Draft(
        id=case_id("mediq", name),
        language="en",
        source="mediQ (iCRAFT-MD)",
        record=name,
        licence="CC BY 4.0",
        who=who,
        speaker=speaker,
        diagnosis=answer,
        department="dermatology",
    )
    complaint = _short(_complaint(context[0]))
    draft.opening = opening_en(complaint, voice)
    add_section(draft, complaint, "primary", voice)
    atoms = [re.sub(r"^\d+\.\s+", "", tidy(text)).strip(" .") for text in strings(data.get("facts"))]
    _fill(draft, context, atoms, voice)
    return case_of(draft)


def _fill(draft: Draft, context: list[str], atoms: list[str], voice: Voice) -> None:
    """Add what the patient told, one atomic fact each where the record has them; what was examined becomes findings."""
    told, seen = [context[0]], False
    shown: list[str] = []
    for sentence in context[1:]:
        seen = seen or _EXAM.search(sentence) is not None
        own = re.match(
            (
                r"(?:he|she|the patient|patient|his|her|the (?:boy|girl|man|woman|child|infant)|there is no|no|family|"
                r"both|they)\b"
            ),
            sentence,
            re.I,
        )
        if is_observed(sentence) or _EXAM.search(sentence) or (seen and not (own and _TOLD.search(sentence))):
            shown.append(sentence)
        else:
            told.append(sentence)
    for sentence in shown:
        name, kind = _test(sentence)
        draft.findings.append(titled(sentence, name, {f.id for f in draft.findings}, kind))
    if not atoms:
        atoms = told[1:]
    for atom in atoms:
        if not _PERSON.match(atom) and _nearest(atom, told) >= _nearest(atom, shown) and not _EXAM.search(atom):
            add_section(draft, atom, "history", voice)


def _test(sentence: str) -> tuple[str, Kind]:
    if re.search(r"biops|histo|microscop|patholog|immunofl", sentence, re.I):
        return "Biopsy", "lab"
    if re.search(r"laborator|culture|serolog|stain|titer|blood (?:count|test)", sentence, re.I):
        return "Laboratory tests", "lab"
    return "Skin examination", "exam"


def _nearest(atom: str, sentences: list[str]) -> float:
    """Return the largest share of the atom's words that one of ``sentences`` holds."""
    words = set(re.findall(r"[a-z0-9]{3,}", atom.lower())) - {"the", "patient", "has", "was", "were", "and", "had"}
    return max(
        (len(words & set(re.findall(r"[a-z0-9]{3,}", s.lower()))) / max(len(words), 1) for s in sentences), default=0.0
    )


def _complaint(sentence: str) -> str:
    """Return what the first sentence says the patient came with, without who they are."""
    lead = _LEAD.match(sentence)
    if lead and (what := _WITH.search(lead["rest"])):
        return re.split(r",? (?:and|but) (?=(?:he|she|has|is|was)\b)", what["what"])[0].strip(" ,")
    what = re.match(r".*?\b(?:with|has|had|developed|noticed)\s+(?P<what>.+)$", sentence, re.S)
    return (what["what"] if what else sentence).strip(" ,")


def _short(complaint: str) -> str:
    """Return the complaint without the clauses that the further facts tell."""
    core = re.split(
        r",? (?:that|which|who|where|for the (?:past|last)|for \d|for an?|since|over the (?:past|last))\b", complaint
    )[0].strip(" ,")
    return core if len(core.split()) >= 2 else complaint
