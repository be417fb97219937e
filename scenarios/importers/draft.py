"""From pieces of a record to a valid Case: ids, duplicates, the limit of facts, masking of the diagnosis.

Critical, documented once for all formats: the primary and secondary symptoms, the first sentence that says when or
for how long, and the past history that the record reports; where these are fewer than three, the next sentences of the
history. Nothing negative and nothing empty is ever critical.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from scenarios.errors import ImportRecordError
from scenarios.importers.diagnosis import masked, mentions, names_of
from scenarios.importers.findings import free_id
from scenarios.importers.text import OPENING_LIMIT, cut, length, pieces, slug
from scenarios.importers.topics import disclosure_of, topic_of
from scenarios.schema import (
    Absence,
    Case,
    Demographics,
    Department,
    Diagnosis,
    Disclosure,
    Fact,
    Finding,
    Language,
    Provenance,
    Speaker,
    Topic,
)

MAX_FACTS = 16
RANK = {"primary": 0, "secondary": 1, "history": 2, "past": 3, "medications": 4, "family": 5, "review": 6, "social": 7}


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing the speaker can say; ``section`` is a key of ``RANK`` and decides what goes first when too many."""

    text: str
    section: str
    topic: Topic
    disclosure: Disclosure = "asked"
    critical: bool = False


@dataclass(slots=True)
class Draft:
    """A case while it is put together."""

    id: str
    language: Language
    source: str
    record: str
    licence: str = ""
    title: str = ""
    department: Department = "general"
    who: Demographics = field(default_factory=Demographics)
    speaker: Speaker = field(default_factory=Speaker)
    opening: str = ""
    diagnosis: str = ""
    more_names: tuple[str, ...] = ()
    pieces: list[Piece] = field(default_factory=list)
    absent: list[tuple[str, Topic]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self,
        text: str,
        section: str,
        *,
        default: Topic = "associated",
        critical: bool = False,
        topic: Topic | None = None,
    ) -> None:
        """Add a sentence of the speaker's, sorted by topic; one that is too long becomes several."""
        chosen = topic or topic_of(self._plain(text), self.language, default)
        disclosure: Disclosure = "volunteered" if section == "primary" else disclosure_of(text, chosen, self.language)
        if section == "social":
            disclosure = "specific"
        for number, part in enumerate(pieces(text, self.language)):
            self.pieces.append(Piece(part, section, chosen, disclosure, critical and number == 0))

    def _plain(self, text: str) -> str:
        """Return ``text`` without the words for the patient, which may be a kinship term."""
        called = self.speaker.calls_patient
        return re.sub(re.escape(called), "", text, flags=re.I) if called else text

    def deny(self, names: Sequence[str]) -> None:
        """Add absences, one a name."""
        self.absent += [(name, topic_of(name, self.language)) for name in names]


def case_of(draft: Draft) -> Case:
    """Return the finished case; raises ImportRecordError when nothing is left that a patient could say."""
    taken = {finding.id for finding in draft.findings}
    diagnosis, names = _diagnosis(draft)
    facts = _facts(draft, names, taken)
    opening = draft.opening
    if names and mentions(opening, names):
        opening = masked(opening, names, draft.language)
        draft.notes.append("the diagnosis is masked in the opening")
    if not facts or not opening:
        raise ImportRecordError(draft.record, "holds nothing that a patient could say")
    absences = [
        Absence(id=free_id(f"no-{slug(name, 'item')}", taken), name=name, topic=topic)
        for name, topic in dict(draft.absent).items()
        if not (names and mentions(name, names))
    ]
    return Case(
        id=draft.id,
        language=draft.language,
        title=draft.title,
        department=draft.department,
        demographics=draft.who,
        speaker=draft.speaker,
        chief_complaint=cut(opening, draft.language, OPENING_LIMIT[draft.language]),
        facts=tuple(facts),
        absences=tuple(absences),
        findings=tuple(draft.findings),
        diagnosis=diagnosis,
        provenance=Provenance(
            source=draft.source, record=draft.record, licence=draft.licence, note="; ".join(dict.fromkeys(draft.notes))
        ),
    )


def _diagnosis(draft: Draft) -> tuple[Diagnosis | None, tuple[str, ...]]:
    if not draft.diagnosis.strip():
        return None, ()
    name, aliases = names_of(draft.diagnosis)
    if not name:
        return None, ()
    extra = [alias for alias in draft.more_names if alias.lower() not in {name.lower(), *map(str.lower, aliases)}]
    return Diagnosis(name=name, aliases=(*aliases, *extra)), (name, *aliases, *extra)


def _facts(draft: Draft, names: tuple[str, ...], taken: set[str]) -> list[Fact]:
    kept: list[Piece] = []
    for piece in draft.pieces:
        if names and mentions(piece.text, names):
            text = masked(piece.text, names, draft.language)
            draft.notes.append("the diagnosis is masked in what the patient says")
            if len(_content(text, draft.language)) < 2:
                continue
            piece = Piece(text, piece.section, piece.topic, piece.disclosure, piece.critical)
        if not _repeats(piece, kept, draft.language):
            kept.append(piece)
    chosen = _limited(_enough_critical(kept, draft.language), draft)
    return [
        Fact(
            id=free_id(f"{piece.topic.replace('_', '-')}-{number}", taken),
            topic=piece.topic,
            text=piece.text,
            disclosure=piece.disclosure,
            critical=piece.critical,
        )
        for number, piece in enumerate(chosen, 1)
    ]


_NEGATIVE = {
    "en": re.compile(r"\b(?:not|no|never|without|don't|doesn't|haven't|hasn't|isn't|didn't|wasn't|can't)\b", re.I),
    "zh": re.compile(r"没|无|不|否认|未"),
}


def _enough_critical(kept: list[Piece], language: Language) -> list[Piece]:
    """Mark further sentences of the history, then the rest, until three are critical."""
    lacking = 3 - sum(piece.critical for piece in kept)
    order = sorted(range(len(kept)), key=lambda i: (RANK[kept[i].section], i))
    for place in order:
        piece = kept[place]
        if (
            lacking > 0
            and not piece.critical
            and piece.section != "social"
            and not _NEGATIVE[language].search(piece.text)
        ):
            kept[place] = replace(piece, critical=True)
            lacking -= 1
    return kept


def _repeats(piece: Piece, kept: Sequence[Piece], language: Language) -> bool:
    """Whether an earlier piece already says all that this one says."""
    words = _content(piece.text, language)
    need = 0.99 if piece.section in ("primary", "secondary") else 0.8
    return not words or any(len(words & _content(other.text, language)) >= need * len(words) for other in kept)


_STOP_EN = frozenset(
    "i i've i'm my me a an the and or of in on with for to is are was were be been has have had do does don't "
    "doesn't it its this that "
    "he she his her we our about also some any at by from no not history noticed having".split()
)


def _content(text: str, language: Language) -> frozenset[str]:
    if language == "zh":
        plain = re.sub(r"[^\u4e00-\u9fffA-Za-z0-9]", "", text)
        return frozenset(plain[i : i + 2] for i in range(len(plain) - 1))
    return frozenset(
        re.sub(r"(?:ing|ed|es|s)$", "", w) for w in re.findall(r"[a-z0-9'-]+", text.lower()) if w not in _STOP_EN
    )


def _limited(kept: list[Piece], draft: Draft) -> list[Piece]:
    """Bring the facts down to the limit: join the least important of one topic and level, then leave some out."""
    chosen = list(kept)
    left_out = 0
    while len(chosen) > MAX_FACTS:
        order = sorted(range(len(chosen)), key=lambda i: (chosen[i].critical, -RANK[chosen[i].section], -i))
        if not _join_one(chosen, order, draft.language):
            chosen.pop(order[0])
            left_out += 1
    if left_out:
        draft.notes.append(f"{left_out} less important facts are left out")
    return chosen


def _join_one(chosen: list[Piece], order: list[int], language: Language) -> bool:
    limit = 60 if language == "zh" else 40
    mark = "，" if language == "zh" else " "
    for later in order:
        for earlier in range(later):
            one, two = chosen[earlier], chosen[later]
            joined = f"{one.text.rstrip('。')}{mark}{two.text}"
            if (
                one.topic == two.topic
                and one.disclosure == two.disclosure
                and one.critical == two.critical
                and length(joined, language) <= limit
            ):
                chosen[earlier] = Piece(joined, one.section, one.topic, one.disclosure, one.critical)
                chosen.pop(later)
                return True
    return False
