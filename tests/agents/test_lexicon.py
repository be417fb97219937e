"""The lexicon hears findings with their polarity in both languages; a table of utterances is its specification."""

from __future__ import annotations

import pytest

from agents.knowledge.lexicon import Lexicon, lexicon
from scenarios.schema import Language, Utterance


@pytest.fixture(scope="module")
def words() -> Lexicon:
    return lexicon()


# utterance | present | absent: exactly these must be heard, no other finding (general ones may come along).
EN = [
    ("I've had a fever since Monday", "fever", ""),
    ("I have been coughing a lot", "cough", ""),
    ("No fever", "", "fever"),
    ("I don't have a fever", "", "fever"),
    ("no fever, chills or cough", "", "fever chills cough"),
    ("I haven't had any fever or chills", "", "fever chills"),
    ("No fever, but I have chills", "chills", "fever"),
    ("I have a cough but no fever", "cough", "fever"),
    ("He denies chest pain and shortness of breath", "", "chest_pain breathlessness"),
    ("I never had any chest pain", "", "chest_pain"),
    ("a sore throat without fever", "sore_throat", "fever"),
    ("I'm not sure about fever", "", ""),
    ("I don't know if I had a fever", "", ""),
    ("As for fever, I couldn't say.", "", ""),
    ("As for fever or a cough, I couldn't say for my son.", "", ""),
    ("Fever, no. Cough, yes.", "cough", "fever"),
    ("My throat hurts and my nose is running", "sore_throat runny_nose", ""),
    ("no cough and I feel tired", "fatigue", "cough"),
    ("I have vomited twice and I have diarrhea", "vomiting diarrhoea", ""),
    ("I don't have nausea or vomiting, just diarrhoea", "diarrhoea", "nausea vomiting"),
    ("I've never had a headache like this", "worst_headache", ""),
    ("I haven't had a cough this bad before", "cough", ""),
    ("I can't sleep because of the cough", "poor_sleep cough", ""),
    ("not only a cough, also a fever", "cough fever", ""),
    ("the cough is no better", "cough", ""),
    ("My headache hasn't gone away", "headache", "symptoms_fully_resolved"),
    ("My mother has high blood pressure", "", ""),
    ("I have high blood pressure", "known_hypertension", ""),
    ("I told my wife that I have chest pain", "chest_pain", ""),
    ("Could it be a fever?", "", ""),
    ("I feel dizzy and my heart is racing", "dizziness palpitations", ""),
    ("It hurts when I pee", "painful_urination", ""),
    ("There is blood in my urine", "blood_urine", ""),
    ("I have a rash, it is itchy", "rash", ""),
    ("I haven't noticed any rash", "", "rash"),
    ("no rash, no fever, no vomiting", "", "rash fever vomiting"),
    ("My ankles are swollen", "leg_swelling", ""),
    ("I've been losing weight", "weight_loss", ""),
    ("I smoke a pack a day", "smoking", ""),
    ("I don't smoke", "", "smoking"),
    ("The light hurts my eyes", "light_sensitivity", ""),
    ("my neck isn't stiff", "", "neck_stiffness"),
    ("I get short of breath when I lie down", "breathless_lying_flat", ""),
    ("my stomach hurts and I'm nauseous", "abdominal_pain nausea", ""),
    ("None of that, though I am tired", "fatigue", ""),
    ("I have neither fever nor cough", "", "fever cough"),
    ("He's free of fever", "", "fever"),
    ("I am diabetic", "known_diabetes", ""),
]
ZH = [
    ("我发烧三天了", "fever", ""),
    ("我没有发烧", "", "fever"),
    ("没发烧", "", "fever"),
    ("不发烧，就是咳嗽", "cough", "fever"),
    ("没有发烧咳嗽", "", "fever cough"),
    ("没有发烧、咳嗽，但是嗓子疼", "sore_throat", "fever cough"),
    ("没有发热、咳嗽和胸痛", "", "fever cough chest_pain"),
    ("头不疼", "", "headache"),
    ("头疼，不恶心", "headache", "nausea"),
    ("有点头晕，还恶心", "dizziness nausea", ""),
    ("否认胸痛、气短", "", "chest_pain breathlessness"),
    ("从来没有胸痛", "", "chest_pain"),
    ("有没有发烧我不知道", "", ""),
    ("发烧没注意", "", ""),
    ("发烧这个，我没太留意。", "", ""),
    ("胸痛我说不上来。", "", ""),
    ("说到胸痛、发烧，孩子的情况我不知道。", "", ""),
    ("发烧没有，咳嗽有", "cough", "fever"),
    ("发烧、咳嗽都没有", "", "fever cough"),
    ("发烧是没有的", "", "fever"),
    ("肚子不舒服，还拉肚子", "diarrhoea", ""),
    ("一直不停地咳嗽", "cough", ""),
    ("不但发烧，而且咳嗽", "fever cough", ""),
    ("吐了两次，没拉肚子", "vomiting", "diarrhoea"),
    ("头痛没有好转", "headache", ""),
    ("咳嗽一直没好", "cough", "symptoms_fully_resolved"),
    ("我妈妈有高血压", "", ""),
    ("我有高血压", "known_hypertension", ""),
    ("是不是发烧了？", "", ""),
    ("心慌得厉害，还出冷汗", "palpitations cold_sweat", ""),
    ("小便的时候疼", "painful_urination", ""),
    ("肚子有点疼", "abdominal_pain", ""),
    ("右下腹疼得厉害", "right_lower_abdominal_pain", ""),
    ("晚上睡不着觉", "poor_sleep", ""),
    ("没有皮疹", "", "rash"),
    ("身上起了疹子，特别痒", "rash", ""),
    ("流鼻涕、打喷嚏", "runny_nose sneezing", ""),
    ("不抽烟，不喝酒", "", "smoking alcohol"),
    ("抽烟二十年了", "smoking", ""),
    ("最近瘦了十斤", "weight_loss", ""),
    ("脚踝肿了", "leg_swelling", ""),
    ("怕光，脖子不硬", "light_sensitivity", "neck_stiffness"),
    ("呼吸困难，平躺更憋", "breathlessness", ""),
    ("我不知道有没有发烧", "", ""),
    ("胸口不疼也不闷", "", "chest_pain"),
    ("没有恶心呕吐，只是没胃口", "poor_appetite", "nausea vomiting"),
    ("我有糖尿病", "known_diabetes", ""),
]


def heard(words: Lexicon, text: str, language: Language) -> tuple[set[str], set[str]]:
    mentions = words.read(text, language)
    return (
        {m.finding for m in mentions if m.polarity == "present"},
        {m.finding for m in mentions if m.polarity == "absent"},
    )


@pytest.mark.parametrize(
    ("text", "present", "absent", "language"), [(*row, "en") for row in EN] + [(*row, "zh") for row in ZH]
)
def test_hears_what_is_said_and_what_is_denied(
    words: Lexicon, text: str, present: str, absent: str, language: Language
) -> None:
    yes, no = heard(words, text, language)
    assert set(present.split()) <= yes, f"missed in {text!r}: heard {yes}"
    assert set(absent.split()) <= no, f"not heard as denied in {text!r}: {no}"
    if not present:
        assert not yes, f"nothing is there in {text!r}"
    assert not yes & set(absent.split())
    if not absent:
        assert not no, f"nothing is denied in {text!r}"


ANSWERS = [
    ("Have you had any fever, chills or cough?", "No.", "", "fever chills cough", "en"),
    ("Have you had any fever, chills or cough?", "No, none of those.", "", "fever chills cough", "en"),
    ("Have you had any fever, chills or cough?", "Just the fever, nothing else.", "fever", "chills cough", "en"),
    ("Have you had any fever?", "Yes, I have.", "fever", "", "en"),
    ("Have you had any fever?", "Not that I know of.", "", "fever", "en"),
    ("Have you had any fever or cough?", "Yes.", "", "", "en"),
    ("Have you had any fever or cough?", "I don't know, I'm afraid.", "", "", "en"),
    ("Where is it? Any fever?", "No, but my throat hurts.", "sore_throat", "fever", "en"),
    ("When did it start?", "No.", "", "", "en"),
    ("有没有发烧、咳嗽？", "没有。", "", "fever cough", "zh"),
    ("有没有发烧、咳嗽？", "都没有。", "", "fever cough", "zh"),
    ("有没有发烧、咳嗽？", "有点发烧，别的没有。", "fever", "cough", "zh"),
    ("有没有发烧？", "有的。", "fever", "", "zh"),
    ("有没有发烧、咳嗽？", "有。", "", "", "zh"),
    ("有没有发烧？", "没有，就是嗓子疼。", "sore_throat", "fever", "zh"),
    ("有没有发烧？", "不知道。", "", "", "zh"),
    ("有没有发烧？", "我没太注意。", "", "", "zh"),
    ("什么时候开始的？", "没有。", "", "", "zh"),
]


@pytest.mark.parametrize(("question", "text", "present", "absent", "language"), ANSWERS)
def test_a_plain_answer_is_about_what_was_asked(
    words: Lexicon, question: str, text: str, present: str, absent: str, language: Language
) -> None:
    mentions = words.answer(question, text, language)
    yes = {m.finding for m in mentions if m.polarity == "present"}
    no = {m.finding for m in mentions if m.polarity == "absent"}
    assert (yes, no) == (set(present.split()), set(absent.split()))


@pytest.mark.parametrize(
    ("text", "patient", "language", "finding"),
    [
        ("My father has chest pain", "my father", "en", "chest_pain"),
        ("My son has had a barking cough", "my son", "en", "barking_cough"),
        ("我妈妈胸痛", "我妈妈", "zh", "chest_pain"),
        ("孩子发烧了", "孩子", "zh", "fever"),
    ],
)
def test_a_caregivers_patient_is_no_relative(
    words: Lexicon, text: str, patient: str, language: Language, finding: str
) -> None:
    assert (finding, "present") in words.read(text, language, patient)


def test_a_relatives_illness_is_not_the_patients(words: Lexicon) -> None:
    assert not words.read("My father has chest pain", "en")
    assert not words.read("我妈妈胸痛", "zh")


def test_a_later_statement_replaces_an_earlier_one(words: Lexicon) -> None:
    dialogue = (
        Utterance("patient", "I have a headache but no fever."),
        Utterance("doctor", "When did it start?"),
        Utterance("patient", "Yesterday. Now I do have a fever."),
    )
    evidence = words.evidence(dialogue, "en")
    assert evidence.present == {"headache", "fever"} and "fever" not in evidence.absent
    assert evidence.chief == {"headache"}


def test_what_the_doctor_says_is_no_evidence(words: Lexicon) -> None:
    dialogue = (Utterance("patient", "I have a cough."), Utterance("doctor", "Do you have chest pain?"))
    assert words.evidence(dialogue, "en").present == {"cough"}


def test_what_examinations_show_is_evidence(words: Lexicon) -> None:
    dialogue = (Utterance("patient", "我咳嗽。"), Utterance("examiner", "体格检查：发热，无皮疹。"))
    evidence = words.evidence(dialogue, "zh")
    assert "fever" in evidence.present and "rash" in evidence.absent
    assert evidence.reported == {"fever"}
