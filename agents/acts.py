"""Bilingual dialogue acts by surface cues: questions, diagnosis, advice, thanks; it knows no case."""

from __future__ import annotations

import re

from scenarios.schema import Language

_SENTENCE = {"zh": re.compile(r"[^。！？!?；;\n]+[。！？!?；;]*"), "en": re.compile(r"[^.!?;\n]+[.!?;]*")}


def sentences(text: str, language: Language) -> list[str]:
    """Split an utterance into sentences, punctuation kept."""
    return [part.strip() for part in _SENTENCE[language].findall(text) if part.strip()]


def questions(text: str, language: Language) -> list[str]:
    """Return the sentences that ask something."""
    raise_cue = {"zh": r"[?？]|(吗|呢|么)[。！]?$|有没有|是不是|多久|多少|哪里|什么时候|怎么样", "en": r"\?"}[language]
    return [s for s in sentences(text, language) if re.search(raise_cue, s)]


def states_diagnosis(text: str, language: Language) -> bool:
    """Whether the utterance names what the doctor thinks it is."""
    cue = {
        "zh": r"考虑(是|为)?|可能是|诊断|很像|怀疑|初步判断|应该是|属于",
        "en": r"\b(most likely|likely|probably|suspect|diagnos\w+|i think (this|it|you|that)|consistent with|suggests?|sounds like|looks like|could be|may have)\b",
    }[language]
    return any(re.search(cue, s, re.I) for s in sentences(text, language) if s not in questions(text, language))


def gives_advice(text: str, language: Language) -> bool:
    """Whether the utterance tells the patient what to do."""
    cue = {
        "zh": r"建议|注意|避免|尽快|立即|马上|服用|口服|复查|就诊|去医院|可以(先|试|用|吃)|需要(做|查|去|住院)|不要|多喝|清淡|休息",
        "en": r"\b(i (recommend|suggest|advise)|you should|please (go|take|see|avoid|come|call)|take|avoid|rest|drink plenty|go to|see (a|your)|come back|call|we (should|need to)|need to)\b",
    }[language]
    return any(re.search(cue, s, re.I) for s in sentences(text, language) if s not in questions(text, language))


def thanks(text: str, language: Language) -> bool:
    """Whether the speaker thanks or says goodbye."""
    cue = {"zh": r"谢谢|感谢|再见|不客气|祝您|早日康复", "en": r"\b(thank you|thanks|goodbye|bye|you'?re welcome|take care)\b"}
    return bool(re.search(cue[language], text, re.I))


def safety_net(text: str, language: Language) -> bool:
    """Whether the doctor says what should bring the patient back, or to the emergency department."""
    cue = {
        "zh": r"(如果|如|若|一旦|要是|出现).{0,40}?(就诊|就医|急诊|医院|复诊|120|及时来|马上来|随诊)",
        "en": r"\b(if|should|unless|when)\b.{0,120}?\b(come back|return|emergency|hospital|call|seek|see (a|your) doctor|911|999|a&e|urgent)\b",
    }[language]
    return bool(re.search(cue, text, re.I | re.S))


def sends_to_emergency(text: str, language: Language) -> bool:
    """Whether the doctor sends the patient to emergency care now."""
    cue = {
        "zh": r"(立即|马上|立刻|尽快|现在就).{0,12}(急诊|医院|就医|就诊)|拨打?120|叫救护车|急诊科",
        "en": r"\b(emergency (department|room|care)|go to (the )?(er|a&e|hospital)|call (an ambulance|911|999|112|120)|ambulance|right away|immediately)\b",
    }[language]
    return bool(re.search(cue, text, re.I))
