"""English notes come out as the speaker would say them; ages, sexes and denials are read where they stand."""

from __future__ import annotations

import pytest

from scenarios.importers.demographics import age_en, age_zh, sex_en, sex_zh, speaker_for
from scenarios.importers.diagnosis import masked, mentions, names_of
from scenarios.importers.negation import split_en, split_zh
from scenarios.importers.topics import disclosure_of, topic_of
from scenarios.importers.wording_en import Voice, spoken
from scenarios.importers.wording_zh import opening_zh, spoken_zh
from scenarios.schema import Demographics, Speaker

HER = Voice(True, "female")
HIM = Voice(True, "male")
DAUGHTER = Voice(False, "female", "my daughter", "mother")
SON = Voice(False, "male", "my son", "mother")
BABY = Voice(False, "unknown", "my baby", "mother")
HUSBAND = Voice(False, "male", "my husband", "wife")

TABLE = [
    (
        HER,
        "history",
        "The patient reports a 1-month history of double vision (diplopia).",
        "I've had double vision for about a month.",
    ),
    (
        HER,
        "history",
        "She notes that these symptoms tend to worsen after physical activity.",
        "I've noticed that these symptoms get worse after physical activity.",
    ),
    (
        HIM,
        "history",
        "He reports a 3-week history of headache, nausea, and worsening vision.",
        "For 3 weeks I've had headache, nausea, and worsening vision.",
    ),
    (HIM, "history", "The patient complains of chest pain.", "I have chest pain."),
    (HER, "history", "The patient presents with a 2-day history of fever.", "I've had fever for 2 days."),
    (
        HIM,
        "history",
        "He presents to the emergency department with shortness of breath.",
        "I have shortness of breath.",
    ),
    (
        HIM,
        "history",
        "He has a history of type 2 diabetes mellitus and hypertension.",
        "I have a history of type 2 diabetes mellitus and high blood pressure.",
    ),
    (HER, "history", "She has been on natalizumab for the past year.", "I've been on natalizumab for the past year."),
    (
        HER,
        "history",
        "The patient reports experiencing vaginal bleeding for the past hour.",
        "I've been having vaginal bleeding for the past hour.",
    ),
    (HIM, "history", "He mentions that the pain began two days ago.", "The pain began two days ago."),
    (HIM, "history", "The patient recalls attending a wedding last week.", "I remember attending a wedding last week."),
    (HER, "history", "She takes metformin and lisinopril.", "I take metformin and lisinopril."),
    (HER, "history", "The patient reports noticing a lump in her neck.", "I've noticed a lump in my neck."),
    (HIM, "history", "His wife found him on the floor.", "My wife found me on the floor."),
    (HER, "history", "The pain wakes her at night.", "The pain wakes me at night."),
    (HER, "history", "Her mother has a history of asthma.", "My mother has a history of asthma."),
    (HIM, "history", "The patient admits to drinking heavily.", "I admit to drinking heavily."),
    (HIM, "history", "He often feels tired and takes naps.", "I often feel tired and take naps."),
    (
        HIM,
        "history",
        "The patient was brought to the emergency department by his wife because of severe headache.",
        "I have severe headache.",
    ),
    (HER, "history", "She describes the pain as burning.", "I would describe the pain as burning."),
    (HER, "history", "She believes that her diet is the cause.", "I believe my diet is the cause."),
    (HIM, "social", "Non-smoker", "I don't smoke."),
    (HIM, "social", "Works as a graphic designer.", "I work as a graphic designer."),
    (HER, "social", "Retired school teacher.", "I'm a retired school teacher."),
    (HIM, "social", "Drinks alcohol socially.", "I drink alcohol socially."),
    (HIM, "social", "Occasional alcohol use", "I drink alcohol occasionally."),
    (HER, "social", "Lives with her husband.", "I live with my husband."),
    (HIM, "social", "Smokes 1 pack of cigarettes daily.", "I smoke 1 pack of cigarettes daily."),
    (
        HIM,
        "past",
        "Type 2 diabetes mellitus, hypertension",
        "I have a history of type 2 diabetes mellitus and high blood pressure.",
    ),
    (HER, "past", "Diagnosed with asthma two years ago.", "I was diagnosed with asthma two years ago."),
    (HER, "past", "Underwent a cesarean section in 2015.", "I underwent a cesarean section in 2015."),
    (HIM, "medications", "Efavirenz, Tenofovir, Azithromycin", "I take efavirenz, tenofovir and azithromycin."),
    (HER, "symptom", "Double vision", "I have double vision."),
    (HIM, "symptom", "Skin lesion on the chest", "I have a skin lesion on the chest."),
    (HIM, "symptom", "Episode of loss of consciousness", "I had an episode of loss of consciousness."),
    (HIM, "symptom", "Inability to flex the finger", "I can't flex the finger."),
    (HIM, "symptom", "Lesion has increased in size", "The lesion has increased in size."),
    (HER, "symptom", "Pain worsens with movement", "The pain gets worse with movement."),
    (
        DAUGHTER,
        "history",
        "Her mother reports that she has been vomiting since yesterday.",
        "She has been vomiting since yesterday.",
    ),
    (DAUGHTER, "history", "The patient's mother noticed swelling of the knee.", "I've noticed swelling of the knee."),
    (SON, "history", "The infant was born at 39 weeks.", "My son was born at 39 weeks."),
    (SON, "social", "Lives with parents and one sibling.", "My son lives with us and one sibling."),
    (DAUGHTER, "symptom", "Pruritic rash", "My daughter has an itchy rash."),
    (BABY, "history", "The mother had gestational diabetes.", "I had gestational diabetes."),
    (HUSBAND, "history", "He regained consciousness after 30 seconds.", "He regained consciousness after 30 seconds."),
]


@pytest.mark.parametrize(("voice", "section", "noted", "said"), TABLE, ids=[row[2][:40] for row in TABLE])
def test_a_note_is_reworded_as_speech(voice: Voice, section: str, noted: str, said: str) -> None:
    assert spoken(noted, voice, section) == said


@pytest.mark.parametrize(
    ("text", "age", "sex"),
    [
        ("35-year-old female", 35.0, "female"),
        ("3-week-old", 0.0575, "unknown"),
        ("6 months old", 0.5, "unknown"),
        ("18-month-old boy", 1.5, "male"),
        ("2-day-old male infant", 0.0055, "male"),
        ("Newborn, female", 0.0, "female"),
        ("70-year-old man accompanied by his wife", 70.0, "male"),
        ("32-year-old woman, gravida 2", 32.0, "female"),
        ("I'm thirty-five years old", 35.0, "unknown"),
        ("nineteen years old", 19.0, "unknown"),
        ("feels well", None, "unknown"),
    ],
)
def test_english_age_and_sex(text: str, age: float | None, sex: str) -> None:
    assert (age_en(text), sex_en(text)) == (age, sex)


@pytest.mark.parametrize(
    ("text", "bare", "age", "sex"),
    [
        ("女，34岁", False, 34.0, "female"),
        ("男，六十五岁", False, 65.0, "male"),
        ("宝宝8个月了，一直咳嗽", False, 0.6667, "unknown"),
        ("男，8个月", True, 0.6667, "male"),
        ("女儿两岁半", False, 2.5, "female"),
        ("咳嗽8个月了", False, None, "unknown"),
        ("我10岁时得过肺炎", False, None, "unknown"),
    ],
)
def test_chinese_age_and_sex(text: str, bare: bool, age: float | None, sex: str) -> None:
    assert (age_zh(text, bare=bare), sex_zh(text)) == (age, sex)


def test_children_under_twelve_come_with_a_parent() -> None:
    young, grown = Demographics(age_years=11, sex="male"), Demographics(age_years=12, sex="male")
    assert speaker_for(young, "en") == Speaker(kind="caregiver", relation="mother", calls_patient="my son")
    assert speaker_for(young, "zh").relation == "妈妈"
    assert speaker_for(grown, "en").kind == "self"


@pytest.mark.parametrize(
    ("sentence", "absent", "rest"),
    [
        (
            "Patient denies experiencing any chest pain, palpitations, or recent infections.",
            ("chest pain", "palpitations", "infections"),
            "",
        ),
        ("No fever, no vomiting, no blood in stool.", ("fever", "vomiting", "blood in stool"), ""),
        ("He has a cough but denies chills or night sweats.", ("chills", "night sweats"), "He has a cough"),
        ("Denies changes in bowel or urinary habits.", ("changes in bowel habits", "changes in urinary habits"), ""),
        ("No skin or nipple changes", ("skin changes", "nipple changes"), ""),
        ("Negative for dizziness", ("dizziness",), ""),
        ("The pain began yesterday.", (), "The pain began yesterday"),
    ],
)
def test_english_denials_become_single_names(sentence: str, absent: tuple[str, ...], rest: str) -> None:
    assert split_en(sentence) == (absent, rest)


@pytest.mark.parametrize(
    ("sentence", "absent", "rest"),
    [
        ("否认发热、胸痛及咯血", ("发热", "胸痛", "咯血"), ""),
        ("咳嗽3天，无发热、气促", ("发热", "气促"), "咳嗽3天"),
        ("否认高血压、糖尿病病史", ("高血压", "糖尿病"), ""),
        ("没有什么办法", (), "没有什么办法"),
        ("肚子疼", (), "肚子疼"),
    ],
)
def test_chinese_denials_become_single_names(sentence: str, absent: tuple[str, ...], rest: str) -> None:
    split = split_zh(sentence)
    assert split.absent == absent
    assert split.rest == rest


@pytest.mark.parametrize(
    ("written", "name", "alias"),
    [
        ("Benign Paroxysmal Positional Vertigo (BPPV)", "Benign Paroxysmal Positional Vertigo", "BPPV"),
        ("Acute interstitial nephritis", "Acute interstitial nephritis", "interstitial nephritis"),
        ("Phyllodes tumor", "Phyllodes tumor", "Phyllodes tumour"),
        ("Hemorrhoids", "Hemorrhoids", "Haemorrhoids"),
        ("Hirschsprung’s disease", "Hirschsprung's disease", "Hirschsprung disease"),
        ("急性阑尾炎", "急性阑尾炎", "阑尾炎"),
        ("Irritable Bowel Syndrome", "Irritable Bowel Syndrome", "IBS"),
    ],
)
def test_a_diagnosis_gets_its_other_names(written: str, name: str, alias: str) -> None:
    made, aliases = names_of(written)
    assert made == name
    assert alias in aliases


def test_erythema_is_not_taken_for_blood() -> None:
    assert names_of("Erythema migrans")[1] == ()


def test_the_diagnosis_is_found_and_masked() -> None:
    assert mentions("I was told it was tuberculosis.", ["Tuberculosis"])
    assert not mentions("the fluid", ["flu"])
    assert masked("I have a hemophilia.", ["Hemophilia"], "en") == "I have this problem."


@pytest.mark.parametrize(
    ("text", "language", "topic", "level"),
    [
        ("I have a family history of cancer.", "en", "family_history", "asked"),
        ("I smoke 1 pack a day.", "en", "social_history", "specific"),
        ("The pain gets worse with movement.", "en", "provocation", "asked"),
        ("I take metformin.", "en", "medications", "asked"),
        ("对青霉素过敏", "zh", "allergies", "asked"),
        ("三天前开始疼的", "zh", "onset", "asked"),
        ("平时抽烟喝酒", "zh", "social_history", "specific"),
    ],
)
def test_topics_and_levels(text: str, language: str, topic: str, level: str) -> None:
    found = topic_of(text, language)  # type: ignore[arg-type]
    assert (found, disclosure_of(text, found, language)) == (topic, level)  # type: ignore[arg-type]


def test_chinese_notes_lose_the_clinician() -> None:
    child = Speaker(kind="caregiver", relation="妈妈", calls_patient="宝宝")
    assert spoken_zh("患者于2天前无明显诱因出现发热", Speaker()) == "2天前没什么原因出现发烧"
    assert spoken_zh("患儿3天前出现咳嗽，为求进一步诊治来我院", child) == "宝宝3天前出现咳嗽"
    assert opening_zh("肚子疼三天", Speaker()) == "医生您好，我肚子疼三天。"
    assert len(opening_zh("肚子疼，" * 40, Speaker())) <= 45
