"""The hurried doctor: answers at once from the opening words; knows nothing that was not said in them."""

from __future__ import annotations

from agents.doctors import closing
from agents.doctors.options import DoctorOptions
from agents.knowledge.base import KnowledgeBase, knowledge
from agents.knowledge.lexicon import Lexicon, lexicon
from agents.knowledge.overlap import best_overlap
from agents.protocols import DoctorReply, DoctorView


class OneShot:
    """Asks nothing: names the condition whose words occur most often in the opening, with advice for anybody."""

    def __init__(self, options: DoctorOptions, kb: KnowledgeBase | None = None, words: Lexicon | None = None) -> None:
        """Use the shipped knowledge base unless another is given."""
        self._options = options
        self._kb = kb or knowledge()
        self.fingerprint = self._kb.fingerprint()
        self._words = words or (Lexicon(kb) if kb else lexicon())

    async def reply(self, view: DoctorView) -> DoctorReply:
        """Return the conclusion at the first turn, a goodbye at every later one."""
        if any(utterance.role == "doctor" for utterance in view.dialogue):
            return DoctorReply(closing.goodbye(view.language))
        opening = next((u.text for u in view.dialogue if u.role == "patient"), "")
        found = best_overlap(self._kb, self._words.named(opening, view.language))
        name = closing.condition_words(found, view.language).name
        return DoctorReply(closing.generic_close(found, view.language), differential=(name,))
