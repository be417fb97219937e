"""Dialogue acts, as a table of things doctors and patients say: what is a question, a diagnosis, advice."""

from __future__ import annotations

import pytest

from agents.acts import (
    gives_advice,
    questions,
    refers_urgently,
    safety_net,
    sends_to_emergency,
    sentences,
    statements,
    states_diagnosis,
    thanks,
)

# utterance -> the letters of its acts: q question, d diagnosis, a advice, t thanks, s safety net, e emergency
ZH = [
    ("您好，请问哪里不舒服？", "q"),
    ("疼了多久了", "q"),
    ("有没有发烧、咳嗽", "q"),
    ("您平时抽烟吗", "q"),
    ("疼痛是一阵一阵的还是持续的", "q"),
    ("大便什么颜色", "q"),
    ("吃过什么药没有", "q"),
    ("那孩子现在精神怎么样呢", "q"),
    ("一天大概拉几次", "q"),
    ("晚上睡得好不好", "q"),
    ("请您描述一下疼痛的感觉", "q"),
    ("如果躺下来，会不会好一点？", "q"),
    ("饭后会加重吗", "q"),
    ("体温最高到多少度", "q"),
    ("先吃三天药看看怎么样。", "a"),
    ("我们查个血，看看是不是感染。", "a"),
    ("做个胃镜看看有没有溃疡。", ""),
    ("如果有什么不舒服，随时来复诊。", "as"),
    ("如果还发烧吗啡类的药先不要用。", "a"),
    ("没什么大问题，您不用担心。", ""),
    ("这几天注意休息，多喝水。", "a"),
    ("过几天再来复查一下。", "a"),
    ("不管什么时候疼起来都要休息。", "a"),
    ("明白了，我了解您的情况了。", ""),
    ("先按时吃药，一周后复查，好吗？", "a"),
    ("您还有什么想问的吗？", ""),
    ("考虑是急性阑尾炎。", "d"),
    ("根据您说的，很可能是胃食管反流引起的。", "d"),
    ("您这是偏头痛。", "d"),
    ("初步诊断为支气管哮喘，建议先做肺功能检查。", "da"),
    ("听起来像是过敏性鼻炎，您家里养宠物吗？", "qd"),
    ("这不像是阑尾炎。", ""),
    ("不考虑心梗。", ""),
    ("阑尾炎的可能性不大。", ""),
    ("为了明确诊断需要检查一下。", "a"),
    ("可以考虑做个胃镜。", "a"),
    ("可能需要几天才能恢复。", ""),
    ("是不是怀疑自己得了胃癌？", "q"),
    ("建议清淡饮食，避免熬夜。", "a"),
    ("不要紧，别担心。", ""),
    ("您说休息后会好一些。", ""),
    ("您服用过的药我记下了。", ""),
    ("可以先热敷一下。", "a"),
    ("不客气，祝您早日康复！", "t"),
    ("谢谢医生，再见。", "t"),
    ("如果出现高烧或者呼吸困难，请立即就医。", "as"),
    ("症状加重的话要及时去医院。", "as"),
    ("没有发烧就不用吃退烧药。", ""),
    ("您需要马上去急诊，可能是心梗。", "dae"),
    ("请立即拨打120。", "ae"),
    ("一旦胸痛加重，马上去急诊。", "as"),
    ("目前不需要去急诊。", ""),
    ("您去过急诊吗？", "q"),
    ("如果不马上去医院会有危险，所以现在就去急诊。", "ae"),
]
EN = [
    ("Hello, what brings you in today?", "q"),
    ("How long has this been going on", "q"),
    ("When did it start", "q"),
    ("Any fever or cough", "q"),
    ("Do you smoke", "q"),
    ("Okay, and does the pain move anywhere", "q"),
    ("Tell me more about the pain.", "q"),
    ("Could you describe the rash.", "q"),
    ("It gets worse after meals, is that right?", "q"),
    ("Is it sharp or dull", "q"),
    ("What colour was it", "q"),
    ("How bad is it from one to ten", "q"),
    ("When you cough, hold a pillow to your tummy.", "a"),
    ("What you have is common.", ""),
    ("Have a rest and drink plenty of water.", "a"),
    ("Let me know if it gets worse.", ""),
    ("I see, that must be hard.", ""),
    ("Take one tablet twice a day, okay?", "a"),
    ("Do you have any questions?", ""),
    ("Does that make sense?", ""),
    ("This is most likely acute appendicitis.", "d"),
    ("I think you have a migraine.", "d"),
    ("It sounds like asthma.", "d"),
    ("Your symptoms are consistent with reflux.", "d"),
    ("You have gastritis.", "d"),
    ("This could be a heart attack.", "d"),
    ("It's probably a viral infection, have you had a fever?", "qd"),
    ("I suspect a kidney stone.", "d"),
    ("This is not appendicitis.", ""),
    ("I don't think this is appendicitis.", ""),
    ("Appendicitis is unlikely.", ""),
    ("You will probably feel better soon.", ""),
    ("It sounds like you had a rough week.", ""),
    ("I think you should rest.", "a"),
    ("We need some tests before a diagnosis is made.", ""),
    ("It is 38.5 degrees.", ""),
    ("I recommend an endoscopy.", "a"),
    ("You should avoid spicy food.", "a"),
    ("Please see your doctor tomorrow.", "a"),
    ("Don't worry.", ""),
    ("The rest of the examination is normal.", ""),
    ("Let me take a look.", ""),
    ("We should do a blood test.", "a"),
    ("Thank you, goodbye.", "t"),
    ("Take care!", "t"),
    ("Take care of the wound.", "a"),
    ("It got better thanks to the tablets.", ""),
    ("If the pain gets worse, come back at once.", "as"),
    ("See a doctor if you develop a fever.", "as"),
    ("When did you go to hospital?", "q"),
    ("You need to go to the emergency department now.", "ae"),
    ("Call an ambulance, this may be a stroke.", "dae"),
    ("If you have chest pain, go to the emergency department.", "as"),
    ("Go to the ER immediately if you faint.", "as"),
    ("There is no need to go to hospital.", ""),
    ("Have you been to the emergency department?", "q"),
]
ACTS = {
    "q": questions, "d": states_diagnosis, "a": gives_advice, "t": thanks, "s": safety_net, "e": sends_to_emergency,
}


@pytest.mark.parametrize(("text", "expected"), ZH)
def test_what_is_said_in_chinese(text, expected):
    assert {k for k, act in ACTS.items() if act(text, "zh")} == set(expected)


@pytest.mark.parametrize(("text", "expected"), EN)
def test_what_is_said_in_english(text, expected):
    assert {k for k, act in ACTS.items() if act(text, "en")} == set(expected)


def test_english_sentences_keep_decimals_titles_and_abbreviations_whole():
    text = 'Dr. Li saw 37.5 degrees at 8 a.m. today. Then? "Rest." 1. Drink water e.g. tea; sleep'
    assert sentences(text, "en") == [
        "Dr. Li saw 37.5 degrees at 8 a.m. today.", "Then?", '"Rest."', "1. Drink water e.g. tea;", "sleep",
    ]


def test_chinese_sentences_keep_decimals_and_closing_quotes_whole():
    text = "体温37.5度。他说“疼！”然后走了……是吗？？\n好"
    assert sentences(text, "zh") == ["体温37.5度。", "他说“疼！”", "然后走了……", "是吗？？", "好"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("text", ["", "   ", "。。。", "...", "???", "\n\n"])
def test_what_says_nothing_has_no_acts(text, language):
    assert sentences(text, language) == []
    assert not any(act(text, language) for act in ACTS.values())


def test_a_question_sentence_keeps_the_statement_that_opens_it():
    assert statements("听起来像是过敏性鼻炎，您家里养宠物吗？", "zh") == ["听起来像是过敏性鼻炎"]
    assert statements("糖尿病，高血压，这些病您有吗？", "zh") == []
    assert statements("This is probably reflux, do you smoke?", "en") == ["This is probably reflux"]


def test_each_question_of_a_turn_counts():
    assert len(questions("您好。疼多久了？有没有发烧？还恶心吗。我了解了。", "zh")) == 3
    assert len(questions("Hi there. Where is it? Does it spread? Any nausea. I see.", "en")) == 3


def test_urgent_referral_is_weaker_than_emergency():
    assert refers_urgently("建议您尽快去医院就诊。", "zh") and not sends_to_emergency("建议您尽快去医院就诊。", "zh")
    assert refers_urgently("You should be seen by a specialist today.", "en")
    assert not refers_urgently("如果加重，尽快去医院。", "zh")
    assert not refers_urgently("Rest at home.", "en")


def test_both_tables_are_broad():
    assert len(ZH) >= 40 and len(EN) >= 40
