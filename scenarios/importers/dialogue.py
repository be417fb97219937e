"""Turns a doctor-patient dialogue into a draft: the patient's own sentences become facts, answered 'no's absences.

The doctor's words are only read for what was asked and, by formats that say so, for a named diagnosis.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from scenarios.errors import ImportRecordError
from scenarios.importers.demographics import age_en, age_zh, sex_en, sex_zh, speaker_for
from scenarios.importers.draft import MAX_FACTS, Draft, Piece
from scenarios.importers.negation import names_en, names_zh, split_zh
from scenarios.importers.text import OPENING_LIMIT, capital, length, lower_first, pieces, sentences, tidy
from scenarios.importers.wording_zh import opening_zh, plain_zh
from scenarios.schema import Demographics, Language, Speaker


class Said(NamedTuple):
    """One turn: ``patient`` tells who spoke."""

    patient: bool
    text: str


_QUESTION_ZH = re.compile(r"[?？吗呢]$|怎么办|怎么[样治回]|什么(?:原因|药|办法|方法|影响|好|样|情况|问题|呢|治|建议|注意|检查|时候.*[?？])|吗[，。]?$|能不能|可不可以|"
                          r"需不需要|要不要|是不是|会不会|如何|哪些|哪种|哪个|为什么|请问|多少钱|多久能|建议|好不好|行不行|怎样|有没有.*(?:方法|办法|影响|药)")
_THANKS_ZH = re.compile(r"谢谢|感谢|再见|拜拜|祝您|辛苦|我会(?:去|尽|注意|按|试|考虑|记|多|马上|好好|尝试|先)|按照您|遵照|听您的|去医院|明白了|知道了|了解了|放心了")
_QUESTION_EN = re.compile(r"\?$|^(?:what|how|why|when|where|which|should|could|can|would|will|is it|is there|are there|do you|does (?:it|that|this)|so should)\b", re.I)
_FILLER = re.compile(r"(?:(?<=^)|(?<=[\s,.]))(?:u+[hm]+|er+m*|hm+|mm-?hm+|mm+|ah+|oh|okay|ok|yeah|yep|yes|y'know|you know|i mean|like(?=,)|well(?=,)|so(?=,)|right(?=,)|sure|hi|hello|hey|alright|sorry|doctor|and(?=,))"
                     r"\b[\s,.!-]*", re.I)
_THANKS_EN = re.compile(r"\b(?:thank|thanks|bye|great|perfect|cheers|hear you|see you|good morning|good afternoon|good evening|sounds good|no problem|that's fine|makes sense|understand|"
                        r"take care|the camera|on video|will do|i'll do|appointment|lovely|nice to meet|date of birth|confirm)\b", re.I)
_ASIDE_ZH = re.compile(r"^(?:我)?(?:听说|听别人|如果|要是|假如|会|打算|想|希望|应该|在等|除了.*外$|在.*期间$|觉得还是|看到|看了|查了|看网上|了解到|是想|会留意|该)|^.{0,2}(?:我|孩子|宝宝|他|她)?(?:今年|是(?:一[个名位])?)?\d+"
                       r"(?:多)?(?:岁|个月)(?:的)?(?:女性|男性|女生|男生|女|男|女孩|男孩|了)?$|我是(?:一[个名位])?(?:女|男)(?:性|生|的)?$|(?:我|那)(?:可以|应该|要|需要|还能|还有)|按照|我会|担心.{0,4}$|尝试一下|试试")
_WHEN_ZH = re.compile(r"^(?:我)?(?:最近|近来|近期|这|从|自|昨|今|前|上)[^，,]{0,10}(?:来|以来|时候|间|段时间|天|后|晚上|上|年|月)?$|^(?:最近|近来|近期)$")
_HEALTH_EN = re.compile(
    r"pain|hurt|ache|aching|sore|cough|fever|temperature|hot|cold|chill|sick|vomit|nause|diarrh|stool|toilet|poo|bowel|blood|bleed|rash|itch|red\b|swell|swollen|lump|"
    r"breath|chest|heart|palpitat|dizz|faint|weak|tired|fatigue|letharg|sleep|appetite|weight|eat|drink|headache|head\b|vision|eye|ear|hear|ring|nose|throat|phlegm|wheez|"
    r"urin|pee|wee\b|burn|sting|numb|tingl|face|arm|leg|knee|joint|back|tummy|stomach|belly|skin|muscle|stiff|sweat|anxi|stress|mood|panic|worr|asthma|diabet|pressure|"
    r"thyroid|allerg|inhaler|tablet|medic|drug|cream|paracetamol|ibuprofen|antibiotic|pill|smok|alcohol|wine|beer|period|pregnan|sex|partner|family|mother|father|mum|dad|"
    r"brother|sister|travel|holiday|work|job|live|days?\b|weeks?\b|months?\b|years?\b|ago|started|worse|better|bitten|bite|stung|wasp|bee\b|ill|unwell|surger|operation|hospital", re.I)
_IDENTITY_EN = re.compile(r"\bmy (?:full )?name|\bi'?m \w+ (?:years|smith)|years old|nineteen (?:\w+ty|\w+teen|ninety)|(?:january|february|march|april|june|july|august|september|october|november|december)\b|"
                          r"\bstreet\b|\broad\b|address|date of birth|wi-?fi|microphone|kilograms|five foot|postcode|\bhear (?:me|fine)|can hear", re.I)
_NO_ZH = re.compile(r"^(?:没有?|无|不|否|未)(?:过|有|出现|发现)?(?:的|啊|呢|哦|呀)?(?:[，,。！!]|$)")
_ASKED_ZH = re.compile(r"(?:有没有|有无|是否(?:有|伴有|伴随|出现)?|有(?:过)?|伴有|出现)(?P<what>[^？?。；;！，,吗没]{2,30}?(?:[、，,][^？?。；;吗没]{2,8}){0,4})(?:的?(?:情况|症状|现象))?(?:吗|么|呢|没有?|[?？]|$)")
_ASKED_EN = re.compile(r"\b(?:any|had|have you had|notice[d]? any)\s+(?P<what>(?!other|else|question|idea|more|further|thing|concern|medic)[a-z][a-z ,'-]{2,60}?)(?: at all| recently| or anything.*|, for example)?\?", re.I)


def who_speaks(turns: Sequence[Said], language: Language, more: str = "") -> tuple[Demographics, Speaker]:
    """Read age, sex and speaker from the patient's turns (and ``more``, e.g. a note)."""
    text = " ".join(turn.text for turn in turns if turn.patient)
    if language == "en":
        who = Demographics(age_years=age_en(text) if age_en(text) is not None else age_en(more), sex=sex_en(more) if more else _own_sex(text))
        return who, speaker_for(who, "en")
    age = age_zh(text)
    child = re.search(r"(?:我|俺)?(?:家|的)?(?P<who>孩子|宝宝|儿子|女儿|小孩|宝贝|小宝|婴儿|我儿|小朋友|新生儿)", text)
    sex = {"儿子": "male", "我儿": "male", "女儿": "female"}.get(child["who"], sex_zh(text)) if child else sex_zh(text)
    pregnant = re.search(r"怀孕|备孕|想要孩子|要孩子|生(?:了)?孩子|喂养孩子|带孩子|有了孩子|生完", text)
    who = Demographics(age_years=age, sex=sex)  # type: ignore[arg-type]
    if child and not pregnant and (age is None or age < 18):
        calls = child["who"] if child["who"] in ("儿子", "女儿", "宝宝", "孩子") else "孩子"
        return who, Speaker(kind="caregiver", relation="妈妈", calls_patient=calls)
    return who, speaker_for(who, "zh") if age is None or age < 12 and re.search(r"个月|天|岁", text) else Speaker()


def _own_sex(text: str) -> str:
    if re.search(r"\bmy (?:wife|girlfriend)\b|as a (?:man|guy)|\bmy (?:prostate|testic)", text, re.I):
        return "male"
    return "female" if re.search(r"\bmy (?:husband|boyfriend|periods?|pregnan)|i'?m pregnant|contracepti|as a woman", text, re.I) else "unknown"


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
        raise ImportRecordError(draft.record, "the patient says nothing about an illness")
    draft.opening = _opening(draft, turns)
    draft.pieces = _most_telling(draft.pieces)


def _most_telling(found: list[Piece], limit: int = MAX_FACTS) -> list[Piece]:
    """Return at most ``limit`` pieces in their order: those whose topic is plain and which carry more words stay."""
    order = sorted(range(len(found)), key=lambda i: (found[i].section != "primary", found[i].topic in ("associated", "concern"),
                                                     -min(len(found[i].text), 80) // 20, i))
    return [found[i] for i in sorted(order[:limit])]


def _clean(text: str, language: Language) -> str:
    if language == "zh":
        return re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\b(\w+)(?:,? \1\b)+", r"\1", tidy(text), flags=re.I)
    text = re.sub(r"\s*(?:--|\.\.\.)\s*", ", ", text)
    previous = ""
    while previous != text:
        previous, text = text, _FILLER.sub("", text)
    text = re.sub(r"\s+([,.?!])", r"\1", re.sub(r",(?:\s*,)+", ",", text))
    return re.sub(r"([.?!]\s+)([a-z])", lambda m: m[1] + m[2].upper(), text).strip(" ,")


def _contents(sentence: str, draft: Draft) -> list[str]:
    """Return what a sentence says of the illness, split to the limit; nothing for greetings, thanks and questions."""
    if draft.language == "en":
        text = re.sub(r"^(?:and|but|so|or|because|just|then|also)\b[, ]+", "", sentence.strip(" ,-"), flags=re.I).strip(" .,-")
        text = re.sub(r",? (?:and|but|so|or|just|yeah|like|um|uh|yes|okay)$", "", text)
        if len(text.split()) < 4 or not _HEALTH_EN.search(text) or _IDENTITY_EN.search(text) or _QUESTION_EN.search(sentence) or _THANKS_EN.search(text):
            return []
        return [capital(part.strip(" ,.")) + "." for part in pieces(text, "en") if len(part.split()) >= 3]
    found: list[str] = []
    when = ""
    for clause in re.split(r"(?<=[，,])(?=.*[?？吗呢])", sentence) if _QUESTION_ZH.search(sentence) else [sentence]:
        absent, rest = split_zh(clause)
        draft.deny([name for name in absent if len(name) <= 8])
        text = plain_zh(rest)
        if _WHEN_ZH.match(text):
            when = f"{text}，"
            continue
        if len(text) < 4 or _ASIDE_ZH.search(text) or _QUESTION_ZH.search(text) or _THANKS_ZH.search(text) or re.fullmatch(r".{0,6}(?:我|医生|您)", text):
            continue
        found += [part for part in pieces(f"{when}{text}", "zh") if len(part) >= 4]
        when = ""
    return found


def _denied(draft: Draft, asked: str, answer: str) -> bool:
    """Record what the doctor asked and the patient answered with no; whether the answer said nothing more."""
    if draft.language == "zh":
        match = list(_ASKED_ZH.finditer(asked))
        if not match or not _NO_ZH.match(answer):
            return False
        draft.deny(names_zh(match[-1]["what"], clinical=False))
        return len(answer) <= 5
    found = list(_ASKED_EN.finditer(tidy(asked)))
    if not found or not re.match(r"(?:no|nope|not really|none|nothing)\b[\s,.]*(?:no|nothing like that|not at all)?[\s,.]*$", answer, re.I):
        return False
    draft.deny([name for name in names_en(found[-1]["what"].lower()) if len(name.split()) <= 5])
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

    wanted = [i for i, piece in enumerate(draft.pieces) if not re.search(r"没|无|不是|\bno\b|\bnot\b|n't", piece.text)][:3]
    onset = next((i for i, piece in enumerate(draft.pieces) if piece.topic == "onset"), None)
    for place in {*wanted, *([] if onset is None else [onset])}:
        draft.pieces[place] = replace(draft.pieces[place], critical=True)
