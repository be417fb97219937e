"""What the embedded doctors promise: limits, no memory, no repetition, a safe closing, both languages and speakers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import acts, catalog
from agents.doctors.checklist import Checklist
from agents.doctors.closing import CLOSING_LIMIT
from agents.doctors.history_taker import HistoryTaker
from agents.doctors.interview import ASKING_LIMIT, spoken_size
from agents.doctors.one_shot import OneShot
from agents.doctors.options import DoctorOptions
from agents.doctors.scripted import ScriptedDoctor, ScriptedDoctorOptions
from agents.doctors.wording import patient_name, wording
from agents.knowledge.base import knowledge
from agents.protocols import Doctor, DoctorReply, DoctorView, IntakeCard
from scenarios.schema import BackendRef, Language, Utterance

ADULT, CHILD = IntakeCard(34, "female"), {
    "zh": IntakeCard(2, "male", "妈妈", "我儿子"), "en": IntakeCard(2, "male", "mother", "my son"),
}
HEADACHE: dict[str, list[str]] = {
    "en": [
        "Hello doctor, I have a terrible headache.", "It started this morning. The light hurts my eyes and I feel sick.",
        "It is on one side and throbbing. No fever.", "I had the same a few months ago. I take no medicines.", "No.",
        "My mother has migraines. I'm a teacher.", "I don't know.", "Nothing else.",
    ],
    "zh": [
        "医生您好，我头疼得厉害。", "今天早上开始的，怕光，还恶心。", "一边疼，一跳一跳的，没有发烧。", "几个月前也这样过，不吃什么药。", "没有。",
        "我妈妈有偏头痛，我是老师。", "不知道。", "没有别的了。",
    ],
}
COUGH = {
    "en": ["My son has had a barking cough since last night.", "He makes a harsh noise breathing in.", "It's worse at night.", "No.", "He is vaccinated.", "No."],
    "zh": ["孩子昨晚开始咳嗽，像小狗叫一样。", "吸气的时候有声音。", "晚上更厉害。", "没有。", "疫苗都打了。", "没有。"],
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


@pytest.fixture(params=[HistoryTaker, Checklist, OneShot], ids=["history-taker", "checklist", "one-shot"])
def doctor(request: pytest.FixtureRequest) -> Doctor:
    return request.param(DoctorOptions())


def taker(**options: object) -> HistoryTaker:
    return HistoryTaker(DoctorOptions.model_validate(options))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("card", ["self", "caregiver"])
async def test_asking_turns_are_short_and_hold_two_questions(language: Language, card: str) -> None:
    intake, lines = (ADULT, HEADACHE) if card == "self" else (CHILD[language], COUGH)
    replies = await consult(taker(), lines[language], language, intake)
    for reply in replies[:-1]:
        assert spoken_size(reply.text, language) <= ASKING_LIMIT[language], reply.text
        assert 1 <= len(acts.questions(reply.text, language)) <= 2, reply.text
        assert not acts.states_diagnosis(reply.text, language)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_one_question_a_turn_when_asked_for(language: Language) -> None:
    for reply in (await consult(taker(questions_per_turn=1), HEADACHE[language], language, max_turns=9))[:5]:
        assert len(acts.questions(reply.text, language)) == 1, reply.text


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
    assert any(word in text for word in {"zh": ["怕光", "畏光", "跳痛", "搏动", "恶心", "一侧", "偏侧"], "en": ["light", "throbbing", "nausea", "one-sided"]}[language])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_condition_can_be_closed_within_the_limit(language: Language) -> None:
    from agents.doctors.closing import Conclusion, close

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
        ("en", ["I have crushing chest pain and it goes into my left arm.", "It began an hour ago, I'm in a cold sweat."], 61),
        ("zh", ["我胸口像压了石头一样疼，还疼到左胳膊。", "一个小时前开始的，出冷汗。"], 61),
    ],
)
async def test_emergencies_are_sent_to_the_emergency_department_first(language: Language, lines: list[str], age: int) -> None:
    last = (await consult(taker(), lines, language, IntakeCard(age, "male"), max_turns=3))[-1]
    assert acts.sends_to_emergency(acts.sentences(last.text, language)[0], language), last.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("card", ["self", "caregiver"])
async def test_never_asks_the_same_twice(language: Language, card: str) -> None:
    intake, lines = (ADULT, HEADACHE) if card == "self" else (CHILD[language], COUGH)
    replies = await consult(taker(), lines[language], language, intake, max_turns=15)
    asked = [question for reply in replies for question in acts.questions(reply.text, language)]
    assert len(asked) == len(set(asked)) and len(asked) >= 8
    for part in wording().parts:
        spoken = part.words(language).to(intake, language).casefold()
        assert sum(spoken in reply.text.casefold() for reply in replies) <= 1, spoken


@pytest.mark.parametrize(
    ("language", "opening", "unasked"),
    [
        ("en", "I've had stomach pain for three days and it is getting worse.", ("when did this start", "better or worse")),
        ("zh", "我肚子疼三天了，越来越疼。", ("什么时候开始", "加重了还是")),
    ],
)
async def test_what_was_told_is_not_asked(language: Language, opening: str, unasked: tuple[str, ...]) -> None:
    for reply in await consult(taker(), [opening, "No." if language == "en" else "没有。"], language):
        assert not any(words in reply.text.lower() for words in unasked), reply.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_denied_or_told_findings_are_not_asked(language: Language) -> None:
    lines = {"en": ["I have a cough and a fever, no chest pain."], "zh": ["我咳嗽、发烧，没有胸痛。"]}[language]
    lines += {"en": ["I don't know."], "zh": ["不清楚。"]}[language]
    names = {"en": ("any fever", " cough,", "chest pain"), "zh": ("有没有发热", "胸痛")}[language]
    for reply in (await consult(taker(), lines, language))[:-1]:
        assert not any(name in reply.text for name in names), reply.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_covers_history_exposures_and_reproduction_where_they_matter(language: Language) -> None:
    belly = {"en": "My lower belly hurts.", "zh": "我小肚子疼。"}[language]
    nothing = {"en": "I don't know.", "zh": "不清楚。"}[language]
    woman = " ".join(r.text for r in await consult(taker(), [belly, nothing], language, IntakeCard(26, "female")))
    man = " ".join(r.text for r in await consult(taker(), [belly, nothing], language, IntakeCard(26, "male")))
    period = {"en": "last period", "zh": "末次月经"}[language]
    assert period in woman and period not in man
    for words in {"en": ("start", "what else", "illnesses", "medicines"), "zh": ("什么时候", "还有哪里", "得过什么病", "吃什么药")}[language]:
        assert words.lower() in man.lower()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_asks_a_childs_caregiver_about_the_child(language: Language) -> None:
    replies = await consult(taker(), COUGH[language], language, CHILD[language])
    text = " ".join(reply.text for reply in replies[:-1])
    assert {"en": "your son", "zh": "您儿子"}[language] in text
    assert {"en": "vaccin", "zh": "疫苗"}[language] in text
    assert {"en": "smoke", "zh": "抽烟"}[language] not in text
    assert "{" not in text
    if language == "en":
        assert "my son" not in text.lower()


def test_patients_are_named_from_the_doctors_side() -> None:
    assert patient_name(IntakeCard(3, "male", "妈妈", "我家宝宝"), "zh") == "您家宝宝"
    assert patient_name(IntakeCard(80, "male", "daughter", "my father"), "en") == "your father"
    assert patient_name(IntakeCard(80, "male", "daughter", ""), "en") == "the patient"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_requests_examinations_once_and_along_with_questions(language: Language) -> None:
    replies = await consult(taker(), HEADACHE[language], language, max_turns=8)
    asking = [reply for reply in replies if reply.requests]
    assert len(asking) == 1 and 1 <= len(asking[0].requests) <= 2
    assert all(name in asking[0].text for name in asking[0].requests)
    assert acts.questions(asking[0].text, language)
    silent = await consult(taker(requests_per_visit=0), HEADACHE[language], language)
    assert not any(reply.requests for reply in silent)


@pytest.mark.parametrize(
    ("language", "invitation"),
    [
        ("zh", "那就这些了，医生您看是什么问题？"), ("zh", "我知道的都说了，医生您觉得是什么问题？"), ("zh", "情况就是这样，您看我这是怎么了？"),
        ("en", "That is everything, what do you think it is, doctor?"), ("en", "Now you know it all, what is it, doctor?"),
        ("en", "I think that's all, doctor, so what do you make of it?"),
    ],
)
@pytest.mark.parametrize("kind", [HistoryTaker, Checklist])
async def test_concludes_when_invited(kind: type[HistoryTaker] | type[Checklist], language: Language, invitation: str) -> None:
    replies = await consult(kind(DoctorOptions()), [*HEADACHE[language][:2], invitation], language, max_turns=3)
    view = DoctorView(language, ADULT, (
        Utterance("patient", HEADACHE[language][0]), Utterance("doctor", replies[0].text), Utterance("patient", invitation),
    ), 2, 9, 4)
    text = (await kind(DoctorOptions()).reply(view)).text
    assert acts.states_diagnosis(text, language) and acts.gives_advice(text, language)


@pytest.mark.parametrize(("language", "opening"), [("zh", "我头疼，医生您看这是什么问题？"), ("en", "My head hurts. What do you think it is?")])
async def test_an_opening_question_is_no_invitation(language: Language, opening: str) -> None:
    reply = await taker().reply(DoctorView(language, ADULT, (Utterance("patient", opening),), 1, 6, 1))
    assert acts.questions(reply.text, language) and not acts.states_diagnosis(reply.text, language)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_after_the_closing_it_answers_or_says_goodbye(language: Language) -> None:
    said = [*HEADACHE[language][:2], {"zh": "就这些了，您看是什么问题？", "en": "That's everything, what do you think it is?"}[language]]
    for last, check in [
        ({"zh": "谢谢医生，再见。", "en": "Thank you, doctor, goodbye."}[language], acts.thanks),
        ({"zh": "这个病严重吗？", "en": "Is it serious, doctor?"}[language], acts.safety_net),
        ({"zh": "要吃什么药吗？", "en": "Should I take any medicine?"}[language], acts.gives_advice),
    ]:
        replies = await consult(taker(), [*said, last], language, max_turns=4)
        assert acts.states_diagnosis(replies[2].text, language)
        assert check(replies[3].text, language), replies[3].text
        assert not acts.questions(replies[3].text, language)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_repeats_a_question_that_was_not_heard(language: Language) -> None:
    lost = {"zh": "不好意思，我没听明白，您再说一遍？", "en": "Sorry, could you say that again?"}[language]
    replies = await consult(taker(), [HEADACHE[language][0], lost, HEADACHE[language][1]], language)
    onset = {"zh": "什么时候开始", "en": "hen did this start"}[language]
    assert onset in replies[0].text and onset in replies[1].text and onset not in replies[2].text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_keeps_nothing_between_calls(doctor: Doctor, language: Language) -> None:
    first = await consult(doctor, HEADACHE[language], language)
    await consult(doctor, COUGH[language], language, CHILD[language], seed=99)
    assert await consult(doctor, HEADACHE[language], language) == first
    assert await consult(type(doctor)(DoctorOptions()), HEADACHE[language], language) == first  # type: ignore[call-arg]


async def test_the_seed_changes_manner_only() -> None:
    variants = [await consult(taker(), HEADACHE["en"], "en", seed=seed) for seed in range(0, 200, 20)]
    assert len({tuple(reply.text for reply in replies) for replies in variants}) > 1
    assert len({replies[-1].text for replies in variants}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_checklist_reads_its_items_whatever_was_said(language: Language) -> None:
    one = await consult(Checklist(DoctorOptions()), HEADACHE[language], language)
    other = await consult(Checklist(DoctorOptions()), ["..."] * 6, language)
    assert [r.text for r in one[:-1]] == [r.text for r in other[:-1]]
    assert acts.states_diagnosis(one[-1].text, language) and acts.gives_advice(one[-1].text, language)
    assert not acts.safety_net(one[-1].text, language) and not any(reply.requests for reply in one)


async def test_the_checklist_counts_words_without_understanding_denial() -> None:
    said = "I have a cough and I feel tired"
    denied = "I have no cough and I don't feel tired"
    replies = [(await consult(Checklist(DoctorOptions()), [text], "en"))[-1].differential for text in (said, denied)]
    assert replies[0] == replies[1]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_one_shot_answers_at_once_and_asks_nothing(language: Language) -> None:
    replies = await consult(OneShot(DoctorOptions()), HEADACHE[language], language, max_turns=3)
    assert acts.states_diagnosis(replies[0].text, language) and acts.gives_advice(replies[0].text, language)
    assert not any(acts.questions(reply.text, language) for reply in replies)


async def test_the_scripted_doctor_says_its_lines() -> None:
    options = ScriptedDoctorOptions(lines=("One?", "Two."), requests=((), ("ECG",)))
    replies = await consult(ScriptedDoctor(options), ["x"], "en", max_turns=3)
    assert [reply.text for reply in replies] == ["One?", "Two.", "Two."]
    assert [reply.requests for reply in replies] == [(), ("ECG",), ()]


def test_the_catalogue_makes_all_four() -> None:
    for name in ("history-taker", "checklist", "one-shot"):
        assert catalog.create("doctor", BackendRef(backend=name))
    assert catalog.create("doctor", BackendRef.model_validate({"backend": "scripted-doctor", "lines": ["Hm."]}))


texts = st.one_of(st.text(max_size=120), st.sampled_from(["没有", "No", "?", "…", "不不不", "n't", "'", "疼" * 90, "pain " * 60]))


@pytest.mark.parametrize("make", [HistoryTaker, Checklist, OneShot])
@given(said=st.lists(texts, max_size=5), language=st.sampled_from(LANGUAGES), limit=st.integers(1, 7), age=st.none() | st.floats(0, 120), name=st.sampled_from(["", "my {x}", "孩子"]))
@settings(max_examples=40, deadline=None)
async def test_any_patient_gets_an_answer(
    make: Callable[[DoctorOptions], Doctor], said: list[str], language: Language, limit: int, age: float | None, name: str
) -> None:
    dialogue = [turn for text in said for turn in (Utterance("patient", text), Utterance("doctor", text))][:-1]
    intake = IntakeCard(age, "unknown", "x" if name else "", name)
    exchange = min(max(1, len(said)), limit)
    reply = await make(DoctorOptions()).reply(DoctorView(language, intake, tuple(dialogue), exchange, limit, 3))
    assert reply.text.strip()


async def test_a_turn_takes_a_few_milliseconds() -> None:
    doctor = taker()
    await consult(doctor, HEADACHE["zh"], "zh")
    spent = []
    for language in LANGUAGES:
        for seed in range(5):
            begin = time.perf_counter()
            await consult(doctor, HEADACHE[language], language, seed=seed)
            spent.append((time.perf_counter() - begin) / 6)
    assert mean(spent) < 0.1, "about five milliseconds on an idle core"


def test_views_are_left_as_they_are() -> None:
    view = DoctorView("en", ADULT, (Utterance("patient", "I cough."),), 1, 6, 1)
    assert replace(view) == view
