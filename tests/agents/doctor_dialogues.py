"""Dialogues that the doctors' tests share, and the loop that plays them; it judges nothing."""

from __future__ import annotations

from agents.doctors.history_taker import HistoryTaker
from agents.doctors.options import DoctorOptions
from agents.protocols import Doctor, DoctorReply, DoctorView, IntakeCard
from scenarios.schema import Language, Utterance

ADULT, CHILD = (
    IntakeCard(34, "female"),
    {
        "zh": IntakeCard(2, "male", "妈妈", "我儿子"),
        "en": IntakeCard(2, "male", "mother", "my son"),
    },
)
HEADACHE: dict[str, list[str]] = {
    "en": [
        "Hello doctor, I have a terrible headache.",
        "It started this morning. The light hurts my eyes and I feel sick.",
        "It is on one side and throbbing. No fever.",
        "I had the same a few months ago. I take no medicines.",
        "No.",
        "My mother has migraines. I'm a teacher.",
        "I don't know.",
        "Nothing else.",
    ],
    "zh": [
        "医生您好，我头疼得厉害。",
        "今天早上开始的，怕光，还恶心。",
        "一边疼，一跳一跳的，没有发烧。",
        "几个月前也这样过，不吃什么药。",
        "没有。",
        "我妈妈有偏头痛，我是老师。",
        "不知道。",
        "没有别的了。",
    ],
}
COUGH = {
    "en": [
        "My son has had a barking cough since last night.",
        "He makes a harsh noise breathing in.",
        "It's worse at night.",
        "No.",
        "He is vaccinated.",
        "No.",
    ],
    "zh": [
        "孩子昨晚开始咳嗽，像小狗叫一样。",
        "吸气的时候有声音。",
        "晚上更厉害。",
        "没有。",
        "疫苗都打了。",
        "没有。",
    ],
}
LANGUAGES: tuple[Language, ...] = ("zh", "en")


async def consult(
    doctor: Doctor, lines: list[str], language: Language, intake: IntakeCard = ADULT, max_turns: int = 6, seed: int = 1
) -> list[DoctorReply]:
    dialogue: list[Utterance] = []
    replies = []
    for exchange in range(1, max_turns + 1):
        dialogue.append(Utterance("patient", lines[min(exchange, len(lines)) - 1]))
        view = DoctorView(language, intake, tuple(dialogue), exchange, max_turns, seed + exchange)
        replies.append(await doctor.reply(view))
        dialogue.append(Utterance("doctor", replies[-1].text))
    return replies


def taker(**options: object) -> HistoryTaker:
    return HistoryTaker(DoctorOptions.model_validate(options))
