"""The doctor with a form: reads fixed questions in fixed order; hears findings in the dialogue, weighs none."""

from __future__ import annotations

from agents.doctors import closing, interview
from agents.doctors.options import DoctorOptions
from agents.doctors.wording import wording
from agents.knowledge.base import KnowledgeBase, knowledge
from agents.knowledge.lexicon import Lexicon, lexicon
from agents.knowledge.overlap import best_match
from agents.protocols import DoctorReply, DoctorView


class Checklist:
    """Reads one item of a written list a turn, the same for everybody, also when it was already answered.

    At its last word, when the list is through, or when invited, it ticks what was heard and what was denied, and
    names the condition whose list it matches best, with that condition's advice: each finding told counts alike,
    however telling it is, the complaint half as much again, and a usual finding denied takes half a count away.
    It follows up on nothing, requests no tests and gives neither reasons nor a safety net.
    """

    def __init__(self, options: DoctorOptions, kb: KnowledgeBase | None = None, words: Lexicon | None = None) -> None:
        """Use the shipped knowledge base unless another is given."""
        self._options = options
        self._kb = kb or knowledge()
        self.fingerprint = self._kb.fingerprint()
        self._words = words or (Lexicon(kb) if kb else lexicon())

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the next item, the conclusion, or a goodbye after it."""
        progress = interview.read(view)
        if progress.concluded:
            return DoctorReply(closing.goodbye(view.language))
        items = wording().checklist[view.language]
        through = progress.doctor_turns >= len(items)
        if not (view.is_last or through or interview.invited(view, progress)):
            return DoctorReply(items[progress.doctor_turns].to(view.intake, view.language))
        heard = self._words.evidence(view.dialogue, view.language, view.intake.calls_patient)
        found = best_match(self._kb, heard, view.intake.age_years, view.intake.sex)
        name = closing.condition_words(found, view.language).name
        text = closing.plain_close(found, self._options.advice_points, view.language)
        return DoctorReply(text, differential=(name,))
