"""Closing words of the embedded doctors: conclusion, advice, safety net, goodbye; it infers nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from agents.acts import sentences
from agents.doctors.interview import capital, speak, spoken_size
from agents.doctors.wording import patient_name
from agents.knowledge.schema import ConditionWords, KnownCondition
from agents.protocols import IntakeCard
from scenarios.schema import Language

CLOSING_LIMIT: dict[Language, int] = {"zh": 150, "en": 90}
"""Spoken length of a closing: characters without blanks (zh), words (en)."""
_ENDS = "。.；;，, "
_KINDS = {
    "zh": {
        "medicine": r"药|吃什么|治疗",
        "food": r"吃|喝|饮食|忌口",
        "tests": r"检查|化验|拍片|抽血",
        "work": r"上班|上学|工作|运动|休息",
    },
    "en": {
        "medicine": r"medicine|medication|tablet|drug|treat|antibiotic|take",
        "food": r"eat|drink|food|diet",
        "tests": r"test|scan|x-ray|blood|check",
        "work": r"work|school|exercise|sport|rest",
    },
}
_SERIOUS = {
    "zh": r"严重|危险|要紧|急诊|住院|什么时候.{0,6}(来|去|看)",
    "en": r"serious|dangerous|worr|hospital|emergency|come back",
}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a closing says: the condition, what was heard for it, what else was considered, how much advice."""

    condition: KnownCondition
    reasons: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    advice: int = 1
    explain: bool = False
    emergency: bool = False


def condition_words(condition: KnownCondition, language: Language) -> ConditionWords:
    """Return one language's words of a condition."""
    return condition.zh if language == "zh" else condition.en


def close(full: Conclusion, intake: IntakeCard, language: Language) -> str:
    """Return the closing with as much of ``full`` as a spoken turn holds.

    Diagnosis, one reason, one piece of advice, the safety net (and the emergency department first) always
    stand; then come further reasons, what else was considered, more advice and the explanation, as they fit.
    """
    kept = replace(full, reasons=full.reasons[:1], others=(), advice=1, explain=False)
    steps = [
        *({"reasons": full.reasons[:n]} for n in range(2, len(full.reasons) + 1)),
        *({"others": full.others[:n]} for n in range(1, len(full.others) + 1)),
        *({"advice": n} for n in range(2, full.advice + 1)),
        *([{"explain": True}] if full.explain else []),
    ]
    for step in steps:
        bigger = replace(kept, **step)  # type: ignore[arg-type]
        if spoken_size(_render(bigger, intake, language), language) <= CLOSING_LIMIT[language]:
            kept = bigger
    text = _render(kept, intake, language)
    if spoken_size(text, language) > CLOSING_LIMIT[language]:
        text = _render(replace(kept, reasons=()), intake, language)
    return text


def plain_close(condition: KnownCondition, points: int, language: Language) -> str:
    """Return a bare conclusion with advice: no reasons, no alternatives, no safety net."""
    words = condition_words(condition, language)
    advice = _advice(words, points, language)
    if language == "zh":
        return f"您这个情况考虑是{words.name}。{advice}"
    return f"This is probably {words.name}. {advice}"


def generic_close(condition: KnownCondition, language: Language) -> str:
    """Return a conclusion with advice that would fit anybody."""
    name = condition_words(condition, language).name
    if language == "zh":
        return f"听起来考虑是{name}。建议您注意休息，多喝水，饮食清淡一些。"
    return f"This is probably {name}. I suggest you rest, drink plenty of water and eat light meals."


def goodbye(language: Language) -> str:
    """Return a short farewell."""
    return "不客气，祝您早日康复，再见。" if language == "zh" else "You're welcome. Take care, and goodbye."


def answer(condition: KnownCondition, question: str, said: str, language: Language) -> str:
    """Answer a question after the closing from the condition's advice, preferring what was not ``said`` yet."""
    words = condition_words(condition, language)
    if re.search(_SERIOUS[language], question, re.I):
        return _sentence(words.safety_net, language)
    kinds = [cue for cue in _KINDS[language].values() if re.search(cue, question, re.I)]
    fitting = [point for point in words.advice if any(re.search(cue, point, re.I) for cue in kinds)]
    fresh = [point for point in words.advice if point.rstrip(_ENDS) not in said]
    point = next(iter([*fitting, *fresh, *words.advice]))
    lead = "我建议您这样：" if language == "zh" else "My advice is this:"
    return speak([lead, _sentence(point, language)], language)


def _render(part: Conclusion, intake: IntakeCard, language: Language) -> str:
    words = condition_words(part.condition, language)
    pieces = [
        _emergency(intake, language) if part.emergency else "",
        _diagnosis(part, words, language),
        _considered(part.others, language),
        _advice(words, part.advice, language),
        _sentence(words.safety_net, language),
    ]
    return speak(pieces, language)


def _emergency(intake: IntakeCard, language: Language) -> str:
    who = patient_name(intake, language) if intake.caregiver else "您"
    if language == "zh":
        return f"请{'带' + who if intake.caregiver else who}现在就去急诊科，走不了就拨打120。"
    return "Please go to the emergency department right away, by ambulance if need be."


def _diagnosis(part: Conclusion, words: ConditionWords, language: Language) -> str:
    why = words.explanation.rstrip(_ENDS)
    if language == "zh":
        heard = f"从{'、'.join(part.reasons)}来看，" if part.reasons else ""
        return f"{heard}首先考虑是{words.name}" + (f"，{why}。" if part.explain else "。")
    heard = f" because of the {_list(part.reasons, 'and')}" if part.reasons else ""
    return f"This is most likely {words.name}{heard}." + (f" That means {why}." if part.explain else "")


def _considered(others: tuple[str, ...], language: Language) -> str:
    if not others:
        return ""
    return f"也要考虑{'和'.join(others)}。" if language == "zh" else f"I have also considered {_list(others, 'and')}."


def _advice(words: ConditionWords, points: int, language: Language) -> str:
    chosen = [point.rstrip(_ENDS) for point in words.advice[:points]]
    if language == "zh":
        return f"建议：{'；'.join(chosen)}。"
    return "I suggest the following. " + " ".join(capital(point) + "." for point in chosen)


def _sentence(text: str, language: Language) -> str:
    parts = sentences(text, language)
    joined = speak(parts, language) if parts else text
    return joined if joined[-1:] in "。.!！?？" else joined + ("。" if language == "zh" else ".")


def _list(names: tuple[str, ...], word: str) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" {word} {names[-1]}"
