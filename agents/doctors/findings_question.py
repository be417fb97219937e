"""Chooses which symptoms to ask about next and words the question; it knows probabilities and words, no case."""

from __future__ import annotations

import numpy as np

from agents.doctors.interview import Progress
from agents.doctors.wording import patient_name, wording
from agents.knowledge.base import Array, KnowledgeBase
from agents.knowledge.inference import Evidence, information_gain, ranking, settled
from agents.knowledge.lexicon import Lexicon
from agents.protocols import DoctorView

MOST = 4
LEADING = 5
DOUBT = 0.8
"""Exponent that flattens the posterior while asking: naive Bayes is surer than it should be."""
RED_FLAG_BONUS = 1.0
TYPICAL_BONUS = 0.15
LIST_SHARE = 0.8
"""What a finding in a list is worth of its own question, since long lists are answered loosely."""
POSSIBLE = 0.03
"""Probability from which a condition may raise questions, besides the two that lead."""
CLEARLY = 2.0
"""So many times its background a finding must be likely under a condition to be asked for its sake."""
WORTHWHILE = 0.01
"""Bits below which a question is not worth a patient's time."""
_ALONE = frozenset({"self_harm_thoughts", "memory_loss", "seizure"})
"""What is never one word among others: it is asked for in a question of its own."""
_LIST_TOPICS = ("associated", "general")


def choose_findings(
    kb: KnowledgeBase, words: Lexicon, view: DoctorView, evidence: Evidence, chance: Array, progress: Progress
) -> list[str]:
    """Return finding ids to ask next, best first: either several that fit one list, or one with its own question.

    The score is the expected information gain in bits, plus a bonus for red flags of the leading conditions
    and for what is typical of them (likely under them and rare otherwise).
    """
    doubted = chance**DOUBT / np.sum(chance**DOUBT)
    typical = kb.likelihood * np.clip(np.log(kb.likelihood / kb.background), 0, None) * kb.listed
    score = information_gain(kb, doubted) + TYPICAL_BONUS * (doubted @ typical)
    for row in ranking(chance)[:LEADING]:
        for flag in kb.conditions[row].red_flags:
            score[kb.finding_at[flag]] += RED_FLAG_BONUS * float(doubted[row])
    closed = settled(kb, evidence) | set(words.named(progress.asked, view.language))
    order = [kb.findings[int(i)].id for i in np.argsort(-score, kind="stable")]
    sensible = _sensible(kb, chance)
    wanted = [name for name in order if name in sensible and name not in closed]
    wanted = [name for name in wanted if score[kb.finding_at[name]] >= WORTHWHILE]
    wanted = [name for name in wanted if _question(kb, name, view) not in progress.asked_sentences]
    if not wanted:
        return []
    if wanted[0] in _ALONE:
        return wanted[:1]
    listed = _distinct(kb, [name for name in wanted[: 4 * MOST] if _fits_list(kb, name)])[:MOST]
    together = LIST_SHARE * sum(float(score[kb.finding_at[name]]) for name in listed)
    best = float(score[kb.finding_at[wanted[0]]])
    return listed if len(listed) > 1 and together >= best else wanted[:1]


def findings_sentence(kb: KnowledgeBase, names: list[str], view: DoctorView) -> str:
    """Return the question: a finding's own wording for one, a list for several, nothing for none."""
    if not names:
        return ""
    if len(names) == 1:
        return _question(kb, names[0], view)
    spoken = [kb.finding(name).zh.name if view.language == "zh" else kb.finding(name).en.name for name in names]
    joined = (
        "、".join(spoken[:-1]) + "或者" + spoken[-1]
        if view.language == "zh"
        else ", ".join(spoken[:-1]) + " or " + spoken[-1]
    )
    return wording().lists[view.language].to(view.intake, view.language, names=joined)


def _sensible(kb: KnowledgeBase, chance: Array) -> frozenset[str]:
    """Return the findings that one of the leading conditions causes, or that would make it dangerous."""
    rows = ranking(chance)
    leading = rows[:2] + [row for row in rows[2:LEADING] if chance[row] >= POSSIBLE]
    caused: set[str] = set()
    for row in leading:
        clear = kb.listed[row] & (kb.likelihood[row] >= CLEARLY * kb.background)
        caused.update(kb.findings[int(i)].id for i in np.flatnonzero(clear))
        caused.update(kb.conditions[row].red_flags)
    return frozenset(caused)


def _question(kb: KnowledgeBase, name: str, view: DoctorView) -> str:
    finding = kb.finding(name)
    words = finding.zh if view.language == "zh" else finding.en
    asked = words.ask_caregiver if view.intake.caregiver else words.ask
    return asked.replace("{patient}", patient_name(view.intake, view.language))


def _fits_list(kb: KnowledgeBase, name: str) -> bool:
    finding = kb.finding(name)
    return finding.kind == "symptom" and finding.topic in _LIST_TOPICS and name not in _ALONE


def _distinct(kb: KnowledgeBase, names: list[str]) -> list[str]:
    """Leave out a finding when a more general or more specific one already stands in the list."""
    kept: list[str] = []
    for name in names:
        if not any(other in kb.generals[name] or other in kb.specifics[name] for other in kept):
            kept.append(name)
    return kept
