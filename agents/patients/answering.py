"""Turns understood questions into things to say, each with the case items it reveals; it knows no turn limit."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from agents.acts import sentences
from agents.patients import persona_effects
from agents.patients.phrasing import Phrasing, Said
from agents.patients.retrieval import CaseIndex, Item
from agents.patients.text import clauses, closed, content, join, limit, normal, shorten, size
from agents.patients.understanding import Ask, understand
from scenarios.schema import Language, Persona

_MOST_NAMED = 3
_TOLD_SHARE = 0.6
"""A fact counts as disclosed when this share of its content words was said."""
_FIRST = (
    "associated",
    "onset",
    "course",
    "location",
    "quality",
    "severity",
    "timing",
    "provocation",
    "relief",
    "general",
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One thing to say. ``item``: the fact it tells, if it tells one; ``ids``: what it reveals."""

    text: str
    ids: tuple[str, ...] = ()
    item: Item | None = None


@dataclass
class Answering:
    """Collects what to say in one turn.

    ``told``: ids disclosed before this turn; ``refused``: ids whose first asking a distrustful patient parried;
    ``quota``: how many facts this turn may still hold.
    """

    index: CaseIndex
    persona: Persona
    phrasing: Phrasing
    said: Said
    told: frozenset[str]
    asked_before: frozenset[str]
    quota: int
    rng: random.Random
    segments: list[Segment] = field(default_factory=list)
    chosen: set[str] = field(default_factory=set)

    def answer(self, asks: list[Ask]) -> None:
        """Answer every question in order; what nobody knows is said once, at the end."""
        missing: list[str] = []
        measured = unclear = False
        for ask in asks:
            self._answer_one(ask)
            missing += ask.missing
            measured = measured or ask.measured
            unclear = unclear or (ask.kind in ("unclear", "named", "topic") and not ask.found and not ask.missing)
        if missing:
            self._unknown_things(list(dict.fromkeys(missing)), measured)
        elif unclear:
            self._say(self.phrasing.pick("unknown"))

    def _answer_one(self, ask: Ask) -> None:
        if ask.kind in ("consent", "check"):
            self._say(self.phrasing.pick("consent" if ask.kind == "consent" else "acknowledge"))
            return
        if ask.kind == "opinion":
            self._opinion(ask)
            return
        self._deny([item for item in ask.named if not item.present])
        self._named([item for item in ask.named if item.present])
        if ask.kind == "open":
            if not self.tell_agenda(self.quota) and not ask.named:
                self._say(self.phrasing.pick("nothing_more"))
        elif ask.topical:
            self._topical(ask)

    def _opinion(self, ask: Ask) -> None:
        pending = [item for item in ask.topical if item.id not in self.told | self.chosen]
        if pending and pending[0].disclosure != "specific":
            self._fact(pending[0])
        else:
            self._say(self.phrasing.pick("what_is_it"))

    def _named(self, items: list[Item]) -> None:
        most = 1 if self.persona.personality == "impatient" else _MOST_NAMED
        for item in items[:most]:
            if item.id in self.chosen:
                continue
            if not item.id or item.id in self.told:
                self._again(item)
            elif self._parried(item):
                self._say(self.phrasing.pick("distrustful"))
            else:
                self._fact(item)

    def _parried(self, item: Item) -> bool:
        distrustful = self.persona.personality == "distrustful" and item.disclosure == "specific"
        return distrustful and item.id not in self.asked_before

    def _topical(self, ask: Ask) -> None:
        fresh = [item for item in ask.topical if item.id not in self.told | self.chosen]
        pending = [item for item in fresh if item.disclosure != "specific" and item.present]
        done = bool(ask.named)
        for item in pending[: max(self.quota, 0)]:
            self._fact(item)
            done = True
        if done or any(item.id in self.chosen for item in ask.topical):
            return
        old = [item for item in ask.topical if item.id in self.told]
        if old and not ask.kin:
            self._again(old[0])
        elif old:
            self._say(self.phrasing.pick("unknown"))
        elif not pending:
            self._say(self.phrasing.pick("specify"))

    def tell_agenda(self, most: int) -> bool:
        """Tell up to ``most`` facts nobody asked for by name: volunteered, then critical and associated ones."""
        pending = [
            item
            for item in self.index.items
            if item.id and item.present and item.disclosure != "specific" and item.id not in self.told | self.chosen
        ]
        pending.sort(
            key=lambda i: (
                i.disclosure != "volunteered",
                i.topic not in _FIRST,
                -(i.critical + (i.topic == "associated")),
                i.order,
            )
        )
        for item in pending[: max(most, 0)]:
            self._fact(item)
        return bool(pending[: max(most, 0)])

    def tell_volunteered(self) -> None:
        """Tell what did not fit into the opening."""
        for item in self.index.items:
            if item.disclosure == "volunteered" and item.id and item.id not in self.told | self.chosen:
                self._fact(item)

    def _fact(self, item: Item) -> None:
        self.chosen.add(item.id)
        if persona_effects.forgets(self.persona, self.index.case.id, item):
            self._say(self.phrasing.pick("forgotten"))
            return
        self.quota -= 1
        text = persona_effects.spoken(self.persona, self.phrasing.redact(item.text), self.index.language)
        fresh = unsaid(text, self.said, self.index.language)
        if fresh:
            self._say(fresh, (item.id,), item)
        else:
            self._say(self.phrasing.pick("told_short"), (item.id,), item)

    def _again(self, item: Item) -> None:
        self.chosen.add(item.id)
        whole = (sentences(item.text, self.index.language) or [item.text])[0]
        first = (clauses(whole, self.index.language) or [whole])[0]
        what = closed(self.phrasing.redact(first), self.index.language)
        if self.index.language == "en" and not what.startswith(("I ", "I'")):
            what = what[:1].lower() + what[1:]
        short = size(what, self.index.language) <= limit(self.index.language) // 3
        again = self.phrasing.maybe("told", what=what) if short else ""
        self._say(again or self.phrasing.pick("told_short"))

    def _deny(self, items: list[Item]) -> None:
        for name, chosen in (
            ("no", [i for i in items if i.id not in self.told | self.chosen]),
            ("still_no", [i for i in items if i.id in self.told and i.id not in self.chosen]),
        ):
            self.chosen |= {item.id for item in chosen}
            if chosen:
                spoken = self.phrasing.any_of([self.phrasing.negated(item.text) for item in chosen])
                self._say(self.phrasing.pick(name, thing=spoken), tuple(item.id for item in chosen))

    def _unknown_things(self, missing: list[str], measured: bool) -> None:
        spoken = [thing for thing in (self.phrasing.thing(m) for m in missing) if thing][:_MOST_NAMED]
        if not spoken:
            self._say(self.phrasing.pick("unknown"))
            return
        name = "unmeasured" if measured else "unknown_thing"
        self._say(self.phrasing.pick(name, thing=self.phrasing.any_of(spoken)))

    def _say(self, text: str, ids: tuple[str, ...] = (), item: Item | None = None) -> None:
        if text:
            self.said.add(text)
            self.segments.append(Segment(text, ids, item))


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
    """Return the segments that fit ``room``; the first overlong fact is shortened, later ones wait.

    ``before``: what the patient said earlier, letters only; a shortened fact counts as disclosed only when most
    of its content words were said, then or now.
    """
    kept: list[Segment] = []
    for segment in segments:
        used = size(join([s.text for s in kept], language), language)
        if used + size(segment.text, language) <= room:
            kept.append(segment)
        elif not any(s.item for s in kept) and room - used >= 8:
            text = shorten(segment.text, language, room - used)
            kept.append(Segment(text, segment.ids if _mostly(segment, text + before, language) else (), segment.item))
    return kept


def _mostly(segment: Segment, said: str, language: Language) -> bool:
    terms = set(content(segment.item.text if segment.item else segment.text, language))
    heard = normal(said)
    return not terms or sum(normal(term) in heard for term in terms) / len(terms) >= _TOLD_SHARE


def asked_items(index: CaseIndex, earlier: list[str]) -> frozenset[str]:
    """Return ids of items that earlier doctor questions asked for by name."""
    return frozenset(item.id for question in earlier for item in understand(index, question).named)
