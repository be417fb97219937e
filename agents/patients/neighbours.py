"""Finds facts filed under another topic that answer a question all the same; it understands no question."""

from __future__ import annotations

import re

from agents.patients.questions import PRESENT_ILLNESS
from agents.patients.retrieval import CaseIndex, Item, tells_time
from scenarios.schema import Language, Topic

_KIN: dict[Topic, tuple[Topic, ...]] = {
    "onset": ("course", "timing"),
    "course": ("timing",),
    "severity": ("course",),
    "timing": ("course",),
    "relief": ("prior_care", "medications"),
    "medications": ("prior_care",),
    "prior_care": ("medications", "relief"),
    "general": ("associated",),
    "exposure": ("social_history",),
}
"""Topics whose facts may also answer, when the case files nothing under the asked one."""
_ANSWERS: dict[Topic, dict[Language, str]] = {
    "course": {
        "en": r"\b(wors\w+|better|buil[td]\w* up|crept|spread\w*|improv\w+|the same|more and more|eased off)\b",
        "zh": r"越来越|加重|好(些|转|点)了|变(重|轻|多)|更(疼|痛|厉害|重)|没见好|反反复复",
    },
    "provocation": {"en": r"\b(wors\w+|triggered|brought on|aggravated)\b", "zh": r"加重|更(疼|痛|厉害|重|难受)|诱发"},
    "relief": {"en": r"\b(better|reliev\w+|improv\w+|eas(es|ed)|helps?)\b", "zh": r"缓解|减轻|舒服点|好(些|点|一点)"},
}


def fitting_facts(index: CaseIndex, topics: tuple[Topic, ...]) -> list[Item]:
    """Return facts of the illness, filed elsewhere, whose wording answers the topic."""
    patterns = [_ANSWERS[topic][index.language] for topic in topics if topic in _ANSWERS]
    illness = [i for i in index.items if i.id and i.present and (i.topic in PRESENT_ILLNESS or i.topic == "associated")]
    return [item for item in illness if any(re.search(pattern, item.text, re.I) for pattern in patterns)]


def topic_or_kin(index: CaseIndex, topic: Topic) -> list[Item]:
    """Return the facts of a topic, or of its neighbours when the case files nothing under it."""
    facts = index.facts(topic) or (fitting_facts(index, (topic,)) if topic == "course" else [])
    if facts:
        return facts
    timed = [
        item
        for kin in _KIN.get(topic, ())
        for item in index.facts(kin)
        if topic != "onset" or tells_time(item.text, index.language)
    ]
    if topic == "onset" and not timed:
        timed = [i for i in index.facts("associated") if tells_time(i.text, index.language)][:1]
    return timed
