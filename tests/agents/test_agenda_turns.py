"""What the embedded patient makes of a turn that asks several things, and how consultations differ."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.patients.denying import manner
from agents.patients.parts import parts
from agents.patients.phrasing import is_phrase
from agents.patients.retrieval import index_of
from agents.patients.text import limit, size
from scenarios.schema import Case, Language, Persona
from tests.agents import test_agenda_patient as agenda
from tests.agents.consulting import shipped_cases

EN, ZH, MOTHER, DAUGHTER = agenda.EN, agenda.ZH, agenda.MOTHER, agenda.DAUGHTER
talk, with_items, cases = agenda.talk, agenda.with_items, agenda.cases


@pytest.mark.parametrize(
    ("language", "sentence", "expected"),
    [
        ("en", "When did this start, and is it getting better or worse?", 2),
        ("en", "What is it like, what makes it worse or better, and how bad is it?", 3),
        ("en", "Any other illnesses in the past, what medicines do you take, and have you tried anything?", 3),
        ("en", "Have you had any fever, cough, chest pain or night sweats?", 1),
        ("en", "Does anyone in your family have heart trouble, any diabetes, or anything else?", 1),
        ("en", "When you climb stairs, does it get worse?", 1),
        ("en", "Thank you, when did it start?", 1),
        ("zh", "这是什么时候开始的，后来是加重了还是好些了？", 2),
        ("zh", "具体在哪个部位，有多厉害，怎么样能缓解？", 3),
        ("zh", "除了这个，还有哪里不舒服？", 1),
        ("zh", "爬楼的时候，会不会加重？", 1),
        ("zh", "有没有发烧、咳嗽，或者胸痛？", 1),
    ],
)
def test_a_sentence_is_taken_apart_into_its_questions(language: Language, sentence: str, expected: int) -> None:
    found = parts(sentence, language)
    assert len(found) == expected, found


class TestSeveralQuestions:
    @pytest.mark.parametrize(
        ("case", "line", "direct"),
        [
            (
                EN,
                "When did this start, and is it getting better or worse? What else have you noticed with it?",
                ["onset", "course"],
            ),
            (EN, "What else have you noticed? How bad is it, and where is it?", ["severity", "place"]),
            (EN, "What makes it better or worse, and how often does it come?", ["worse", "better", "timing"]),
            (ZH, "这是什么时候开始的，后来是加重了还是好些了？除了这个，还有哪里不舒服？", ["onset", "course"]),
            (ZH, "还有什么不舒服吗？具体在什么位置，有多严重？", ["place", "severity"]),
        ],
    )
    def test_direct_ones_come_first_each_with_its_own_fact(self, case: Case, line: str, direct: list[str]) -> None:
        for n in range(10):
            reply = talk(case, line, consultation=n)[1]
            assert set(reply.disclosed[: len(direct)]) == set(direct)
            assert size(reply.text, case.language) <= limit(case.language)

    def test_the_open_one_is_answered_after_them(self) -> None:
        replies = [talk(EN, "When did this start? What else have you noticed?", consultation=n)[1] for n in range(10)]
        assert all(reply.disclosed[0] == "onset" and len(reply.disclosed) > 1 for reply in replies)

    def test_what_is_unknown_is_said_once(self) -> None:
        line = "Any ringing in your ears? Do you keep pets? Have you had a cough? Have you been vaccinated?"
        for seed in range(10):
            reply = talk(EN, line, seed=seed)[1]
            assert len(is_phrase("unknown_thing", "en").findall(reply.text)) == 1

    @pytest.mark.parametrize("name", ["en-cardiology-01-greengrocer-hill"])
    def test_the_onset_of_a_shipped_case_is_told_when_asked(self, root: Path, name: str) -> None:
        case = next(c for c in shipped_cases(root) if c.id == name)
        line = "When did this start, and is it getting better or worse? What else have you noticed with it?"
        assert all("onset" in talk(case, line, consultation=n)[1].disclosed for n in range(5))


class TestRepeats:
    def test_at_most_one_a_turn(self) -> None:
        lines = ["When did it start? How bad is it? Where is it?"] * 2
        for seed in range(15):
            again = talk(EN, *lines, seed=seed)[2]
            assert len(is_phrase("told", "en").findall(again.text)) == 1 and not again.disclosed

    def test_none_where_something_new_answers_the_question(self) -> None:
        for n in range(10):
            replies = talk(EN, *["What past illnesses have you had?"] * 3, consultation=n)[1:]
            assert {i for reply in replies for i in reply.disclosed} == {"pressure", "appendix"}
            assert not any(reply.disclosed and is_phrase("told", "en").search(reply.text) for reply in replies)

    def test_none_in_a_turn_that_tells_enough_that_is_new(self) -> None:
        for seed in range(10):
            reply = talk(EN, "When did it start?", "When did it start? How bad is it? Where is it?", seed=seed)[2]
            assert set(reply.disclosed) == {"severity", "place"} and not is_phrase("told", "en").search(reply.text)

    def test_a_repeated_beginning_says_enough(self) -> None:
        case = with_items(
            EN, facts=[{"id": "r", "topic": "relief", "text": "I stop and lean on a wall, and it fades soon after."}]
        )
        for seed in range(5):
            assert "lean on a wall" in talk(case, *["What makes it better?"] * 2, seed=seed)[2].text


class TestNothingMore:
    @pytest.mark.parametrize(
        ("case", "line"), [(EN, "Is there anything else?"), (ZH, "还有什么不舒服吗？"), (EN, "Any other symptoms?")]
    )
    def test_is_said_only_when_no_asked_level_fact_is_left(self, case: Case, line: str) -> None:
        told: set[str] = set()
        expected = {f.id for f in case.facts if f.disclosure != "specific"}
        ended = False
        for reply in talk(case, *[line] * 16):
            told |= set(reply.disclosed)
            if is_phrase("nothing_more", case.language).search(reply.text):
                assert expected <= told
                ended = True
        assert ended

    def test_is_not_said_to_a_turn_that_also_asks_directly(self) -> None:
        for n in range(10):
            reply = talk(EN, "When did it start, and how bad is it? What else have you noticed?", consultation=n)[1]
            assert not is_phrase("nothing_more", "en").search(reply.text)


CHEST = {
    "chief_complaint": "I get a tight feeling in my chest on the hill.",
    "facts": [{"id": "hill", "topic": "provocation", "text": "My chest hurts whenever I walk up the hill."}],
    "absences": [
        {"id": "rest-pain", "name": "chest pain at rest"},
        {"id": "leg", "name": "swelling of both ankles"},
        {"id": "arm", "name": "pain going to the left arm"},
    ],
}


class TestNarrowAbsences:
    def test_do_not_deny_the_general_thing(self) -> None:
        reply = talk(with_items(EN, **CHEST), "Do you have any chest pain?")[1]
        assert reply.disclosed == ("hill",) and not re.search(r"\bno\b", reply.text, re.I)

    def test_a_kindred_feeling_counts_as_the_general_thing(self) -> None:
        case = with_items(EN, **CHEST | {"facts": []})
        reply = talk(case, "Any chest pain?")[1]
        assert reply.disclosed == () and "tight feeling in my chest" in reply.text

    def test_are_denied_by_their_full_name_when_spelt_out(self) -> None:
        reply = talk(with_items(EN, **CHEST), "Does the chest pain also come at rest?")[1]
        named = talk(with_items(EN, **CHEST), "Do you get chest pain at rest?")[1]
        assert named.disclosed == ("rest-pain",) and "chest pain at rest" in named.text
        assert "hill" not in named.disclosed and reply.text

    def test_are_denied_by_their_full_name_where_nothing_general_is_there(self) -> None:
        reply = talk(with_items(EN, **CHEST), "Any swelling of your ankles?")[1]
        assert reply.disclosed == ("leg",) and "swelling of both ankles" in reply.text


def test_absences_outside_the_dictionary_are_denied_within_a_list() -> None:
    absences = [{"id": "drool", "name": "drooling"}, {"id": "fever", "name": "fever"}]
    reply = talk(with_items(EN, absences=absences), "Any drooling, fever or cough?")[1]
    assert set(reply.disclosed) == {"drool", "fever"} and "cough" in reply.text


def test_specific_critical_facts_come_out_on_a_fitting_question(root: Path) -> None:
    shipped = {case.id: case for case in shipped_cases(root) if not case.provenance.knowledge_hash}
    specific = {
        (case.id, fact.id) for case in shipped.values() for fact in case.facts
        if fact.critical and fact.disclosure == "specific"
    }
    asked = [entry for entry in cases.SPECIFIC_QUESTIONS if entry[0] in shipped]
    assert {(case, fact) for case, fact, _ in asked} == specific
    silent = [(fact, line) for case, fact, line in asked if fact not in talk(shipped[case], line)[1].disclosed]
    assert len(silent) <= 0.1 * len(asked), silent


DENIALS = [
    ("plan or attempt to end my life", "associated", "Do you have any plan to end your life?"),
    ("hearing voices", "associated", "Have you been hearing voices?"),
    ("seeing things that aren't there", "associated", "Do you see things that aren't there?"),
    ("chance of being pregnant", "reproductive", "Is there a chance that you are pregnant?"),
    ("kidney stones before", "past_history", "Have you had kidney stones?"),
    ("medicine for nerves", "medications", "Do you take any medicine for nerves?"),
    ("a knock to the head", "exposure", "Did you knock your head?"),
    ("shaking hands in the family", "family_history", "Does anyone in the family have shaking hands?"),
]
STIFF = re.compile(
    r"\b(have|has|had|take|takes|taken) (plan|chance|knock)\b|any (hearing|seeing|a) |no (hearing|seeing)|"
    r"been (plan|knock|kidney|a)\b|\bany any\b|\bno a\b|never had any chance|before\b",
    re.I,
)


@pytest.mark.parametrize("speaker", ["self", "caregiver"])
@pytest.mark.parametrize(("name", "topic", "line"), DENIALS)
def test_denials_read_naturally(speaker: str, name: str, topic: str, line: str) -> None:
    who = {"kind": speaker, "relation": "daughter", "calls_patient": "my mother"}
    changed = with_items(
        EN, facts=[], demographics={"sex": "female"}, absences=[{"id": "x", "name": name, "topic": topic}],
        speaker=who if speaker == "caregiver" else {"kind": "self"},
    )
    for seed in range(12):
        reply = talk(changed, line, seed=seed)[1]
        assert reply.disclosed == ("x",) and not STIFF.search(reply.text), reply.text
        if speaker == "caregiver":
            assert re.search(r"\b(she|her)\b", reply.text, re.I) or topic == "family_history", reply.text


def test_every_shipped_absence_has_a_manner_and_keeps_its_name(root: Path) -> None:
    seen = {manner(item, c.language) for c in shipped_cases(root) for item in index_of(c).items if not item.present}
    assert {"no", "no_doing", "no_there", "no_ever"} <= seen


class TestTrials:
    def test_differ_in_what_comes_first_and_are_the_same_when_repeated(self) -> None:
        def order(case: Case, line: str, n: int) -> tuple[tuple[str, ...], ...]:
            return tuple(r.disclosed for r in talk(case, *[line] * 3, consultation=n))

        for case, line in ((EN, "Tell me more."), (ZH, "还有什么不舒服吗？")):
            assert len({order(case, line, n) for n in range(8)}) >= 5
            assert order(case, line, 3) == order(case, line, 3)

    def test_bring_now_one_fact_now_two(self) -> None:
        told = {len(talk(EN, "Tell me more.", consultation=n)[1].disclosed) for n in range(20)}
        assert told == {1, 2}

    def test_an_impatient_patient_tells_one_fact_whatever_the_trial(self) -> None:
        impatient = Persona(personality="impatient")
        line = "When did it start, and how bad is it? What else have you noticed?"
        assert all(len(talk(EN, line, persona=impatient, consultation=n)[1].disclosed) <= 1 for n in range(10))
