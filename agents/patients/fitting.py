"""Fits the things that a patient would say into one spoken turn; it knows neither case nor question."""

from __future__ import annotations

from dataclasses import dataclass

from agents.acts import sentences
from agents.patients.phrasing import Said
from agents.patients.retrieval import Item
from agents.patients.text import clauses, closed, content, join, limit, normal, shorten, size
from scenarios.schema import Language

DENIAL, DIRECT, OPEN, UNKNOWN, REPEAT = range(5)
"""What must be said first when room is short: the lower the rank, the longer it is kept."""
_TOLD_SHARE = 0.6
"""A fact counts as disclosed when this share of its content words was said."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One thing to say. ``item``: the fact it tells, if it tells one; ``ids``: what it reveals; ``rank``: above."""

    text: str
    ids: tuple[str, ...] = ()
    item: Item | None = None
    rank: int = DIRECT


def unsaid(text: str, said: Said, language: Language) -> str:
    """Return the sentences (of overlong texts: the clauses) of ``text`` that were not said before."""
    pieces = sentences(text, language)
    if size(text, language) > limit(language):
        pieces = [c for s in pieces for c in clauses(s, language) if normal(c) not in said.text]
    fresh: list[str] = []
    for piece in pieces:
        if not said.has(closed(piece, language)) and normal(piece) not in {normal(f) for f in fresh}:
            fresh.append(piece)
    joined = join(fresh, language)
    return closed(joined, language) if normal(joined) else ""


def fit(segments: list[Segment], language: Language, room: int, before: str) -> list[Segment]:
    """Return the segments that fit ``room``, those of the lowest rank first, in the order they were put.

    The first overlong fact is shortened, later ones wait. ``before``: what the patient said earlier, letters only;
    a shortened fact counts as disclosed only when most of its content words were said, then or now.
    """
    kept: dict[int, Segment] = {}
    for place, segment in sorted(enumerate(segments), key=lambda pair: pair[1].rank):
        used = size(join([s.text for s in kept.values()], language), language)
        if used + size(segment.text, language) <= room:
            kept[place] = segment
        elif segment.item and not any(s.item for s in kept.values()) and room - used >= 8:
            text = shorten(segment.text, language, room - used)
            ids = segment.ids if _mostly(segment, text + before, language) else ()
            kept[place] = Segment(text, ids, segment.item, segment.rank)
    if not kept and segments:
        first = min(segments, key=lambda s: s.rank)
        text = shorten(first.text, language, room)
        return [Segment(text, first.ids if _mostly(first, text + before, language) else (), first.item, first.rank)]
    return [kept[place] for place in sorted(kept)]


def _mostly(segment: Segment, said: str, language: Language) -> bool:
    terms = set(content(segment.item.text if segment.item else segment.text, language))
    heard = normal(said)
    return not terms or sum(normal(term) in heard for term in terms) / len(terms) >= _TOLD_SHARE
