"""Reads a dialogue for what was asked and told, and words the next questions; it decides no diagnosis."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.acts import gives_advice, questions, sentences, states_diagnosis
from agents.doctors.wording import Part, wording
from agents.protocols import DoctorView
from scenarios.schema import Language

MAX_PARTS = 3
ASKING_LIMIT: dict[Language, int] = {"zh": 70, "en": 45}
"""Spoken length of a turn that asks: characters without blanks (zh), words (en)."""

_SITE = re.compile(
    r"疼|痛|痒|疹|肿|麻|疙瘩|包块|水泡|伤"
    r"|pain|ache|aching|hurt|sore|itch|rash|swell|swollen|lump|numb|blister|spots|cramp",
    re.I,
)
_INJURY = re.compile(
    r"摔|扭|撞|崴|受伤|砸|\b(fell|fall|twist\w*|injur\w*|sprain\w*|tripped|roll(ed)? my|accident)\b", re.I
)
_WOMAN = re.compile(
    r"肚|腹|月经|例假|阴|白带|下面|下身|恶心|吐|乳|潮热|怀孕|累|乏力|没劲|没力气|心慌|头晕|晕倒|气短|喘"
    r"|belly|stomach|tummy|abdom|pelvi|period|vagin|discharge|nause|vomit|breast|flush|pregnan|down below|bleed"
    r"|tired|exhaust|worn out|fatigue|weak|dizz|faint|puffed|palpitat|heart (?:rac|pound|thump)",
    re.I,
)
_CHRONIC = re.compile(
    r"([一二两三四五六七八九十几半0-9]+多?(个多?月|年))|长期|一直都|从小"
    r"|\b(months?|years?|chronic|for ages|long time)\b",
    re.I,
)
_INVITES = {
    "zh": re.compile(
        r"(您|你|医生|大夫).{0,3}(看|觉得|认为).{0,8}(什么|啥|怎么回事)"
        r"|(这|我|他|她|孩子).{0,4}(到底|究竟)?(是|得了)(个)?(什么|啥)(病|问题|毛病|情况)"
        r"|这是怎么了|(就|都|只有)(是)?这些(了|情况)?.{0,12}[?？]|(都|全)(说|告诉).{0,4}(了|完).{0,16}[?？]"
    ),
    "en": re.compile(
        r"what do you (?:think|make of) (it|this|that|is|could|might|the)"
        r"|what('s| is) (wrong with|your (diagnosis|opinion)|the diagnosis)|do you know what (it|this) (is|could)"
        r"|that('s| is) (everything|all)\b.{0,80}\?|you know (it )?all\b.{0,60}\?|what (could|might|can) (it|this) be",
        re.I,
    ),
}
_REPEAT = {
    "zh": re.compile(r"没听(清|懂|明白)|再(说|问)一(遍|次|下)|您(刚才)?(说|问)(的是)?(什么|啥)[？?]|重复一(下|遍)"),
    "en": re.compile(
        r"\b(say (that|it) again|repeat (it|that)|didn't (catch|hear|follow)|what did you (ask|say)|come again)\b",
        re.I,
    ),
}
_WORRIED = {
    "zh": re.compile(r"担心|害怕|严重吗|要紧吗|吓"),
    "en": re.compile(r"\b(worried|scared|afraid (of|that|it)|serious|frighten)", re.I),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What the dialogue shows so far; every field is read from the words alone."""

    patient_text: str
    last_patient: str
    asked: str
    asked_sentences: frozenset[str]
    concluded: str
    requested: bool
    doctor_turns: int
    repeat: bool

    def worried(self, language: Language) -> bool:
        """Whether the patient's last words show worry."""
        return bool(_WORRIED[language].search(self.last_patient))


def read(view: DoctorView) -> Progress:
    """Read the dialogue. ``concluded`` is the doctor's closing, when there was one."""
    said = [u.text for u in view.dialogue if u.role == "patient"]
    mine = [u.text for u in view.dialogue if u.role == "doctor"]
    last = said[-1] if said else ""
    repeat = bool(mine and _REPEAT[view.language].search(last))
    counted = mine[:-1] if repeat else mine
    asked = [question for text in counted for question in questions(text, view.language)]
    concluded = [t for t in mine if states_diagnosis(t, view.language) and gives_advice(t, view.language)]
    request = wording().requests[view.language]
    leads = [words.split("{", 1)[0] for words in (request.self_, request.caregiver)]
    return Progress(
        patient_text="\n".join(said),
        last_patient=last,
        asked="\n".join(asked),
        asked_sentences=frozenset(s for text in counted for s in sentences(text, view.language)),
        concluded=concluded[-1] if concluded else "",
        requested=any(u.role == "examiner" for u in view.dialogue)
        or any(lead in text for text in mine for lead in leads),
        doctor_turns=len(counted),
        repeat=repeat,
    )


def invited(view: DoctorView, progress: Progress) -> bool:
    """Whether the patient asks for the conclusion; the opening's 'what is it?' is a complaint, not an invitation."""
    return progress.doctor_turns > 0 and bool(_INVITES[view.language].search(progress.last_patient))


def open_parts(view: DoctorView, progress: Progress) -> list[Part]:
    """Return the parts still to ask, in the plan's order: relevant, not asked yet, not told unasked."""
    words = wording()
    plan = words.plans["chronic" if _CHRONIC.search(progress.patient_text) else "acute"]
    parts = [words.part_by_id[name] for name in plan]
    return [part for part in parts if _relevant(part, view, progress) and not _covered(part, view, progress)]


def join_parts(parts: list[Part], view: DoctorView) -> str:
    """Return one question sentence from up to three parts, or nothing."""
    phrases = [part.words(view.language).to(view.intake, view.language) for part in parts]
    if not phrases:
        return ""
    if view.language == "zh":
        return "，".join(phrases) + "？"
    joined = phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + ", and " + phrases[-1]
    return capital(joined) + "?"


def capital(text: str) -> str:
    """Return the text with its first letter large."""
    return text[:1].upper() + text[1:]


def spoken_size(text: str, language: Language) -> int:
    """Return characters without blanks (zh) or words (en)."""
    return len(re.sub(r"\s", "", text)) if language == "zh" else len(text.split())


def speak(pieces: list[str], language: Language) -> str:
    """Join sentences into one utterance."""
    return ("" if language == "zh" else " ").join(piece for piece in pieces if piece)


def _covered(part: Part, view: DoctorView, progress: Progress) -> bool:
    words = part.words(view.language)
    return bool(words.asked_cue.search(progress.asked) or words.told_cue.search(progress.patient_text))


def _relevant(part: Part, view: DoctorView, progress: Progress) -> bool:
    age, text = view.intake.age_years, progress.patient_text
    if part.when in ("site", "no_site"):
        return bool(_SITE.search(text)) == (part.when == "site")
    if part.when == "injury":
        return bool(_INJURY.search(text))
    if part.when == "child":
        return age is not None and age < 6
    if part.when == "adult":
        return age is None or age >= 15
    if part.when == "woman":
        return view.intake.sex == "female" and (age is None or 11 <= age <= 60) and bool(_WOMAN.search(text))
    return True
