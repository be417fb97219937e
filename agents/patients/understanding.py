"""Understands what a doctor's question asks of a case's items; it decides nothing about what is then said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from agents.patients.concepts import Thing, is_measured, spoken_name, things
from agents.patients.neighbours import fitting_facts, topic_or_kin
from agents.patients.parts import parts
from agents.patients.questions import PRESENT_ILLNESS, Wording, wording
from agents.patients.retrieval import CaseIndex, Item, listed, narrower, qualified, tells_time
from scenarios.schema import Language, Topic

Kind = Literal["open", "opinion", "consent", "check", "topic", "named", "unclear"]

_GENERALLY = r"such as|like|including|e\.g|for example|any (other )?(past|chronic|medical|health)|比如|例如|什么|哪些"
_SENSATIONS = frozenset(
    {"pain", "pressure", "swelling", "numbness", "weakness", "itch", "rash", "stiffness", "redness"}
)
_TROUBLE = ("pain", "pressure", "discomfort")
_DRUGS = frozenset(
    "penicillin cephalosporin antibiotic painkiller paracetamol aspirin blood_thinner steroid inhaler insulin "
    "metformin statin bp_drug antacid herbal".split()
)
_HOMES: dict[str, Topic] = {
    "work": "social_history",
    "home": "social_history",
    "smoking": "social_history",
    "alcohol": "social_history",
    "drugs": "social_history",
    "pets": "exposure",
    "travel": "exposure",
    "bite": "exposure",
    "sick_contact": "exposure",
    "appetite": "general",
    "sleep": "general",
    "bowels": "general",
    "urine": "general",
    "weight": "general",
    "fatigue": "general",
    "thirst": "general",
    "mood": "general",
}
"""Concepts that share a topic; of these only the ones in ``_SUBJECTS`` may be answered by whatever is left of it."""
_SUBJECTS = frozenset({"work", "sick_contact", "appetite"})
_NARROW: frozenset[Topic] = frozenset({"family_history", "allergies"})
_SCOPE: dict[Topic, frozenset[Topic]] = {
    "family_history": frozenset({"family_history", "exposure"}),
    "allergies": frozenset({"allergies"}),
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One understood question.

    ``named``: items it asks for by name; ``topical``: items its topic covers; ``missing``: the doctor's words
    for things that no item tells; ``measured``: whether a missing thing needs a measurement; ``kin``: whether
    ``topical`` only comes from a neighbouring topic.
    """

    kind: Kind
    topics: tuple[Topic, ...] = ()
    named: tuple[Item, ...] = ()
    topical: tuple[Item, ...] = ()
    missing: tuple[str, ...] = ()
    measured: bool = False
    kin: bool = False

    def place(self, topic: str) -> int:
        """Return where a topic stands among the asked ones; neighbouring ones come last."""
        return next((n for n, own in enumerate(self.topics) if own == topic), len(self.topics))

    @property
    def found(self) -> bool:
        """Whether the case holds an answer."""
        return bool(self.named or self.topical)


@lru_cache(maxsize=16_384)
def understand(index: CaseIndex, question: str) -> Ask:
    """Return what one question asks for."""
    put = wording(question, index.language)
    spoken = tuple(t for t in things(question, index.language) if t.concept != "discomfort")
    topics = _topics(put, spoken)
    pool = _pool(index, topics)
    cued = index.cued(question, pool)
    if put.consent and not spoken:
        return Ask("consent")
    if put.opinion and not spoken:
        return Ask("opinion", ("concern",), topical=tuple(index.facts("concern")))
    if any(topic in PRESENT_ILLNESS for topic in topics):
        return _about_illness(index, question, topics, spoken, cued)
    named, missing, measured = _named(index, question, spoken, pool, cued)
    if put.open and not _beyond_symptoms(topics):
        return Ask("open", topics, tuple(named), (), tuple(missing), measured)
    if spoken or cued:
        topical = _topical(index, topics) if topics and _is_general(question) else []
        return Ask("named", topics, tuple(named), tuple(topical), tuple(missing), measured)
    if topics:
        return _by_topic(index, question, topics, pool)
    if put.check:
        return Ask("check")
    alike = index.alike(question, pool)
    return Ask("named", (), tuple(alike[:1])) if alike else Ask("unclear", missing=_leftover(question, index.language))


def asks_of(index: CaseIndex, questions: list[str]) -> list[Ask]:
    """Return what some sentences ask for, each single question by itself."""
    return [understand(index, part) for question in questions for part in parts(question, index.language)]


def _illness(topics: tuple[Topic, ...]) -> bool:
    return any(topic in PRESENT_ILLNESS for topic in topics)


def _topics(put: Wording, spoken: tuple[Thing, ...]) -> tuple[Topic, ...]:
    topics = put.topics
    if len(topics) > 1 and "associated" in topics:
        topics = tuple(t for t in topics if t != "associated") if not put.open or _illness(topics) else ("associated",)
    if "course" in topics and {"provocation", "relief"} <= set(topics):
        topics = tuple(t for t in topics if t != "course")
    for topic in topics:
        if topic in _NARROW:
            return (topic,)
    if "past_history" in topics and any(t in PRESENT_ILLNESS for t in topics):
        topics = tuple(t for t in topics if t not in PRESENT_ILLNESS)
    if "prior_care" in topics and any(is_measured(thing.concept) for thing in spoken):
        return ("prior_care",)
    return topics


def _pool(index: CaseIndex, topics: tuple[Topic, ...]) -> list[Item]:
    for topic in topics:
        if topic in _SCOPE:
            return [i for i in index.items if i.topic in _SCOPE[topic] or (topic == "family_history" and i.is_family())]
    return [i for i in index.items if not i.is_family()]


def _beyond_symptoms(topics: tuple[Topic, ...]) -> bool:
    return any(topic not in ("associated", "general") for topic in topics)


def _is_general(question: str) -> bool:
    """Whether a topic is asked for as such, besides the things that are named ("any illnesses, such as ...")."""
    return bool(re.search(_GENERALLY, question, re.I))


def _named(
    index: CaseIndex, question: str, spoken: tuple[Thing, ...], pool: list[Item], cued: list[Item]
) -> tuple[list[Item], list[str], bool]:
    named: list[Item] = list(cued)
    missing: list[str] = []
    measured = False
    for thing in spoken:
        hits = index.naming(thing.concept, pool)
        if thing.concept.split("@")[0] in _SENSATIONS and "exposure" not in wording(question, index.language).topics:
            hits = [item for item in hits if item.topic != "exposure"]
        hits = hits or index.cued(thing.clause, pool)
        hits = hits or _home_facts(index, thing.concept)
        if not hits:
            missing.append(spoken_name(thing.concept, index.language) or thing.surface)
            measured = measured or is_measured(thing.concept)
            continue
        named += _distinct(index, thing, question, hits)
    for piece in listed(question, index.language) if spoken else ():
        if not things(piece, index.language):
            named += index.ruled_out(piece, pool)
    return list(dict.fromkeys(named)), list(dict.fromkeys(missing)), measured


def _home_facts(index: CaseIndex, concept: str) -> list[Item]:
    """Return facts of the topic that a concept is the very subject of ("your job?"), but those about its rivals."""
    topic = _HOMES.get(concept) if concept in _SUBJECTS else None
    rivals = {other for other, home in _HOMES.items() if home == topic} - {concept}
    return (
        [i for i in index.facts(topic) if i.disclosure != "specific" and not i.concepts & rivals][:1] if topic else []
    )


def _distinct(index: CaseIndex, thing: Thing, question: str, hits: list[Item]) -> list[Item]:
    """Return what answers for one thing: facts of it before a narrower absence ("chest pain at rest").

    What is there in one respect is not denied in another, but an absence that the question spells out is.
    """
    absent = [item for item in hits if not item.present]
    facts = [item for item in hits if item.present and item.id]
    if not absent:
        return facts[:2] or hits[:1]
    exact = [item for item in absent if not narrower(item, thing.concept, question, index.language)]
    spelt = [item for item in exact if qualified(item, index.language)]
    if spelt:
        return spelt[:1]
    if exact:
        facts = [item for item in facts if item.topic in ("associated", exact[0].topic)]
        return facts[:2] if facts and hits[0].present else exact[:1]
    there = [item for item in hits if item.present] or [
        item for kin in _alike_feelings(thing.concept) for item in index.naming(kin, index.items) if item.present
    ]
    return list(dict.fromkeys(there))[:1] or absent[:1]


def _alike_feelings(concept: str) -> list[str]:
    """Return how else the same trouble may be felt: a tight chest answers for pain in the chest."""
    feeling, _, part = concept.partition("@")
    return [f"{other}@{part}" for other in _TROUBLE if part and feeling in _TROUBLE and other != feeling]


def _about_illness(
    index: CaseIndex, question: str, topics: tuple[Topic, ...], spoken: tuple[Thing, ...], cued: list[Item]
) -> Ask:
    facts = [item for topic in topics for item in topic_or_kin(index, topic)]
    strangers = [t for t in spoken if t.concept not in index.known and t.concept.split("@")[0] not in index.known]
    about = [i for t in spoken for i in index.naming(t.concept, index.items)]
    bare = all("@" not in t.concept and t.clause and t.concept in _SENSATIONS for t in spoken)
    absent = [] if bare else [i for i in about if not i.present]
    own = [i for i in facts if i in about or i in cued]
    present = [i for i in about if i.present]
    if own:
        return Ask("topic", topics, named=tuple(cued), topical=tuple(dict.fromkeys([*own, *facts])))
    if facts and index.items[-1] in present:
        return Ask("topic", topics, named=tuple(cued), topical=tuple(dict.fromkeys(facts)))
    fitting = [i for i in present if "onset" in topics and tells_time(i.text, index.language)]
    if fitting:
        return Ask("topic", topics, named=(fitting[0],))
    if absent and not present:
        return Ask("named", topics, named=tuple(absent[:1]))
    if strangers and not present and not facts:
        return Ask("named", topics, missing=tuple(t.surface for t in strangers))
    if facts:
        kin = all(item.topic not in topics for item in facts)
        return Ask("topic", topics, named=tuple(cued), topical=tuple(dict.fromkeys(facts)), kin=kin)
    opening = index.items[-1]
    if "onset" in topics and tells_time(opening.text, index.language):
        return Ask("topic", topics, named=(opening,))
    told_elsewhere = fitting_facts(index, topics)
    if told_elsewhere:
        return Ask("topic", topics, topical=tuple(told_elsewhere[:1]), kin=True)
    if present or cued:
        return Ask("named", topics, named=tuple((cued or present)[:1]))
    return Ask("unclear", topics)


def _topical(index: CaseIndex, topics: tuple[Topic, ...]) -> list[Item]:
    return [item for topic in topics for item in index.facts(topic)]


def _by_topic(index: CaseIndex, question: str, topics: tuple[Topic, ...], pool: list[Item]) -> Ask:
    facts = _topical(index, topics)
    absent = [i for i in index.items if not i.present and i.topic in topics]
    alike = [i for i in index.alike(question, pool) if i.id][:1]
    if facts:
        named = tuple(i for i in alike if i in facts)
        return Ask("topic", topics, named=named, topical=tuple(facts))
    if absent:
        return Ask("named", topics, named=tuple(absent[:3]))
    kin = [item for topic in topics for item in topic_or_kin(index, topic)]
    if "medications" in topics:
        kin = [i for i in index.items if i.id and i.present and i.concepts & _DRUGS and i.topic != "allergies"] or kin
    return (
        Ask("topic", topics, named=tuple(alike), topical=tuple(dict.fromkeys(kin)), kin=True)
        if kin or alike
        else Ask("unclear", topics)
    )


def _leftover(question: str, language: Language) -> tuple[str, ...]:
    """Return the one plain thing a question names that no dictionary knows, when its wording shows it."""
    frame = {
        "en": r"\b(?:any|have you had|do you have|have you noticed|is there)\s+(?:any\s+|a\s+)?([a-z]+(?: [a-z]+)?)\?",
        "zh": r"(?:有没有|有无|是否有)([\u4e00-\u9fff]{2,6}?)(?:吗|呢|的情况)?[？?]?$",
    }[language]
    match = re.search(frame, question.strip(), re.I)
    return (match.group(1).lower(),) if match else ()
