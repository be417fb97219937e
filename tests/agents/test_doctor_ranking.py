"""The embedded doctors rank by what they do: on cases written here, against the embedded patient."""

from __future__ import annotations

from statistics import mean

import pytest

from agents.doctors.checklist import Checklist
from agents.doctors.history_taker import HistoryTaker
from agents.doctors.one_shot import OneShot
from agents.doctors.options import DoctorOptions
from agents.doctors.wording import wording
from agents.patients.agenda import AgendaPatient
from agents.patients.concepts import things
from agents.patients.questions import wording as question_wording
from agents.protocols import Doctor, DoctorView, IntakeCard, PatientView
from scenarios.schema import Case, Language, Persona, Turn


def fact(key: str, topic: str, text: str, disclosure: str = "asked") -> dict[str, object]:
    return {"id": key, "topic": topic, "text": text, "disclosure": disclosure, "critical": True}


def absent(key: str, name: str) -> dict[str, object]:
    return {"id": key, "name": name, "critical": True}


def case(
    key: str,
    language: str,
    age: float,
    sex: str,
    complaint: str,
    diagnosis: str,
    facts: list[object],
    absences: list[object],
    **more: object,
) -> Case:
    return Case.model_validate(
        {
            "id": key,
            "language": language,
            "chief_complaint": complaint,
            "facts": facts,
            "absences": absences,
            "demographics": {"age_years": age, "sex": sex},
            "diagnosis": {"name": diagnosis},
            "provenance": {"source": "written for this test"},
            **more,
        }
    )


CASES = [
    case(
        "pleurisy",
        "en",
        57,
        "male",
        "I've got a fever and a bad cough.",
        "community-acquired pneumonia",
        [
            fact("onset", "onset", "It started four days ago."),
            fact("phlegm", "quality", "I bring up rusty phlegm."),
            fact("chest", "provocation", "My chest hurts when I breathe in."),
            fact("chills", "associated", "I had shaking chills."),
            fact("smokes", "social_history", "I smoke twenty cigarettes a day.", "specific"),
            fact("sugar", "past_history", "I have diabetes."),
        ],
        [absent("no_blood", "coughing up blood"), absent("no_wheeze", "wheezing")],
    ),
    case(
        "kidney",
        "en",
        41,
        "male",
        "I have terrible pain in my side, doctor.",
        "kidney stones",
        [
            fact("onset", "onset", "It came on suddenly at five this morning."),
            fact("waves", "quality", "It comes in waves, a colicky pain."),
            fact("groin", "location", "It goes from the flank down to the groin."),
            fact("blood", "associated", "There is blood in my urine."),
            fact("sick", "associated", "I feel sick and I threw up once."),
            fact("before", "past_history", "I had a stone six years ago."),
        ],
        [absent("no_fever", "fever"), absent("no_burning", "burning when urinating")],
    ),
    case(
        "thyroid",
        "en",
        33,
        "female",
        "My heart has been racing lately.",
        "hyperthyroidism",
        [
            fact("onset", "onset", "It began about two months ago."),
            fact("weight", "general", "I lost seven kilos though I eat a lot."),
            fact("heat", "associated", "I can't stand the heat and I sweat all the time."),
            fact("tremor", "associated", "My hands are shaking, a fine tremor.", "specific"),
            fact("family", "family_history", "My aunt has a thyroid problem."),
            fact("sleep", "general", "I sleep badly."),
        ],
        [absent("no_pain", "chest pain"), absent("no_faint", "fainting")],
    ),
    case(
        "appendix",
        "zh",
        23,
        "male",
        "医生，我肚子疼得厉害。",
        "急性阑尾炎",
        [
            fact("onset", "onset", "昨天晚上开始疼的。"),
            fact("move", "location", "开始是肚脐周围疼，后来转到右下腹。"),
            fact("nausea", "associated", "有点恶心，吐了一次。"),
            fact("fever", "associated", "今天有点发烧。", "specific"),
            fact("walk", "provocation", "一走路就疼得更厉害。"),
            fact("past", "past_history", "以前没得过什么病。"),
        ],
        [absent("no_diarrhoea", "腹泻"), absent("no_urine", "尿痛")],
    ),
    case(
        "reflux",
        "zh",
        45,
        "male",
        "我最近老是烧心。",
        "胃食管反流病",
        [
            fact("onset", "onset", "有两个月了。"),
            fact("lying", "provocation", "吃完饭躺下就加重。"),
            fact("acid", "associated", "经常反酸，嘴里发苦。"),
            fact("drink", "social_history", "我爱喝酒，晚上吃得也多。"),
            fact("relief", "relief", "吃了胃药能好一点。"),
            fact("cough", "associated", "夜里有时候会咳嗽。", "specific"),
        ],
        [absent("no_black", "黑便"), absent("no_swallow", "吞咽困难"), absent("no_thin", "体重下降")],
    ),
    case(
        "croup",
        "zh",
        2,
        "male",
        "孩子从昨晚开始咳嗽，声音像小狗叫。",
        "急性喉炎",
        [
            fact("noise", "associated", "哭的时候吸气有声音。"),
            fact("night", "timing", "夜里更厉害。"),
            fact("hoarse", "associated", "嗓子哑了。", "specific"),
            fact("cold", "exposure", "前两天有点感冒流鼻涕，姐姐也感冒了。"),
            fact("vaccine", "development", "疫苗都按时打了。"),
            fact("fever", "associated", "有点低烧。"),
        ],
        [absent("no_drool", "流口水"), absent("no_choke", "呛到异物")],
        speaker={"kind": "caregiver", "relation": "妈妈", "calls_patient": "孩子"},
    ),
]


async def consult(doctor: Doctor, case: Case, max_turns: int = 6) -> tuple[list[Turn], set[str]]:
    patient, speaker = AgendaPatient(), case.speaker
    intake = IntakeCard(case.demographics.age_years, case.demographics.sex, speaker.relation, speaker.calls_patient)
    turns: list[Turn] = []
    for exchange in range(1, max_turns + 1):
        said = await patient.speak(PatientView(case, Persona(), tuple(turns), exchange, max_turns, 100 + exchange))
        turns.append(
            Turn(
                index=len(turns),
                exchange=exchange,
                role="patient",
                text=said.text,
                disclosed=said.disclosed,
                end=said.end,
            )
        )
        if said.end:
            break
        heard = tuple(turn.utterance() for turn in turns)
        reply = await doctor.reply(DoctorView(case.language, intake, heard, exchange, max_turns, 200 + exchange))
        turns.append(
            Turn(index=len(turns), exchange=exchange, role="doctor", text=reply.text, differential=reply.differential)
        )
    return turns, {item for turn in turns for item in turn.disclosed}


async def measure(doctor: Doctor) -> tuple[float, float]:
    coverage, right = [], []
    for one in CASES:
        turns, told = await consult(doctor, one)
        coverage.append(len(told & one.critical_ids) / len(one.critical_ids))
        concluded = [turn.differential[0] for turn in turns if turn.role == "doctor" and turn.differential]
        assert one.diagnosis is not None
        right.append(one.diagnosis.name == concluded[-1])
    return mean(coverage), mean(right)


async def test_history_taker_then_checklist_then_one_shot() -> None:
    options = DoctorOptions()
    taker, checklist, one_shot = [await measure(kind(options)) for kind in (HistoryTaker, Checklist, OneShot)]
    assert taker[0] > checklist[0] + 0.1 > one_shot[0] + 0.2, (taker, checklist, one_shot)
    assert taker[1] >= checklist[1] >= one_shot[1] and taker[1] > one_shot[1], (taker, checklist, one_shot)
    assert taker[0] > 0.7 and taker[1] > 0.8, taker


def understood(question: str, language: Language) -> bool:
    """Whether the embedded patient can tell what the question is about: a topic, a worry, or a thing named."""
    put = question_wording(question, language)
    return bool(put.topics or put.opinion or put.open or things(question, language))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "intake", [IntakeCard(30, "female"), IntakeCard(3, "male", "x", "y")], ids=["self", "caregiver"]
)
def test_no_doctor_is_ahead_because_only_its_wording_is_understood(language: Language, intake: IntakeCard) -> None:
    mark = "？" if language == "zh" else "?"
    asked = [part.words(language).to(intake, language) + mark for part in wording().parts]
    read_out = [item.to(intake, language) for item in wording().checklist[language]]
    assert not [question for question in asked + read_out if not understood(question, language)]


@pytest.mark.parametrize("one", CASES, ids=[c.id for c in CASES])
async def test_every_case_is_concluded_with_a_diagnosis(one: Case) -> None:
    turns, _ = await consult(HistoryTaker(DoctorOptions()), one)
    assert any(turn.differential and turn.role == "doctor" for turn in turns)
