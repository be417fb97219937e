"""What the embedded doctors promise while asking: limits, no memory, no repetition, both languages and speakers."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import acts, catalog
from agents.doctors.checklist import Checklist
from agents.doctors.findings_question import choose_findings
from agents.doctors.history_taker import HistoryTaker
from agents.doctors.interview import ASKING_LIMIT, spoken_size
from agents.doctors.one_shot import OneShot
from agents.doctors.options import DoctorOptions
from agents.doctors.scripted import ScriptedDoctor, ScriptedDoctorOptions
from agents.doctors.wording import patient_name, wording
from agents.knowledge.base import knowledge
from agents.knowledge.lexicon import lexicon
from agents.protocols import Doctor, DoctorView, IntakeCard
from scenarios.schema import BackendRef, Language, Utterance

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


@pytest.fixture(params=[HistoryTaker, Checklist, OneShot], ids=["history-taker", "checklist", "one-shot"])
def doctor(request: pytest.FixtureRequest) -> Doctor:
    return request.param(DoctorOptions())


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
        (
            "en",
            "I've had stomach pain for three days and it is getting worse.",
            ("when did this start", "better or worse"),
        ),
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
    names = {"en": ("any fever", "any cough,", "any cough or", "chest pain"), "zh": ("有没有发热", "胸痛")}[language]
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
    for words in {
        "en": ("start", "what else", "illnesses", "medicines"),
        "zh": ("什么时候", "还有哪里", "得过什么病", "吃什么药"),
    }[language]:
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


async def test_the_checklist_ticks_what_was_not_denied_and_one_shot_does_not_even_hear_denial() -> None:
    said, denied = "I have a cough and a runny nose", "I feel dizzy, I have no cough and no runny nose"
    form = [(await consult(Checklist(DoctorOptions()), [text], "en"))[-1].differential for text in (said, denied)]
    assert form[0] == ("common cold",) != form[1]
    hurried = [
        (await consult(OneShot(DoctorOptions()), [f"I have {word} cough and {word} runny nose"], "en"))[0].differential
        for word in ("a", "no")
    ]
    assert hurried[0] == hurried[1]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_history_taker_asks_only_for_what_leading_conditions_cause(language: Language) -> None:
    doctor, kb = taker(), knowledge()
    said = "I have a cough." if language == "en" else "我咳嗽。"
    view = DoctorView(language, IntakeCard(30, "male"), (Utterance("patient", said),), 2, 6, 1)
    now = doctor.assess(view)
    names = choose_findings(kb, lexicon(), view, now.evidence, now.chance, now.progress)
    leading = [kb.conditions[row] for row in now.order[:5]]
    assert names and all(any(n in c.findings or n in c.red_flags for c in leading) for n in names)


async def test_a_reason_never_sounds_like_another_diagnosis() -> None:
    said = ["我半年没来例假了，脸上长痘，胖了三十斤。"] + ["没有了。"] * 5
    closing = (await consult(taker(), said, "zh"))[-1].text
    assert "多囊卵巢综合征" in closing and "痤疮" not in closing.split("首先考虑是")[0]


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


texts = st.one_of(
    st.text(max_size=120), st.sampled_from(["没有", "No", "?", "…", "不不不", "n't", "'", "疼" * 90, "pain " * 60])
)


@pytest.mark.parametrize("make", [HistoryTaker, Checklist, OneShot])
@given(
    said=st.lists(texts, max_size=5),
    language=st.sampled_from(LANGUAGES),
    limit=st.integers(1, 7),
    age=st.none() | st.floats(0, 120),
    name=st.sampled_from(["", "my {x}", "孩子"]),
)
@settings(max_examples=40, deadline=None)
async def test_any_patient_gets_an_answer(
    make: Callable[[DoctorOptions], Doctor],
    said: list[str],
    language: Language,
    limit: int,
    age: float | None,
    name: str,
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


@pytest.mark.parametrize("doctor", [HistoryTaker, Checklist, OneShot])
def test_a_doctor_is_known_by_the_knowledge_it_brings(doctor: type[HistoryTaker | Checklist | OneShot]) -> None:
    """The fingerprint goes into every consultation's configuration hash."""
    assert doctor(DoctorOptions()).fingerprint == knowledge().fingerprint()
