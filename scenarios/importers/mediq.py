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
from scenarios.importers.findings import titled
from scenarios.importers.record import json_records, mapping, record_id, strings, text_of
from scenarios.importers.text import tidy
from scenarios.importers.wording_en import Voice, voice_of
from scenarios.schema import Case, Demographics

_LEAD = re.compile(
    r"^.*?\b(?:presents?|presented|presenting|complain(?:s|ed|ing)|comes?|is seen|is referred|was referred|seeks|sought)\b(?P<rest>.*)$", re.I | re.S)
_WITH = re.compile(r"\b(?:with|of|for|about|regarding|because of|due to|concerned about)\s+(?:an? )?(?:evaluation of |complaints? of |concerns? (?:about|of) |"
                   r"assessment of )?(?P<what>(?!the (?:clinic|emergency|dermatology|hospital)).+)$", re.I | re.S)
_EXAM = re.compile(r"\b(?:physical exam|on exam|examination|exam reveal|dermoscop|biops|laborator|histolog|histopath|patholog|microscop|"
                   r"immunofluor|culture|serolog|punch|workup|stain)", re.I)
_TOLD = re.compile(r"\b(?:reports?|denie[sd]|denies|states?|history|he (?:has|had|is|was|works)|she (?:has|had|is|was|works)|complain|ago|family|mother|"
                   r"takes|medications?|treated|parents)\b", re.I)


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
    who = Demographics(age_years=age if age is not None else age_en(story), sex=sex_en(fields) if sex_en(fields) != "unknown" else sex_en(story))
    speaker = speaker_for(who, "en")
    voice = voice_of(who, speaker)
    name = record_id(label, data)
    draft = Draft(
        id=case_id("mediq", name), language="en", source="mediQ (iCRAFT-MD)", record=name, licence="CC BY 4.0", who=who, speaker=speaker,
        diagnosis=answer, department="dermatology",
    )
    complaint = _complaint(context[0])
    draft.opening = opening_en(complaint, voice)
    add_section(draft, complaint, "primary", voice)
    _fill(draft, context, voice)
    return case_of(draft)


def _fill(draft: Draft, context: list[str], voice: Voice) -> None:
    seen = False
    for number, sentence in enumerate(context):
        seen = seen or _EXAM.search(sentence) is not None
        if number == 0:
            continue
        if seen and not (_TOLD.search(sentence) and not _EXAM.search(sentence)) or is_observed(sentence):
            kind = "lab" if re.search(r"biops|laborator|histo|patholog|microscop|immunofl|culture|serolog|stain|titer|blood count", sentence, re.I) else "exam"
            name = "Biopsy" if re.search(r"biops|histo|microscop|patholog|immunofl", sentence, re.I) else "Laboratory tests" if kind == "lab" else "Skin examination"
            draft.findings.append(titled(sentence, name, {f.id for f in draft.findings}, "lab" if kind == "lab" else "exam"))
        else:
            add_section(draft, sentence, "history", voice)


def _complaint(sentence: str) -> str:
    """Return what the first sentence says the patient came with, without who they are."""
    lead = _LEAD.match(sentence)
    if lead and (what := _WITH.search(lead["rest"])):
        return re.split(r",? (?:and|but) (?=(?:he|she|has|is|was)\b)", what["what"])[0].strip(" ,")
    what = re.match(r".*?\b(?:with|has|had|developed|noticed)\s+(?P<what>.+)$", sentence, re.S)
    return (what["what"] if what else sentence).strip(" ,")
