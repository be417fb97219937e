"""The careful doctor: asks what tells most and closes with reasons; knows the dialogue, never the case."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np

from agents.acts import questions
from agents.doctors import closing, interview
from agents.doctors.composing import next_questions, opening_questions
from agents.doctors.findings_question import choose_findings
from agents.doctors.interview import Progress, open_parts, speak, spoken_size
from agents.doctors.options import DoctorOptions
from agents.doctors.wording import wording
from agents.knowledge.base import Array, KnowledgeBase, knowledge
from agents.knowledge.inference import Evidence, informative, is_symptom, posterior, ranking, support
from agents.knowledge.lexicon import Lexicon, lexicon
from agents.knowledge.reported import reported_conditions
from agents.knowledge.schema import KnownTest
from agents.protocols import DoctorReply, DoctorView

LISTED, ALWAYS = 5, 3
WORTH_NAMING = 0.01
EMERGENCY_SHARE = 0.35
EXHAUSTED_AFTER = 12
"""Exchanges after which further questions add nothing, whatever the limit."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is thought at this point of the dialogue."""

    progress: Progress
    evidence: Evidence
    chance: Array
    order: tuple[int, ...]


class HistoryTaker:
    """Takes a history in the order of OPQRST and SAMPLE, with the most informative symptoms in between.

    Every turn reads the whole dialogue afresh. The first turn asks openly and for the onset; the following
    ones join up to three parts of the history that are still open to one question on symptoms chosen by expected
    information gain and by the red flags of the leading conditions. Once, it asks for examinations. It closes
    at its last word, when invited, or when everything is asked and one condition clearly leads.
    """

    def __init__(self, options: DoctorOptions, kb: KnowledgeBase | None = None, words: Lexicon | None = None) -> None:
        """Use the shipped knowledge base unless another is given."""
        self._options = options
        self._kb = kb or knowledge()
        self.fingerprint = self._kb.fingerprint()
        self._words = words or (Lexicon(kb) if kb else lexicon())

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the next questions, the closing, or a goodbye after it."""
        now = self.assess(view)
        differential = self._differential(now, view)
        if now.progress.concluded:
            return DoctorReply(self._afterwards(view, now), differential=differential)
        if view.is_last or interview.invited(view, now.progress):
            return DoctorReply(self._closing(view, now), differential=differential)
        asking = self._ask(view, now)
        return asking or DoctorReply(self._closing(view, now), differential=differential)

    def assess(self, view: DoctorView) -> Assessment:
        """Return the evidence heard and the posterior over the conditions."""
        evidence = self._words.evidence(view.dialogue, view.language, view.intake.calls_patient)
        reports = " ".join(u.text for u in view.dialogue if u.role == "examiner")
        if reports:
            evidence = replace(evidence, named=reported_conditions(self._kb, reports, view.language))
        chance = posterior(self._kb, evidence, view.intake.age_years, view.intake.sex)
        return Assessment(interview.read(view), evidence, chance, tuple(ranking(chance)))

    def _ask(self, view: DoctorView, now: Assessment) -> DoctorReply | None:
        parts = open_parts(view, now.progress)
        first = now.progress.doctor_turns == 0
        named = [] if first else choose_findings(self._kb, self._words, view, now.evidence, now.chance, now.progress)
        decided = now.chance[now.order[0]] >= self._options.decided or not named
        if not first and not parts and (decided or view.exchange > EXHAUSTED_AFTER):
            return None
        tests = [] if first else self._tests(view, now)
        request = self._request_words(view, tests)
        manner = self._manner(view, now)
        if first:
            asking = opening_questions(view, parts, self._options)
        else:
            room = interview.ASKING_LIMIT[view.language] - spoken_size(request, view.language)
            asking = next_questions(view, parts, named, self._kb, self._options, room)
        if not asking:
            return None
        text = speak([manner, request, asking], view.language)
        if spoken_size(text, view.language) > interview.ASKING_LIMIT[view.language] and not now.progress.repeat:
            text = speak([request, asking], view.language)
        requests = tuple(test.zh[0] if view.language == "zh" else test.en[0] for test in tests)
        return DoctorReply(text, requests=requests, differential=self._differential(now, view))

    def _manner(self, view: DoctorView, now: Assessment) -> str:
        """A brief acknowledgement now and then, comfort for worry, a new start when something was not understood."""
        rng = random.Random(view.seed)
        words = wording()
        if now.progress.repeat:
            return words.again[view.language]
        if now.progress.worried(view.language):
            return rng.choice(words.comfort[view.language])
        return rng.choice(words.acknowledge[view.language]) if rng.random() < 0.5 else ""

    def _tests(self, view: DoctorView, now: Assessment) -> list[KnownTest]:
        """Return the tests that tell the leading conditions apart, once, from the third exchange on."""
        if now.progress.requested or view.exchange < min(3, view.max_turns - 1):
            return []
        value: dict[str, float] = {}
        for row in now.order[:LISTED]:
            for rank, test in enumerate(self._kb.conditions[row].tests):
                value[test] = value.get(test, 0.0) + float(now.chance[row]) * 0.95**rank
        best = sorted(value, key=lambda test: (-value[test], test))[: self._options.requests_per_visit]
        return [self._kb.test_by_id[test] for test in best]

    def _request_words(self, view: DoctorView, tests: list[KnownTest]) -> str:
        if not tests:
            return ""
        names = [test.zh[0] if view.language == "zh" else test.en[0] for test in tests]
        joined = "和".join(names) if view.language == "zh" else " and ".join(names)
        return wording().requests[view.language].to(view.intake, view.language, tests=joined)

    def _closing(self, view: DoctorView, now: Assessment) -> str:
        lead = self._kb.conditions[now.order[0]]
        others = [self._kb.conditions[row] for row in now.order[1:ALWAYS]]
        emergencies = [row for row, c in enumerate(self._kb.conditions) if c.urgency == "emergency"]
        danger = float(np.sum(now.chance[emergencies]))
        return closing.close(
            closing.Conclusion(
                lead,
                reasons=self._reasons(view, now),
                others=tuple(closing.condition_words(c, view.language).name for c in others),
                advice=self._options.advice_points,
                explain=True,
                emergency=lead.urgency == "emergency" or danger > EMERGENCY_SHARE,
            ),
            view.intake,
            view.language,
        )

    def _reasons(self, view: DoctorView, now: Assessment) -> tuple[str, ...]:
        """Return the names of up to three symptoms told that speak most for the leading condition.

        A symptom with the name of a condition (痤疮) is left out: it would sound like the diagnosis.
        """
        told = replace(now.evidence, present=now.evidence.present - now.evidence.reported)
        present, _ = informative(self._kb, told)
        if not present:
            return ()
        weight = support(self._kb, present, present=True)[now.order[0]]
        best = [present[i] for i in np.argsort(-weight, kind="stable") if weight[i] > 0.3]
        found = [self._kb.finding(name) for name in best if is_symptom(self._kb, name)]
        words = [f.zh.name if view.language == "zh" else f.en.name for f in found]
        return tuple(word for word in words if not reported_conditions(self._kb, word, view.language))[:3]

    def _differential(self, now: Assessment, view: DoctorView) -> tuple[str, ...]:
        rows = [row for i, row in enumerate(now.order[:LISTED]) if i < ALWAYS or now.chance[row] >= WORTH_NAMING]
        return tuple(closing.condition_words(self._kb.conditions[row], view.language).name for row in rows)

    def _afterwards(self, view: DoctorView, now: Assessment) -> str:
        """Answer a question after the closing from its advice, or say goodbye."""
        named = [
            c for c in self._kb.conditions if closing.condition_words(c, view.language).name in now.progress.concluded
        ]
        lead = self._kb.conditions[now.order[0]]
        chosen = lead if lead in named or not named else named[0]
        asks = questions(now.progress.last_patient, view.language)
        if asks:
            return closing.answer(chosen, " ".join(asks), now.progress.concluded, view.language)
        return closing.goodbye(view.language)
