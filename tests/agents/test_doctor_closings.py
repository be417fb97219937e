"""What the embedded doctors promise at the end: a diagnosis with reasons, advice, a safety net, and a goodbye."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from agents import acts
from agents.doctors.checklist import Checklist
from agents.doctors.closing import CLOSING_LIMIT, Conclusion, close
from agents.doctors.history_taker import HistoryTaker
from agents.doctors.interview import spoken_size
from agents.doctors.options import DoctorOptions
from agents.knowledge.base import knowledge
from agents.protocols import DoctorView, IntakeCard
from scenarios.schema import Language, Utterance

_spec = importlib.util.spec_from_file_location("doctor_dialogues", Path(__file__).with_name("doctor_dialogues.py"))
assert _spec and _spec.loader
_shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shared)
ADULT, CHILD, HEADACHE, COUGH, LANGUAGES = (
    _shared.ADULT,
    _shared.CHILD,
    _shared.HEADACHE,
    _shared.COUGH,
    _shared.LANGUAGES,
)
consult, taker = _shared.consult, _shared.taker


@pytest.mark.parametrize("language", LANGUAGES)
async def test_closes_at_the_last_word_with_diagnosis_advice_and_safety_net(language: Language) -> None:
    last = (await consult(taker(), HEADACHE[language], language))[-1]
    assert acts.states_diagnosis(last.text, language) and acts.gives_advice(last.text, language), last.text
    assert acts.safety_net(last.text, language), last.text
    assert not acts.questions(last.text, language)
    assert last.differential[0] == {"zh": "偏头痛", "en": "migraine"}[language]
    assert last.differential[0] in last.text and len(set(last.differential)) == len(last.differential) >= 3
    assert spoken_size(last.text, language) <= CLOSING_LIMIT[language]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_gives_reasons_that_were_heard(language: Language) -> None:
    text = (await consult(taker(), HEADACHE[language], language))[-1].text
    assert {"zh": "来看，首先考虑是", "en": "because of the"}[language] in text
    assert any(
        word in text
        for word in {
            "zh": ["怕光", "畏光", "跳痛", "搏动", "恶心", "一侧", "偏侧"],
            "en": ["light", "throbbing", "nausea", "one-sided"],
        }[language]
    )


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_condition_can_be_closed_within_the_limit(language: Language) -> None:
    for condition in knowledge().conditions:
        for intake in (ADULT, CHILD[language]):
            full = Conclusion(condition, ("a" * 8,) * 3, ("b" * 8,) * 2, 3, True, condition.urgency == "emergency")
            text = close(full, intake, language)
            assert spoken_size(text, language) <= CLOSING_LIMIT[language], text
            assert acts.states_diagnosis(text, language), text
            assert acts.gives_advice(text, language), text
            assert acts.safety_net(text, language), text
            assert not acts.questions(text, language), text
            if condition.urgency == "emergency":
                assert acts.sends_to_emergency(text, language), text


@pytest.mark.parametrize(
    ("language", "lines", "age"),
    [
        (
            "en",
            ["I have crushing chest pain and it goes into my left arm.", "It began an hour ago, I'm in a cold sweat."],
            61,
        ),
        ("zh", ["我胸口像压了石头一样疼，还疼到左胳膊。", "一个小时前开始的，出冷汗。"], 61),
    ],
)
async def test_emergencies_are_sent_to_the_emergency_department_first(
    language: Language, lines: list[str], age: int
) -> None:
    last = (await consult(taker(), lines, language, IntakeCard(age, "male"), max_turns=3))[-1]
    assert acts.sends_to_emergency(acts.sentences(last.text, language)[0], language), last.text


@pytest.mark.parametrize(
    ("language", "complaint", "found", "nothing", "name"),
    [
        (
            "en",
            "I have a fever and a cough.",
            "Chest X-ray: right lower lobe pneumonia.",
            "Chest X-ray: no pneumonia.",
            "pneumonia",
        ),
        ("zh", "我发烧咳嗽。", "胸片：右下肺炎。", "胸片：未见肺炎。", "肺炎"),
    ],
)
async def test_what_examinations_report_is_weighed(
    language: Language, complaint: str, found: str, nothing: str, name: str
) -> None:
    leaders = []
    for report in (found, nothing):
        dialogue = (Utterance("patient", complaint), Utterance("doctor", "…"), Utterance("examiner", report))
        view = DoctorView(language, ADULT, (*dialogue, Utterance("patient", "...")), 6, 6, 1)
        leaders.append((await taker().reply(view)).differential[0])
    assert name in leaders[0] and name not in leaders[1]


@pytest.mark.parametrize(
    ("language", "invitation"),
    [
        ("zh", "那就这些了，医生您看是什么问题？"),
        ("zh", "我知道的都说了，医生您觉得是什么问题？"),
        ("zh", "情况就是这样，您看我这是怎么了？"),
        ("en", "That is everything, what do you think it is, doctor?"),
        ("en", "Now you know it all, what is it, doctor?"),
        ("en", "I think that's all, doctor, so what do you make of it?"),
    ],
)
@pytest.mark.parametrize("kind", [HistoryTaker, Checklist])
async def test_concludes_when_invited(
    kind: type[HistoryTaker] | type[Checklist], language: Language, invitation: str
) -> None:
    replies = await consult(kind(DoctorOptions()), [*HEADACHE[language][:2], invitation], language, max_turns=3)
    view = DoctorView(
        language,
        ADULT,
        (
            Utterance("patient", HEADACHE[language][0]),
            Utterance("doctor", replies[0].text),
            Utterance("patient", invitation),
        ),
        2,
        9,
        4,
    )
    text = (await kind(DoctorOptions()).reply(view)).text
    assert acts.states_diagnosis(text, language) and acts.gives_advice(text, language)


@pytest.mark.parametrize(
    ("language", "opening"),
    [("zh", "我头疼，医生您看这是什么问题？"), ("en", "My head hurts. What do you think it is?")],
)
async def test_an_opening_question_is_no_invitation(language: Language, opening: str) -> None:
    reply = await taker().reply(DoctorView(language, ADULT, (Utterance("patient", opening),), 1, 6, 1))
    assert acts.questions(reply.text, language) and not acts.states_diagnosis(reply.text, language)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_after_the_closing_it_answers_or_says_goodbye(language: Language) -> None:
    said = [
        *HEADACHE[language][:2],
        {"zh": "就这些了，您看是什么问题？", "en": "That's everything, what do you think it is?"}[language],
    ]
    for last, check in [
        ({"zh": "谢谢医生，再见。", "en": "Thank you, doctor, goodbye."}[language], acts.thanks),
        ({"zh": "这个病严重吗？", "en": "Is it serious, doctor?"}[language], acts.safety_net),
        ({"zh": "要吃什么药吗？", "en": "Should I take any medicine?"}[language], acts.gives_advice),
    ]:
        replies = await consult(taker(), [*said, last], language, max_turns=4)
        assert acts.states_diagnosis(replies[2].text, language)
        assert check(replies[3].text, language), replies[3].text
        assert not acts.questions(replies[3].text, language)
