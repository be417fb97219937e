"""Turns a doctor-patient dialogue into a draft: the patient's own sentences become facts, answered 'no's absences.

The doctor's words are only read for what was asked and, by formats that say so, for a named diagnosis.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from scenarios.errors import ImportRecordError
from scenarios.importers.demographics import age_en, age_zh, sex_en, sex_zh, speaker_for
from scenarios.importers.dialogue_cues import (
    ASIDE_ZH,
    ASK_TAIL,
    ASKED_EN,
    ASKED_ZH,
    COMPLAINT_ZH,
    FILLER,
    HEALTH_EN,
    IDENTITY_EN,
    NO_NAME_EN,
    NO_ZH,
    QUESTION_EN,
    QUESTION_ZH,
    THANKS_EN,
    THANKS_ZH,
    WHEN_ZH,
)
from scenarios.importers.draft import MAX_FACTS, Draft, Piece
from scenarios.importers.negation import names_en, names_zh, split_zh
from scenarios.importers.text import OPENING_LIMIT, capital, length, lower_first, pieces, sentences, tidy
from scenarios.importers.wording_zh import opening_zh, plain_zh
from scenarios.schema import Demographics, Language, Sex, Speaker


class Said(NamedTuple):
    """One turn: ``patient`` tells who spoke."""

    patient: bool
    text: str


def who_speaks(turns: Sequence[Said], language: Language, more: str = "") -> tuple[Demographics, Speaker]:
    """Read age, sex and speaker from the patient's turns (and ``more``, e.g. a note)."""
    text = " ".join(turn.text for turn in turns if turn.patient)
    if language == "en":
        who = Demographics(
            age_years=age_en(text) if age_en(text) is not None else age_en(more), sex=sex_of_talk(text, more)
        )
        return who, speaker_for(who, "en")
    age = age_zh(text)
    child = re.search(r"(?:我|俺)?(?:家|的)?(?P<who>孩子|宝宝|儿子|女儿|小孩|宝贝|小宝|婴儿|我儿|小朋友|新生儿)", text)
    named: dict[str, Sex] = {"儿子": "male", "我儿": "male", "女儿": "female"}
    sex = named.get(child["who"], sex_zh(text)) if child else sex_zh(text)
    pregnant = re.search(r"怀孕|备孕|想要孩子|要孩子|生(?:了)?孩子|喂养孩子|带孩子|有了孩子|生完", text)
    who = Demographics(age_years=age, sex=sex)
    if child and not pregnant and (age is None or age < 18):
        calls = child["who"] if child["who"] in ("儿子", "女儿", "宝宝", "孩子") else "孩子"
        return who, Speaker(kind="caregiver", relation="妈妈", calls_patient=calls)
    return who, speaker_for(who, "zh")


def sex_of_talk(text: str, note: str) -> Sex:
    """Return the sex that a note states, else the one the patient's own words imply."""
    if note and (stated := sex_en(note)) != "unknown":
        return stated
    if re.search(r"\bmy (?:wife|girlfriend)\b|\bmy (?:prostate|testic)", text, re.I):
        return "male"
    return (
        "female"
        if re.search(r"\bmy (?:husband|boyfriend|periods?|pregnan)|i'?m pregnant|contracepti", text, re.I)
        else "unknown"
    )


def add_turns(draft: Draft, turns: Sequence[Said], complaint: str = "") -> None:
    """Add facts, absences and the opening; raises ImportRecordError for a dialogue without patient content."""
    language = draft.language
    asked = ""
    first = not complaint
    if complaint:
        draft.add(complaint, "primary", critical=True)
    for turn in turns:
        if not turn.patient:
            asked = turn.text
            continue
        for number, sentence in enumerate(sentences(_clean(turn.text, language), language)):
            if number == 0 and _denied(draft, asked, sentence):
                continue
            for said in _contents(sentence, draft):
                draft.add(said, "primary" if first else "history", critical=first)
                first = False
        asked = ""
    if not draft.pieces:
        _from_question(draft, turns)
    if not draft.pieces:
        raise ImportRecordError(draft.record, "the patient says nothing about an illness")
    draft.opening = _opening(draft, turns)
    draft.pieces = _most_telling(draft.pieces)


def _from_question(draft: Draft, turns: Sequence[Said]) -> None:
    """Take the complaint out of an opening question: ``腰疼得厉害怎么办？`` says that the back hurts badly."""
    first = next((turn.text for turn in turns if turn.patient), "")
    if draft.language == "en":
        return
    for clause in re.split(r"[，,。？?！!]", first):
        text = plain_zh(ASK_TAIL.sub("", clause))
        if len(text) >= 4 and COMPLAINT_ZH.search(text) and not ASIDE_ZH.search(text) and not QUESTION_ZH.search(text):
            draft.add(text[:60], "primary", critical=True)
            return


def _most_telling(found: list[Piece], limit: int = MAX_FACTS) -> list[Piece]:
    """Return at most ``limit`` pieces in their order: those whose topic is plain and which carry more words stay."""
    order = sorted(
        range(len(found)),
        key=lambda i: (
            found[i].section != "primary",
            found[i].topic in ("associated", "concern"),
            -min(len(found[i].text), 80) // 20,
            i,
        ),
    )
    return [found[i] for i in sorted(order[:limit])]


def _clean(text: str, language: Language) -> str:
    if language == "zh":
        return re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"(?<![\w'])([\w']+)(?:,? \1(?![\w']))+", r"\1", tidy(text), flags=re.I)
    text = re.sub(r"(?<![\w'])((?:[\w']+ ){1,3}[\w']+),? \1(?![\w'])", r"\1", text, flags=re.I)
    text = re.sub(r"\s*(?:--|\.\.\.)\s*", ", ", text)
    previous = ""
    while previous != text:
        previous, text = text, FILLER.sub("", text)
    text = re.sub(r"\s+([,.?!])", r"\1", re.sub(r",(?:\s*,)+", ",", text))
    return re.sub(r"([.?!]\s+)([a-z])", lambda m: m[1] + m[2].upper(), text).strip(" ,")


def _contents(sentence: str, draft: Draft) -> list[str]:
    """Return what a sentence says of the illness, split to the limit; nothing for greetings, thanks and questions."""
    if draft.language == "en":
        text = re.sub(r"^(?:and|but|so|or|because|just|then|also)\b[, ]+", "", sentence.strip(" ,-"), flags=re.I).strip(
            " .,-"
        )
        text = re.sub(r",? (?:and|but|so|or|just|yeah|like|um|uh|yes|okay)$", "", text)
        if (
            len(text.split()) < 4
            or not HEALTH_EN.search(text)
            or IDENTITY_EN.search(text)
            or QUESTION_EN.search(sentence)
            or THANKS_EN.search(text)
        ):
            return []
        return [capital(part.strip(" ,.")) + "." for part in pieces(text, "en") if len(part.split()) >= 3]
    clauses = [plain_zh(clause) for clause in re.split(r"[，,]", ASK_TAIL.sub("", sentence))]
    said = "，".join(c for c in clauses if c and not any(p.search(c) for p in (QUESTION_ZH, THANKS_ZH, ASIDE_ZH)))
    absent, rest = split_zh(said)
    draft.deny([name for name in absent if len(name) <= 8])
    if len(rest) < 4 or WHEN_ZH.match(rest) or re.fullmatch(r".{0,6}(?:我|医生|您)", rest):
        return []
    return [part for part in pieces(rest, "zh") if len(part) >= 4]


def _denied(draft: Draft, asked: str, answer: str) -> bool:
    """Record what the doctor asked and the patient answered with no; whether the answer said nothing more."""
    if draft.language == "zh":
        match = list(ASKED_ZH.finditer(asked))
        if not match or not NO_ZH.match(answer):
            return False
        draft.deny(names_zh(match[-1]["what"], clinical=False))
        return len(answer) <= 5
    found = list(ASKED_EN.finditer(tidy(asked)))
    if not found or not re.match(
        r"(?:no|nope|not really|none|nothing)\b[\s,.]*(?:no|nothing like that|not at all)?[\s,.]*$", answer, re.I
    ):
        return False
    what = re.sub(r"\b(?:at all|at the moment)\b", "", re.sub(r"\byour ", "", found[-1]["what"].lower()))
    draft.deny([name for name in names_en(what) if len(name.split()) <= 5 and not NO_NAME_EN.search(name)])
    return True


def _opening(draft: Draft, turns: Sequence[Said]) -> str:
    first = next(piece.text for piece in draft.pieces)
    if draft.language == "zh":
        return opening_zh(first, draft.speaker)
    limit = OPENING_LIMIT["en"] - 2
    said = lower_first(first.rstrip("."))
    if length(said, "en") > limit:
        said = " ".join(said.split()[:limit])
    return f"Hello doctor, {said.rstrip(' ,')}."


def mark_critical(draft: Draft) -> None:
    """Mark the first sentences of the illness as critical: three, and the first that says since when."""
    from dataclasses import replace

    wanted = [i for i, piece in enumerate(draft.pieces) if not re.search(r"没|无|不是|\bno\b|\bnot\b|n't", piece.text)][
        :3
    ]
    onset = next((i for i, piece in enumerate(draft.pieces) if piece.topic == "onset"), None)
    for place in {*wanted, *([] if onset is None else [onset])}:
        draft.pieces[place] = replace(draft.pieces[place], critical=True)
