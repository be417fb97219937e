"""The embedded patient: an agenda of things to tell, popped by what the doctor asks; it answers from its case only.

The agenda idea follows Schatzmann et al. 2007, "Agenda-based user simulation for bootstrapping a POMDP
dialogue system": a stack of things the user has to say, from which each answer pops.
"""

from __future__ import annotations

import random
from typing import get_args

from pydantic import Field

from agents import acts
from agents.patients import persona_effects
from agents.patients.agenda_end import invites_now, last_doctor, real_questions, stop_reason, told_ids
from agents.patients.answering import Answering, asked_items
from agents.patients.concepts import concepts
from agents.patients.fitting import Segment, fit, unsaid
from agents.patients.phrasing import Phrasing, Said, own_phrase
from agents.patients.questions import asked, wording
from agents.patients.retrieval import CaseIndex, index_of
from agents.patients.text import closed, join, limit, normal, shorten, size
from agents.patients.understanding import Ask, asks_of
from agents.protocols import PatientReply, PatientView
from scenarios.schema import Frozen, Language, StopReason

_RESERVE = {"en": 16, "zh": 28}
"""Room kept for the invitation or the closing words, in words and characters."""


class AgendaOptions(Frozen):
    """Options of the ``agenda`` patient."""

    max_facts: int = Field(default=2, ge=1, le=10, description="facts told on one open question")


class AgendaPatient:
    """A patient that tells its case by disclosure level and says "I don't know" to everything else.

    Stateless: all it knows stands in the view. The same view gives the same words.
    """

    def __init__(self, options: AgendaOptions | None = None) -> None:
        """Keep the options and read the word tables, so that speaking itself opens no file."""
        self._options = options or AgendaOptions()
        for language in get_args(Language):
            wording("", language), concepts("", language), own_phrase(language)

    async def speak(self, view: PatientView) -> PatientReply:
        """Return the opening (no turns yet) or the answer to the doctor's last turn; never raises."""
        return self._open(view) if last_doctor(view.turns) is None else self._reply(view)

    def _open(self, view: PatientView) -> PatientReply:
        turn = self._begin(view)
        language = view.case.language
        complaint = persona_effects.spoken(view.persona, turn.phrasing.redact(view.case.chief_complaint), language)
        complaint = shorten(unsaid(complaint, turn.said, language), language, limit(language) * 3 // 4)
        opening = Segment(complaint or turn.phrasing.pick("acknowledge"))
        turn.said.add(opening.text)
        turn.tell_volunteered()
        return self._finish(view, turn, [opening, *turn.segments], None)

    def _reply(self, view: PatientView) -> PatientReply:
        turn = self._begin(view)
        reason = stop_reason(view)
        if reason == "advice_given" or (reason is None and self._nothing_left_to_ask(view, turn.index)):
            return PatientReply(turn.phrasing.pick("thanks"), end="advice_given")
        if reason == "farewell":
            return PatientReply(turn.phrasing.pick("goodbye"), end="farewell")
        doctor = last_doctor(view.turns)
        questions = real_questions(doctor.text, view.case.language) if doctor else []
        parry = "" if reason or not questions else self._parry(view, turn)
        if parry:
            return PatientReply(parry)
        turn.answer(asks_of(turn.index, questions))
        if not questions and reason is None:
            self._react(view, turn)
        turn.tell_volunteered()
        if (
            view.persona.personality == "talkative"
            and sum(s.item is not None for s in turn.segments) <= self._options.max_facts
        ):
            turn.tell_agenda(1)
        return self._finish(view, turn, turn.segments, reason)

    def _begin(self, view: PatientView) -> Answering:
        rng = random.Random(view.seed)
        index = index_of(view.case)
        language = view.case.language
        said = Said(view.turns, language)
        earlier: list[str] = []
        if view.persona.personality == "distrustful":
            before = [turn.text for turn in view.turns if turn.role == "doctor"][:-1]
            earlier = [question for text in before for question in asked(text, language)]
        return Answering(
            index=index,
            persona=view.persona,
            phrasing=Phrasing(view.case, rng, said, view.exchange),
            said=said,
            told=told_ids(view.turns),
            asked_before=asked_items(index, earlier),
            quota=persona_effects.facts_per_turn(
                view.persona, self._options.max_facts, view.consultation_seed, view.exchange
            ),
            consultation_seed=view.consultation_seed,
        )

    def _nothing_left_to_ask(self, view: PatientView, index: CaseIndex) -> bool:
        """Whether the doctor concluded and asks only for questions the patient does not have."""
        doctor, language = last_doctor(view.turns), view.case.language
        if doctor is None or not acts.states_diagnosis(doctor.text, language):
            return False
        asks = asks_of(index, real_questions(doctor.text, language))
        told = told_ids(view.turns)
        quiet = all(a.kind == "opinion" and all(i.id in told for i in a.topical) for a in asks)
        return bool(asks) and quiet and acts.gives_advice(doctor.text, language)

    def _parry(self, view: PatientView, turn: Answering) -> str:
        language = view.case.language
        if persona_effects.misses(view.persona, view.turns, turn.phrasing.rng, language):
            return turn.phrasing.pick("missed")
        doctor_texts = [t.text for t in view.turns if t.role == "doctor"]
        word = persona_effects.puzzled_by(view.persona, doctor_texts, language)
        return turn.phrasing.maybe("jargon", thing=word) if word and turn.phrasing.thing(word) else ""

    def _react(self, view: PatientView, turn: Answering) -> None:
        """Say something to a doctor who asked nothing."""
        doctor, language = last_doctor(view.turns), view.case.language
        concluded = doctor is not None and acts.states_diagnosis(doctor.text, language)
        turn.answer([Ask("check")] if not concluded else [])
        if concluded:
            turn.segments.append(Segment(turn.phrasing.pick("what_to_do")))

    def _finish(
        self, view: PatientView, turn: Answering, segments: list[Segment], reason: StopReason | None
    ) -> PatientReply:
        language, most = view.case.language, limit(view.case.language)
        before = Said(view.turns, language).text
        possible = tuple(i for s in segments for i in s.ids)
        last_word = reason == "facts_out" or invites_now(view, possible)
        room = most - (_RESERVE[language] if last_word else 0)
        kept = fit(segments, language, persona_effects.room(view.persona, language, room), before)
        text = join([s.text for s in kept], language)
        ids = tuple(dict.fromkeys(i for s in kept for i in s.ids))
        told = [s.item for s in kept if s.item]
        remark = "" if reason else persona_effects.remark(view.persona, told, turn.phrasing, turn.phrasing.rng)
        if remark and size(join([text, remark], language), language) <= room:
            text = join([text, remark], language)
        closing = turn.phrasing.pick("closing") if reason else ""
        if not reason and invites_now(view, ids):
            closing = turn.phrasing.pick("invitation")
        text = join([text, closing], language)
        if size(text, language) > most:
            text = shorten(text, language, most)
        return PatientReply(closed(text, language) if normal(text) else self._last_word(view), ids, reason)

    @staticmethod
    def _last_word(view: PatientView) -> str:
        n = view.exchange
        return (
            f"这是您的第{n}问，我没有什么可说的。"
            if view.case.language == "zh"
            else f"I have no answer to question number {n}."
        )
