"""Lines of realistic length for the voice benchmark: a doctor's protocol, patients that differ; measures nothing."""

from __future__ import annotations

import asyncio

from agents.protocols import DoctorReply, DoctorView, PatientReply, PatientView
from scenarios.identity import derive_seed
from scenarios.loader import library_cases
from scenarios.schema import Case, Language

PROTOCOL: dict[Language, tuple[str, ...]] = {
    "zh": (
        "您好，今天哪里不舒服？请把最难受的地方先告诉我。", "这种情况有多长时间了？是突然开始的，还是慢慢加重的？",
        "除了这个，还有没有发烧、咳嗽、恶心或者呕吐？", "以前得过什么病没有？有没有高血压、糖尿病或者心脏病？",
        "现在在吃什么药？对什么药物过敏吗？", "我考虑先查血常规和胸片，结果出来以后再决定用药，请多喝水，注意休息。",
    ),
    "en": (
        "Good morning, what brings you in today? Please start with what troubles you most.",
        "How long have you had it, and did it come on suddenly or little by little?",
        "Apart from that, have you had any fever, cough, nausea or vomiting?",
        "Have you had any illnesses before, such as high blood pressure, diabetes or heart disease?",
        "Which medicines do you take at the moment, and are you allergic to anything?",
        "I would like a blood count and a chest X-ray first; until then please rest and drink enough.",
    ),
}
_PARTS: dict[Language, tuple[tuple[str, ...], ...]] = {
    "zh": (
        ("大概从三天前开始，", "前天晚上起，", "差不多一个星期了，", "上个月开始，", "昨天早上起床后，"),
        ("肚子一阵一阵地疼，", "头疼得厉害，", "胸口闷闷的，", "咳嗽有白痰，", "嗓子干痛，", "心慌得很，"),
        ("晚上睡不好觉。", "吃东西也没有胃口。", "走几步路就喘。", "休息一下会好一点。", "体温最高38.5度。"),
    ),
    "en": (
        ("Since about three days ago ", "For almost a week now ", "Since last month ", "Ever since yesterday morning ",
         "For more than half a year ", "The night before last it began, and "),
        ("my stomach has been hurting on and off, ", "I have had a bad headache, ", "my chest feels tight, ",
         "I have been coughing up white phlegm, ", "my lower back aches, ", "my throat is dry and sore, "),
        ("and I cannot sleep at night.", "and I do not feel like eating.", "and I am out of breath after a few steps.",
         "but it gets better when I rest.", "and the tablets do not help.", "and my temperature went up to 38.5."),
    ),
}


def many_cases(count: int, language: str = "all") -> tuple[Case, ...]:
    """Return that many cases, each with a name, and so a voice, of its own."""
    known = library_cases(language)
    cases = [known[n % len(known)] for n in range(count)]
    return tuple(case.model_copy(update={"id": f"{case.id}-{n}"}) for n, case in enumerate(cases))


def patient_line(case: Case, number: int) -> str:
    """Return what this case's patient says at its n-th turn."""
    return _composed(case.language, derive_seed(0, case.id, number))


def _composed(language: Language, seed: int) -> str:
    words = ""
    for choices in _PARTS[language]:
        seed, index = divmod(seed, len(choices))
        words += choices[index]
    return words


class Teller:
    """A patient who waits, then says something of its own."""

    def __init__(self, wait_s: float) -> None:
        """Keep how long it waits."""
        self._wait_s = wait_s

    async def speak(self, view: PatientView) -> PatientReply:
        """Answer."""
        await asyncio.sleep(self._wait_s)
        return PatientReply(patient_line(view.case, len(view.turns) // 2))


class Asker:
    """A doctor who waits, then asks by protocol; ``distinct``: with words that nobody else is asked with."""

    def __init__(self, wait_s: float, *, distinct: bool) -> None:
        """Keep how it asks."""
        self._wait_s, self._distinct = wait_s, distinct

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Ask the question of this exchange."""
        await asyncio.sleep(self._wait_s)
        line = PROTOCOL[view.language][(view.exchange - 1) % len(PROTOCOL[view.language])]
        if not self._distinct:
            return DoctorReply(line)
        number = view.seed % 900_000 + 100_000
        return DoctorReply(f"第{number}号，{line}" if view.language == "zh" else f"Number {number}: {line}")
