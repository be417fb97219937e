"""What is heard counts as the complaint only where it is one: not a trigger, the past or somebody else's."""

from __future__ import annotations

import pytest

from agents.knowledge.lexicon import Lexicon, lexicon
from scenarios.schema import Language, Utterance


@pytest.fixture(scope="module")
def words() -> Lexicon:
    return lexicon()


NOT_A_COMPLAINT = [
    ("en", "Coughing or sneezing sets it right off.", "cough"),
    ("en", "It hurts when I cough.", "cough"),
    ("en", "I had asthma and a rash when I was little.", "rash"),
    ("en", "My boyfriend has a rash.", "rash"),
    ("en", "My mother had a headache when she was pregnant.", "headache"),
    ("en", "I've taken the pill for six years.", "chronic_months"),
    ("en", "I use it to knock myself out.", "loss_of_consciousness"),
    ("en", "My back locked up.", "constipation"),
    ("zh", "一咳嗽就疼。", "cough"),
    ("zh", "小时候起过湿疹。", "rash"),
    ("zh", "同屋的起疹子。", "rash"),
    ("zh", "我妈血糖高，天天打胰岛素。", "known_diabetes"),
]


@pytest.mark.parametrize(("language", "text", "finding"), NOT_A_COMPLAINT)
def test_triggers_the_past_others_and_habits_are_not_the_complaint(
    words: Lexicon, language: Language, text: str, finding: str
) -> None:
    assert (finding, "present") not in words.read(text, language)


SAID_OTHERWISE = [
    ("en", "There's a tight feeling in my chest.", "chest_tightness"),
    ("en", "I've got a burning pain at the top of my tummy.", "abdominal_pain"),
    ("en", "I couldn't hear a thing on that side.", "hearing_loss"),
    ("en", "The room spun round me.", "vertigo"),
    ("en", "I've had a rash since I was little and it is worse now.", "rash"),
    ("zh", "肚子一阵阵地疼。", "abdominal_pain"),
]


@pytest.mark.parametrize(("language", "text", "finding"), SAID_OTHERWISE)
def test_word_forms_lay_words_and_turned_order_are_heard(
    words: Lexicon, language: Language, text: str, finding: str
) -> None:
    assert (finding, "present") in words.read(text, language)


def test_chest_and_pain_of_different_things_are_not_chest_pain(words: Lexicon) -> None:
    assert ("chest_pain", "present") not in words.read("The pain is gone, my chest feels fine.", "en")


LIST_EN = "Have you had any fever, cough or rash?"


@pytest.mark.parametrize(
    ("language", "question", "answer", "absent"),
    [
        ("en", LIST_EN, "No, nothing like that, doctor.", {"fever", "cough", "rash"}),
        ("en", LIST_EN, "No, I haven't had any fever.", {"fever"}),
        ("zh", "有没有发热、咳嗽或者皮疹？", "都没有。", {"fever", "cough", "rash"}),
        ("zh", "有没有发热、咳嗽或者皮疹？", "没有的，我没发烧。", {"fever"}),
    ],
)
def test_a_no_with_an_object_of_its_own_denies_only_that(
    words: Lexicon, language: Language, question: str, answer: str, absent: set[str]
) -> None:
    heard = {mention.finding for mention in words.answer(question, answer, language) if mention.polarity == "absent"}
    assert heard & {"fever", "cough", "rash"} == absent


def test_what_was_told_is_taken_back_only_when_asked_for(words: Lexicon) -> None:
    itch = Utterance("patient", "我身上痒。")
    told = (itch, Utterance("doctor", "用过什么药？"), Utterance("patient", "抹了药就不痒。"))
    assert "itchy_skin" in words.evidence(told, "zh").present
    asked = (itch, Utterance("doctor", "现在身上痒吗？"), Utterance("patient", "现在不痒了。"))
    assert "itchy_skin" not in words.evidence(asked, "zh").present


def test_the_complaint_is_the_first_symptom_that_is_understood(words: Lexicon) -> None:
    dialogue = (
        Utterance("patient", "I feel peculiar, doctor."),
        Utterance("doctor", "What else have you noticed?"),
        Utterance("patient", "I have a cough."),
        Utterance("doctor", "What else?"),
        Utterance("patient", "I have a rash."),
    )
    assert words.evidence(dialogue, "en").chief == {"cough"}


@pytest.mark.parametrize(
    ("language", "answer", "lasting"),
    [
        ("en", "It began two days ago.", "absent"),
        ("en", "About fourteen months ago.", "present"),
        ("en", "I take tablets and have for four years. It came on yesterday.", "absent"),
        ("en", "Four days ago. Just the tablets, and I've had those for years.", "absent"),
        ("zh", "昨天早上。", "absent"),
        ("zh", "有一年多了。", "present"),
        ("zh", "三个月前。", "present"),
    ],
)
def test_the_answer_to_when_it_began_tells_a_short_course_from_a_long_one(
    words: Lexicon, language: Language, answer: str, lasting: str
) -> None:
    question = "When did this start?" if language == "en" else "这是什么时候开始的？"
    dialogue = (Utterance("patient", "..."), Utterance("doctor", question), Utterance("patient", answer))
    evidence = words.evidence(dialogue, language)
    assert "chronic_months" in (evidence.present if lasting == "present" else evidence.absent)


@pytest.mark.parametrize(
    ("language", "answer"), [("en", "About a month ago."), ("zh", "快一个月了。"), ("zh", "半个月了。")]
)
def test_weeks_are_neither_days_nor_months(words: Lexicon, language: Language, answer: str) -> None:
    evidence = words.evidence((Utterance("patient", answer),), language)
    assert "chronic_months" not in evidence.present | evidence.absent


def test_once_it_began_days_ago_what_has_lasted_for_years_is_something_else(words: Lexicon) -> None:
    told = ["It began four days ago.", "I take a tablet for my heart.", "I've been like that for years."]
    assert "chronic_months" in words.evidence([Utterance("patient", text) for text in told], "en").absent


def test_a_no_to_one_of_two_things_asked_leaves_the_other_open(words: Lexicon) -> None:
    heard = words.answer("Have you had any fever or rash?", "No, I haven't had any rash.", "en")
    assert ("rash", "absent") in heard and "fever" not in {mention.finding for mention in heard}


def test_what_is_never_experienced_may_be_a_list(words: Lexicon) -> None:
    assert ("known_hypertension", "absent") in words.read("我没磕碰过头、高血压。", "zh")
    assert ("known_hypertension", "present") in words.read("我没磕碰过头，有高血压。", "zh")


def test_a_tablet_of_somebody_else_tells_of_somebody_else(words: Lexicon) -> None:
    assert not words.read("One of my girlfriend's hay fever tablets gave me a calm afternoon.", "en")


@pytest.mark.parametrize(("language", "report"), [("en", "fever chart: not done."), ("zh", "发热监测：未做。")])
def test_a_test_that_was_not_done_shows_nothing(words: Lexicon, language: Language, report: str) -> None:
    assert not words.evidence((Utterance("examiner", report),), language).present
