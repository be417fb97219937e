"""Checks whether any patient, embedded or model, stayed true to its case; it reads transcripts and asks no model.

Five kinds of breach: ``leaked-diagnosis``, ``made-up`` (with ``contradiction`` for what the case rules out),
``role-flip``, ``repetition`` and ``wrong-language``. The checks are tuned for few false alarms: a claim is only
called made up when it names a listed symptom, illness, drug or an amount that nothing in the case supports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from agents import acts
from agents.amounts import amounts, relative_days
from agents.patients.concepts import concepts, implied, things
from agents.patients.phrasing import own_phrase, redact, secret_names
from agents.patients.text import clauses, normal
from agents.protocols import FidelityReport
from scenarios.schema import Case, Evidence, Language, Turn

_NOT_CLAIMED = {
    "en": re.compile(
        r"\b(no|not|none|never|without|neither|nor|cannot|n't|deny|denies|nobody|nothing|hardly|"
        r"don't know|unsure|sure about|worr\w+|"
        r"afraid|scared|fear|wonder\w*|might|could|maybe|perhaps|if|will|would|should|i'll|we'll|"
        r"going to|whether|what about|"
        r"doctor said|you said|you mentioned|mean by)\b|n't\b|n’t\b|\?",
        re.I,
    ),
    "zh": re.compile(
        r"没|不|无|未|否认|担心|怕|会不会|是不是|可能|也许|如果|万一|说到|什么是|什么叫|意思|您说的|医生说|以后|我会|[?？]"
    ),
}
_FLIP = {
    "en": re.compile(
        r"\b(do|have|are|did|does|were) you (have|had|feel|feeling|take|taking|smoke|drink|ever|notice|noticed|been|"
        r"allergic|"
        r"experienc\w+|any)\b[^.!]*\?|\bhow long have you\b|"
        r"\bwhen did (your|you|the|this)\b[^.!]*\?|\bwhere (does it|is the pain)\b|"
        r"\bwhat (medications?|medicines?) (do|are) you\b|"
        r"\b(i|we) (recommend|suggest|advise|prescribe) (that )?(you|taking|an?)\b|"
        r"\byou should (take|see|rest|avoid|go|drink|have|get|try|come)\b|"
        r"\bi('ll| will| am going to|'m going to) (prescribe|examine|order)\b|"
        r"\b(the|your|my) (most likely )?diagnosis is\b|\byou (most likely|probably) have\b|\bas your doctor\b",
        re.I,
    ),
    "zh": re.compile(
        r"[您你](最近|以前|平时|现在|之前)?(有没有|有过|是否)(?!.{0,8}(办法|建议|药))|[您你](哪里|哪儿)不舒服|[您你].{0,6}(多久了|什么时候开始|几天了)[?？]|"
        r"[您你](以前)?(得过|吃过|服用过)什么|建议[您你]|[您你](应该|需要|最好)(去|做|吃|多|休息|服|注意|按|住院)|我(给|帮)[您你](开|检查|做个)|"
        r"初步(考虑|诊断)|诊断(为|是)|(我|现在)考虑(为|是)|根据[您你]的(症状|描述)|请(按时|遵医嘱)"
    ),
}
_OWN_CLAIM = re.compile(
    r"^(but|though|although|because|so|only|just|except|however|yet|then)\b|"
    r"^(and |or )?(i|it|he|she|we|they|there|this|my|his|our|their|mine)\b|"
    r"(?<!that )(?<!which )(?<!who )\b(i|it|he|she|we|they|there)(\s+(\w+ly\s+|just\s+|also\s+|do\s+)?"
    r"(have|has|had|is|was|am|are|get|gets|got|feel|feels|felt|take|takes|took|cough|vomit)\b|['’](m|s|ve|d|re)\b)",
    re.I,
)
"""A clause with a subject and verb of its own claims something, even after a denial."""
_ASSENT = {
    "en": re.compile(r"^\W*(yes|yeah|yep|i do|i have|correct)\W*$", re.I),
    "zh": re.compile(r"^(有|有的|是|是的|对|对的|嗯有)[。，,.!！]?$"),
}
_SHORT = {"en": 11, "zh": 4}
"""Sentences of fewer letters ("Yes, doctor") may be repeated."""
_MIN_FOREIGN = 4
_WIDE = frozenset(
    {
        "bleeding",
        "discharge",
        "work",
        "home",
        "exercise",
        "diet",
        "fluids",
        "sleep",
        "appetite",
        "stress",
        "weight",
        "bowels",
        "urine",
        "temperature",
        "memory",
        "interest",
        "feeding",
        "birth",
        "milestones",
        "anxiety",
        "injury",
    }
)
"""Concepts of everyday talk: naming one claims nothing of medical weight."""


@dataclass(frozen=True)
class _Record:
    """What a case alone allows and rules out; ``own`` is its wording, names of the diagnosis left out."""

    case: Case
    present: frozenset[str]
    absent: frozenset[str]
    amounts: frozenset[tuple[str, float]]
    own: str


@dataclass
class _Known:
    """What a patient may say: from the case, and what others have said up to a turn."""

    record: _Record
    amounts: set[tuple[str, float]]
    told: set[str] = field(default_factory=set)
    heard: str = ""

    @property
    def case(self) -> Case:
        """The case itself."""
        return self.record.case

    @property
    def present(self) -> frozenset[str]:
        """Concepts the record holds."""
        return self.record.present

    @property
    def absent(self) -> frozenset[str]:
        """Concepts the record rules out."""
        return self.record.absent


def check_patient(case: Case, turns: tuple[Turn, ...]) -> FidelityReport:
    """Return every breach of the patient's turns, in order; ``Turn.disclosed`` is not relied on.

    Each breach is an ``Evidence`` with ``good=False`` that cites ``Turn.index``.
    """
    record = _record(case)
    known = _Known(record, set(record.amounts))
    said: set[str] = set()
    breaches: list[Evidence] = []
    question = ""
    for turn in turns:
        if turn.role != "patient":
            _hear(turn, known)
            question = turn.text if turn.role == "doctor" else question
            continue
        for tag, reason in (
            *_leaks(turn.text, known),
            *_language(turn.text, case.language),
            *_flips(turn.text, known),
            *_made_up(turn.text, question, known),
            *_repeats(turn.text, said, case.language),
        ):
            breaches.append(Evidence(tag=tag, reason=reason, turn=turn.index, good=False))
    return FidelityReport(tuple(dict.fromkeys(breaches)))


@lru_cache(maxsize=512)
def _record(case: Case) -> _Record:
    language = case.language
    told = [case.chief_complaint, *(fact.text for fact in case.facts)]
    present = frozenset[str]().union(*(concepts(text, language) for text in told))
    present |= frozenset[str]().union(*(concepts(cue, language) for fact in case.facts for cue in fact.cues))
    absent = frozenset(c for item in case.absences for c in _exact(item.name, language))
    texts = [*told, *(absence.name for absence in case.absences), *(f.result for f in case.findings)]
    known = {pair for text in texts for pair in amounts(text, language) | relative_days(text, language)}
    if case.demographics.age_years is not None:
        known |= {("age", case.demographics.age_years), ("days", case.demographics.age_years * 365)}
    own = normal(redact(" ".join(told), case))
    return _Record(case, present, absent - present, frozenset(known), own)


def _exact(text: str, language: Language) -> frozenset[str]:
    """Return what a text speaks of itself, without the more general things that go with it."""
    return frozenset(thing.concept for thing in things(text, language) if not thing.concept.startswith("part:"))


def _hear(turn: Turn, known: _Known) -> None:
    """Take in what a doctor or examiner said: told things may be repeated, asked ones may not be claimed."""
    language = known.case.language
    known.heard += "\n" + turn.text
    known.amounts |= amounts(turn.text, language)
    told = [turn.text] if turn.role == "examiner" else acts.statements(turn.text, language)
    known.told |= {concept for text in told for concept in concepts(text, language)}


def _leaks(text: str, known: _Known) -> Iterator[tuple[str, str]]:
    for pattern in secret_names(known.case):
        hit = pattern.search(text)
        if hit and not pattern.search(known.heard):
            yield "leaked-diagnosis", f"the patient names the diagnosis: {hit.group()!r}"
            return


def _language(text: str, language: Language) -> Iterator[tuple[str, str]]:
    chinese = len(re.findall(r"[\u3400-\u9fff]", text))
    latin_words = len(re.findall(r"[A-Za-z]{2,}", text))
    if language == "zh" and latin_words >= _MIN_FOREIGN and latin_words > chinese / 2:
        yield "wrong-language", "the patient does not speak Chinese"
    if language == "en" and chinese >= _MIN_FOREIGN and chinese > latin_words / 2:
        yield "wrong-language", "the patient does not speak English"


def _flips(text: str, known: _Known) -> Iterator[tuple[str, str]]:
    language, own = known.case.language, known.record.own
    for sentence in acts.sentences(text, language):
        hit = _FLIP[language].search(sentence)
        if hit and normal(sentence) not in own and normal(hit.group()) not in own:
            yield "role-flip", f"the patient talks like a doctor: {sentence!r}"


def _repeats(text: str, said: set[str], language: Language) -> Iterator[tuple[str, str]]:
    for sentence in acts.sentences(text, language):
        key = normal(sentence)
        if key in said and len(key) >= _SHORT[language]:
            yield "repetition", f"said before: {sentence!r}"
        said.add(key)


def _made_up(text: str, question: str, known: _Known) -> Iterator[tuple[str, str]]:
    language = known.case.language
    supported = known.present | known.told
    for sentence in acts.sentences(text, language):
        if _is_own_phrase(sentence, language):
            continue
        for concept in sorted(_claims(sentence, language)):
            if _contradicts(concept, known):
                yield "contradiction", f"the case rules out {concept!r}: {sentence!r}"
            elif concept not in supported and concept not in _WIDE and not _near(concept, supported):
                yield "made-up", f"nothing in the case supports {concept!r}: {sentence!r}"
        for unit, value in sorted(amounts(sentence, language)):
            if not _has_amount(unit, value, known.amounts):
                yield "made-up", f"the case holds no such amount ({value:g} {unit}): {sentence!r}"
    yield from _assents(text, question, known)


def _assents(text: str, question: str, known: _Known) -> Iterator[tuple[str, str]]:
    """A bare "yes" claims the one thing that was asked."""
    language = known.case.language
    asked = acts.questions(question, language)
    whole = acts.sentences(text, language)
    if len(asked) != 1 or not whole or not _ASSENT[language].match(whole[0]) or len(whole) > 1:
        return
    for concept in sorted(_exact(asked[0], language)):
        if _contradicts(concept, known):
            yield "contradiction", f"the case rules out {concept!r}, the patient says {whole[0]!r}"
        elif concept not in known.present | known.told and concept not in _WIDE and not _near(concept, known.present):
            yield "made-up", f"nothing in the case supports {concept!r}, the patient says {whole[0]!r}"


def _claims(sentence: str, language: Language) -> set[str]:
    """Return the concepts a sentence claims to be there: clauses that deny, doubt, ask or fear claim nothing."""
    claimed: set[str] = set()
    denied = False
    for clause in clauses(sentence, language):
        if _NOT_CLAIMED[language].search(clause):
            denied = True
            continue
        if denied and _goes_on(clause, language):
            continue
        denied = False
        claimed |= _exact(clause, language)
    return claimed if not re.search(r"[?？]\s*$", sentence) else set()


def _goes_on(clause: str, language: Language) -> bool:
    """Whether a clause only lengthens the list of the denial before it ("..., weight loss or a rash")."""
    if language == "zh":
        return bool(re.match(r"也|或|和", clause))
    return not _OWN_CLAIM.search(clause)


def _contradicts(concept: str, known: _Known) -> bool:
    return bool(implied(concept) & known.absent) and concept not in known.told | known.present


def _near(concept: str, supported: frozenset[str] | set[str]) -> bool:
    """Whether a combined claim (pain@arm) is carried by its pieces, or a bare sensation by a located one."""
    sensation, _, part = concept.partition("@")
    if part:
        return sensation in supported and f"part:{part}" in supported
    return any(known.startswith(f"{concept}@") for known in supported)


def _has_amount(unit: str, value: float, known: set[tuple[str, float]]) -> bool:
    same = [other for name, other in known if name == unit]
    slack = 0.01 if unit == "degrees" else 0.15
    return any(abs(other - value) <= slack * max(abs(other), abs(value)) for other in same)


def _is_own_phrase(sentence: str, language: Language) -> bool:
    return own_phrase(language).fullmatch(sentence) is not None
