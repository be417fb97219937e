"""What a model patient claims to have told counts when its words bear it out, and no list of ids fools anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.patients.agenda_end import told_ids
from agents.patients.llm_told import told_now
from scenarios.schema import Case, Persona
from tests.agents.consulting import consult, new, shipped_cases
from tests.agents.patient_cases import EN, ZH

FREE_WORDS = [
    (ZH, "onset", "前天夜里，在路边摊吃了点东西之后", "什么时候开始的？"),
    (ZH, "place", "肚脐那一圈，往下坠着疼", "哪里疼？"),
    (ZH, "quality", "跟拧毛巾似的", "怎么个疼法？"),
    (ZH, "timing", "一天得跑七八次厕所", "一天几次？"),
    (ZH, "worse", "喝了凉的更难受", "什么时候加重？"),
    (ZH, "better", "拿热水袋捂着会好点", "怎么能缓解？"),
    (ZH, "fever", "昨天晚上量了，三十八度五", "发烧吗？"),
    (ZH, "mucus", "有，大便里有黏液，还带血丝", "大便带血吗？"),
    (ZH, "gastritis", "有过胆结石，十年前的事了", "以前得过什么病？"),
    (ZH, "pills", "吃了两包蒙脱石散，别的没吃", "吃过什么药？"),
    (ZH, "allergy", "青霉素打了会起疹子", "过敏吗？"),
    (ZH, "family", "我母亲是糖尿病", "家里人有什么病？"),
    (ZH, "smoke", "抽，半包左右吧一天", "您抽烟吗？"),
    (ZH, "smoke", "抽的", "您抽烟吗？"),
    (ZH, "job", "在幼儿园当老师", "做什么工作？"),
    (ZH, "no-vomit", "没有，没吐过", "吐了吗？"),
    (ZH, "no-vomit", "没有", "有没有呕吐？"),
    (ZH, "no-alcohol", "我不喝酒", "喝酒吗？"),
    (ZH, "no-hypertension", "血压一直不高的", "有高血压吗？"),
    (EN, "onset", "Some three weeks back, I think.", "When did it start?"),
    (EN, "no-fever", "No, none.", "Do you have a fever?"),
    (EN, "no-fever", "My temperature has been fine, no fever.", "How have you been?"),
    (EN, "cigarettes", "I do, about ten a day.", "Do you smoke?"),
    (EN, "allergy", "Yes, to penicillin.", "Are you allergic to penicillin?"),
]
"""Case, item, how a model may put it, and the doctor's question."""

HIDDEN = [
    (ZH, "smoke", "我不太清楚。", "您抽烟吗？"),
    (ZH, "no-vomit", "这个没注意过。", "有没有呕吐？"),
    (ZH, "no-vomit", "不知道，记不清了。", "有没有呕吐？"),
    (ZH, "family", "这个得问我妈，我说不上来。", "家里人有什么病？"),
    (ZH, "mucus", "医生，我肚子疼，还拉肚子。", ""),
    (EN, "no-fever", "I don't know, I haven't noticed.", "Do you have a fever?"),
    (EN, "cigarettes", "Why do you need to know that?", "Do you smoke?"),
    (EN, "father", "My stomach hurts.", ""),
]


@pytest.mark.parametrize(("case", "item", "text", "asked"), FREE_WORDS)
def test_a_claimed_item_counts_in_free_words(case: Case, item: str, text: str, asked: str) -> None:
    assert item in told_now(case, [item], text, asked, frozenset())


@pytest.mark.parametrize(("case", "item", "text", "asked"), HIDDEN)
def test_a_claimed_item_does_not_count_when_the_words_hide_it(case: Case, item: str, text: str, asked: str) -> None:
    assert told_now(case, [item], text, asked, frozenset()) == ()


async def test_claiming_every_id_hardly_raises_what_counts_and_claiming_none_hardly_lowers_it(root: Path) -> None:
    """Measured on the embedded patient's turns, whose disclosed ids are known, over every third shipped case."""
    right = missed = strange = offered = quiet = 0
    for number, case in enumerate(shipped_cases(root)[::3]):
        ids = [item.id for item in (*case.facts, *case.absences)]
        turns = await consult(new("doctor", "history-taker"), case, Persona(), number)
        for place, turn in enumerate(turns):
            if turn.role != "patient":
                continue
            before, truth = turns[:place], set(turn.disclosed)
            asked = next((t.text for t in reversed(before) if t.role == "doctor"), "")
            told = told_ids(before)
            honest = set(told_now(case, turn.disclosed, turn.text, asked, told))
            liar = set(told_now(case, ids, turn.text, asked, told))
            right, missed = right + len(truth & honest), missed + len(truth - honest)
            strange, offered = strange + len(liar - truth), offered + len(set(ids) - truth - told)
            quiet += len(truth & set(told_now(case, [], turn.text, asked, told)))
    assert missed <= 0.01 * right
    assert strange <= 0.04 * offered, (strange, offered)
    assert quiet >= 0.95 * right


def test_what_was_told_before_or_is_forgotten_does_not_count() -> None:
    text = "抽，半包左右吧一天"
    assert told_now(ZH, ["smoke"], text, "您抽烟吗？", frozenset({"smoke"})) == ()
    assert told_now(ZH, ["smoke"], text, "您抽烟吗？", frozenset(), frozenset({"smoke"})) == ()


def test_an_item_that_is_said_outright_counts_unclaimed_and_in_case_order() -> None:
    text = "打青霉素起过疹子，我一天抽半包烟，没有呕吐。"
    assert told_now(ZH, [], text, "", frozenset()) == ("allergy", "smoke", "no-vomit")


def test_ids_that_the_case_does_not_hold_are_dropped() -> None:
    assert told_now(ZH, ["nothing", "leaked"], "我不知道", "", frozenset()) == ()
