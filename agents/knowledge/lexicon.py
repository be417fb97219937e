"""Hears findings in what people say, in both languages, with polarity; it knows words, no likelihoods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from agents.acts import questions, sentences
from agents.knowledge import chinese, english, english_denial
from agents.knowledge.base import KnowledgeBase, knowledge
from agents.knowledge.duration import Course, course
from agents.knowledge.inference import Evidence, is_symptom
from agents.knowledge.reported import results
from scenarios.schema import Language, Utterance

Polarity = Literal["present", "absent", "unknown"]
_ABOUT_OTHERS = re.compile(r"^family_|sick_contact|same_room|tb_contact")
_NO = {
    "zh": re.compile(
        r"^(嗯|哦|呃|啊|那|这个|这些|那些|以上|他|我|孩子|医生|大夫)*[,，]?(倒|都|也|从来|真|应该|好像|确实|目前)*"
        r"(没有|没|不|无|不是|不会|没有过|没这个|没这些)(过|啊|呀|呢|的|吧|了|哦|这些|这种|那些|症状|情况|感觉|发现|出现)*$"
    ),
    "en": re.compile(
        r"^(?:oh |um |well |uh |doctor )*(?:no|nope|nah|none|neither|never|not really|not at all"
        r"|not that i(?:'ve)? (?:know|noticed|am aware)(?: of)?|nothing like that|none of (?:those|that|them|these)"
        r"|(?:no )?(?:i|he|she|they) (?:do|does|did|have|has|am|is|had)(?:n't| not)"
        r"(?: had| have| got)?(?: any| either)?(?: of)?(?: that| those| them| these)?)$"
    ),
}
_YES = {
    "zh": re.compile(r"^(嗯|对|是|有|会|没错|有一点|有点|有过)+(啊|呀|呢|的|吧|了)*$"),
    "en": re.compile(
        r"^(?:oh |um |well )*(?:yes|yeah|yep|yup|right|correct|sure|indeed|a bit|a little|sometimes|that's right"
        r"|(?:yes )?(?:i|he|she|it|they) (?:do|does|did|have|has|am|is|had))(?: a (?:bit|little))?$"
    ),
}
_REST_NO = {
    "zh": re.compile(
        r"(别的|其他的?|其它的?|另外的|剩下的|其余的?)(都|倒|也)?(没有|没|不)|没有(别的|其他|其它)|只有这|就这个"
    ),
    "en": re.compile(
        r"nothing else|no other|none of the other|not the other|otherwise no"
        r"|but no(?:t|ne)?(?: of)? the (?:rest|others?)|that's all"
    ),
}


_PAST = {
    "zh": re.compile(r"小时候|年轻(的)?时候|[几多好0-9一二两三四五六七八九十]+年前|上(小|中|大)?学(的)?时候|早年|那年"),
    "en": re.compile(
        r"\bwhen (?:i|he|she) was (?:little|young|small|a |an |at |in |\d|six|seven|eight|nine|ten|\w+teen)"
        r"|\bas a (?:child|kid|lad|boy|girl|baby|teenager|student)\b|\byears (?:ago|back)\b"
        r"|\bin (?:my|his|her) (?:teens|twenties|thirties|childhood|youth)\b|\bat school\b",
        re.I,
    ),
}
_SINCE = {
    "zh": re.compile(r"开始|从[^，。]{0,8}起|就|一直|到现在|以来|越来越"),
    "en": re.compile(r"\b(?:start\w*|began|begun|since|first|came on|still|ever after|worse|now)\b", re.I),
}
"""What tells that something of long ago has lasted."""
_HABIT = {
    "zh": re.compile(r"[吃服用抽喝打]着?[^，。]{0,8}(药|片|胶囊|针|烟|酒)|[吃服用抽喝]了?[^，。]{0,3}年"),
    "en": re.compile(
        r"\b(?:tak(?:e|es|en|ing)|tablets?|pills?|inhalers?|medicines?|smok\w+|worked|job|married|drink\w*)\b", re.I
    ),
}
_ONSET = {"zh": re.compile(r"什么时候|多久|多长时间|几天"), "en": re.compile(r"\bwhen did|\bhow long", re.I)}
CHRONIC = "chronic_months"
"""The finding that a complaint has lasted for months; a beginning days ago denies it."""
_ADDRESS = frozenset({"doctor", "doc", "thank you", "thanks", "sorry", "医生", "大夫", "谢谢"})


class Mention(NamedTuple):
    """A finding named in an utterance."""

    finding: str
    polarity: Polarity


class Lexicon:
    """The findings' words of one knowledge base, indexed for both languages."""

    def __init__(self, kb: KnowledgeBase) -> None:
        """Index the terms and names."""
        self._kb = kb
        self._english = english.EnglishTerms(_terms(kb, "en"))
        self._chinese = chinese.ChineseTerms(_terms(kb, "zh"))
        self._spans = lru_cache(maxsize=16_384)(self._find)

    def read(self, text: str, language: Language, patient: str = "") -> list[Mention]:
        """Return the findings stated in ``text``, one mention each; ``present`` outweighs ``absent``.

        ``patient``: how a caregiver refers to the patient (my father), so that his symptoms are not taken for
        a relative's.
        """
        heard: dict[str, Polarity] = {}
        for sentence in sentences(text, language):
            for finding, polarity in self._sentence(sentence, language, patient):
                known = heard.get(finding)
                if not (known and polarity == "unknown" or known == "present" and polarity == "absent"):
                    heard[finding] = polarity
        return [Mention(finding, polarity) for finding, polarity in heard.items()]

    def _sentence(self, text: str, language: Language, patient: str) -> Iterator[Mention]:
        """Yield what one sentence states of the patient, of now.

        Complaints of long ago and of others are left out, and so is how long a habit, a medicine or another
        illness has lasted.
        """
        spans = [(self._kb.finding(name), said) for name, said in self._spans(text, language, patient)]
        past = bool(_PAST[language].search(text) and not _SINCE[language].search(text))
        habit = bool(_HABIT[language].search(text)) or any(finding.kind != "symptom" for finding, _ in spans)
        for finding, said in spans:
            if said == "other" and not _ABOUT_OTHERS.search(finding.id):
                continue
            if said == "present" and finding.kind == "symptom":
                if past or habit and finding.topic in ("onset", "course", "timing"):
                    said = "unknown"
            polarity: Polarity = "absent" if said == "absent" else "unknown" if said == "unknown" else "present"
            yield Mention(finding.id, polarity)

    def named(self, text: str, language: Language) -> tuple[str, ...]:
        """Return the findings whose words occur at all, negated or not, in order of id."""
        parts = sentences(text, language)
        return tuple(sorted({finding for part in parts for finding, _ in self._spans(part, language, "")}))

    def answer(self, question: str, text: str, language: Language, patient: str = "") -> list[Mention]:
        """Return what ``text`` states as an answer to the doctor's ``question``.

        A plain "no" denies all findings of the last question, a plain "yes" confirms it when it named one
        only, and "nothing else" denies those of the question that the answer does not name.
        """
        heard = self.read(text, language, patient)
        if not question:
            return heard
        stated = {mention.finding for mention in heard}
        asked_last = (questions(question, language) or [question])[-1]
        named = self.named(asked_last, language)
        asked = [name for name in named if name not in stated and not self._kb.specifics[name] & stated]
        if not asked:
            return heard
        said = [_chunks(sentence) for sentence in sentences(text, language)]
        openings = [chunks[0] for chunks in said if chunks]
        rest = bool(stated and _REST_NO[language].search(text.lower()))
        if rest or any(_denies_all(chunks, language, len(named)) for chunks in said):
            return heard + [Mention(name, "absent") for name in asked]
        if not stated and any(_YES[language].match(chunk) for chunk in openings):
            specific = [name for name in asked if not self._kb.specifics[name] & set(asked)]
            if len(specific) == 1:
                return heard + [Mention(specific[0], "present")]
        return heard

    def evidence(self, dialogue: Sequence[Utterance], language: Language, patient: str = "") -> Evidence:
        """Return all that a dialogue states; a later definite statement replaces an earlier one.

        What was told is taken back only when the doctor asked for it: "the cream stopped the itch for a while" is
        no denial of the itch.

        The complaint is what the opening names, or the first words that name a symptom at all.
        """
        heard: dict[str, Polarity] = {}
        chief: frozenset[str] = frozenset()
        reported: dict[str, Polarity] = {}
        lasting: Course | None = None
        question = ""
        for utterance in dialogue:
            if utterance.role == "doctor":
                question = utterance.text
            elif utterance.role == "examiner":
                reported |= _definite(self.read(results(utterance.text, language), language))
            else:
                mentions = self.answer(question, utterance.text, language, patient)
                asked = self.named(question, language) if question else ()
                for name, polarity in _definite(mentions).items():
                    if polarity == "present" or name in asked or heard.get(name) != "present":
                        heard[name] = polarity
                if lasting is None and (not question or _ONSET[language].search(question)):
                    lasting = self._lasting(utterance.text, language)
                if not any(is_symptom(self._kb, name) for name in chief):
                    chief |= frozenset(m.finding for m in mentions if m.polarity == "present")
        shown = frozenset(name for name, said in reported.items() if said == "present" and name not in heard)
        if lasting and CHRONIC in self._kb.finding_at:
            reported[CHRONIC] = "present" if lasting == "long" else "absent"
            heard.pop(CHRONIC, None)
        heard = {**reported, **heard}
        present = frozenset(name for name, polarity in heard.items() if polarity == "present")
        absent = frozenset(name for name, polarity in heard.items() if polarity == "absent")
        return Evidence(present, absent, chief & present, reported=shown)

    def _lasting(self, text: str, language: Language) -> Course | None:
        """Return how long ago the complaint began, from the first sentence that says so of no habit or childhood."""
        for sentence in sentences(text, language):
            past = _PAST[language].search(sentence) and not _SINCE[language].search(sentence)
            found = None if past or _HABIT[language].search(sentence) else course(sentence, language)
            if found:
                return found
        return None

    def _find(self, text: str, language: Language, patient: str) -> tuple[tuple[str, str], ...]:
        """Return (finding, polarity) in order; a pure function of the text, so each sentence is read once."""
        if language == "zh":
            plain = chinese.normal(text)
            found = sorted(self._chinese.find(plain), key=lambda f: (f.start, f.end))
            said = chinese.polarities(plain, found, chinese.normal(patient))
            return tuple(zip((f.finding for f in found), said, strict=True))
        listed = english.words(text)
        spans = sorted(self._english.find(listed), key=lambda s: s.positions)
        said = english_denial.polarities(text, listed, spans, patient)
        return tuple(zip((s.finding for s in spans), said, strict=True))


@cache
def lexicon() -> Lexicon:
    """Return the lexicon of the shipped knowledge base, indexed once."""
    return Lexicon(knowledge())


def _definite(mentions: Iterable[Mention]) -> dict[str, Polarity]:
    return {mention.finding: mention.polarity for mention in mentions if mention.polarity != "unknown"}


def _terms(kb: KnowledgeBase, language: Language) -> Iterable[tuple[str, str, bool]]:
    for finding in kb.findings:
        spoken = finding.zh if language == "zh" else finding.en
        for term in dict.fromkeys((spoken.name, *spoken.terms)):
            yield term, finding.id, False
        for term in spoken.absent_terms:
            yield term, finding.id, True


def _denies_all(chunks: list[str], language: Language, asked: int) -> bool:
    """Whether a sentence is nothing but a no; before an object of its own, a no to several things denies that only."""
    if not chunks or not _NO[language].match(chunks[0]):
        return False
    return asked == 1 or all(_NO[language].match(chunk) or chunk in _ADDRESS for chunk in chunks)


def _chunks(sentence: str) -> list[str]:
    plain = sentence.lower().replace("’", "'").strip()
    plain = re.sub(r"^((?:oh|um|well|嗯|呃|哦)[,，]\s*)", "", plain)
    parts = [part.strip() for part in re.split(r"[,，。.!！?？;；]|\s[-–—]\s", plain)]
    return [part for part in parts if part]
