"""Turns understood questions into things to say, each with the case items it reveals; it knows no turn limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.acts import sentences
from agents.patients import persona_effects
from agents.patients.chance import share
from agents.patients.denying import Manner, manner, object_of
from agents.patients.fitting import DENIAL, DIRECT, OPEN, REPEAT, UNKNOWN, Segment, unsaid
from agents.patients.phrasing import Phrasing, Said
from agents.patients.retrieval import CaseIndex, Item
from agents.patients.text import clauses, closed, join, limit, size
from agents.patients.understanding import Ask, asks_of
from scenarios.schema import Language, Persona

_MOST_NAMED = 3
_ENOUGH = 2
"""A turn with so many new things repeats none."""
_TELLING: dict[Language, int] = {"en": 6, "zh": 10}
"""Length from which the beginning of a fact says enough by itself (words, characters)."""
_PRIVATE = frozenset({"reproductive", "allergies", "family_history", "development"})
"""Topics so narrow that whoever asks for them asks for all that is filed there."""
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


@dataclass
class Answering:
    """Collects what to say in one turn.

    ``told``: ids disclosed before this turn; ``asked_before``: ids that earlier doctor turns asked for by name;
    ``quota``: how many facts one open question brings (an impatient patient: the whole turn);
    ``consultation_seed``: what this consultation's order of telling and forgetting is drawn from.
    """

    index: CaseIndex
    persona: Persona
    phrasing: Phrasing
    said: Said
    told: frozenset[str]
    asked_before: frozenset[str]
    quota: int
    consultation_seed: int = 0
    segments: list[Segment] = field(default_factory=list)
    chosen: set[str] = field(default_factory=set)
    repeats: list[list[Item]] = field(default_factory=list)
    vague: bool = False
    phrased: set[str] = field(default_factory=set)

    def answer(self, asks: list[Ask]) -> None:
        """Answer what is asked directly, then what is asked openly; what nobody knows is said once, at the end."""
        missing: list[str] = []
        measured = unclear = False
        for ask in sorted(asks, key=lambda a: a.kind in ("open", "opinion")):
            self._answer_one(ask)
            missing += ask.missing
            measured = measured or ask.measured
            unclear = unclear or (ask.kind in ("unclear", "named", "topic") and not ask.found and not ask.missing)
        if missing:
            self._unknown_things(list(dict.fromkeys(missing)), measured)
        elif unclear and not any(s.ids for s in self.segments):
            self._once("unknown", UNKNOWN)
        elif self.vague and not self.segments:
            self._once("specify", UNKNOWN)
        self._repeat()

    def _answer_one(self, ask: Ask) -> None:
        if ask.kind in ("consent", "check"):
            self._say(self.phrasing.pick("consent" if ask.kind == "consent" else "acknowledge"))
            return
        if ask.kind == "opinion":
            self._opinion(ask)
            return
        before = len(self.segments)
        present, absent = [i for i in ask.named if i.present], [i for i in ask.named if not i.present]
        self._named(present)
        if ask.kind == "open":
            self._open(ask)
        elif ask.topical:
            self._topical(ask)
        self._deny([i for i in absent if i.id not in self.told | self.chosen])
        named = {i.id for i in ask.named}
        if len(self.segments) == before and not any(i.id in self.chosen for i in (*ask.named, *ask.topical)):
            old = [i for i in ask.named if not i.id or i.id in self.told]
            old = old or ([i for i in ask.topical if i.id in self.told and i.id not in named] if not ask.kin else [])
            if old:
                self.repeats.append(old)
            elif ask.topical and ask.kin and not any(s.ids for s in self.segments):
                self._once("unknown", UNKNOWN)

    def _open(self, ask: Ask) -> None:
        if self.tell_agenda(self._left(), associated="associated" in ask.topics):
            return
        if not self._pending() and not ask.named:
            self._once("nothing_more", UNKNOWN)

    def _left(self) -> int:
        """Return how many facts an open question may still bring; an impatient patient's quota is the turn's."""
        told = sum(s.item is not None for s in self.segments)
        return self.quota - told if self.persona.personality == "impatient" else self.quota

    def _opinion(self, ask: Ask) -> None:
        pending = [item for item in ask.topical if item.id not in self.told | self.chosen]
        if pending and pending[0].disclosure != "specific":
            self._fact(pending[0])
        else:
            self._once("what_is_it", DIRECT)

    def _named(self, items: list[Item]) -> None:
        most = 1 if self.persona.personality == "impatient" else _MOST_NAMED
        fresh = [i for i in items if i.id and i.id not in self.told | self.chosen]
        for item in fresh[:most]:
            if self._parried(item):
                self._once("distrustful", DIRECT)
            else:
                self._fact(item)

    def _parried(self, item: Item) -> bool:
        distrustful = self.persona.personality == "distrustful" and item.disclosure == "specific"
        return distrustful and item.id not in self.asked_before

    def _topical(self, ask: Ask) -> None:
        """Tell each asked topic's own best fact; a question of one topic alone may bring further ones."""
        if self.persona.personality == "impatient" and any(s.item for s in self.segments):
            return
        answered = {i.topic for i in ask.named if i.id in self.chosen}
        fresh = [i for i in ask.topical if i.id not in self.told | self.chosen and i.present]
        pending = [i for i in fresh if i.disclosure != "specific" or i.topic in _PRIVATE]
        groups: dict[str, list[Item]] = {}
        for item in pending:
            groups.setdefault(item.topic if item.topic in ask.topics else "", []).append(item)
        most = 1 if len(groups) > 1 or answered else max(self.quota, 1)
        limited = 1 if self.persona.personality == "impatient" else len(groups)
        for topic in sorted((t for t in groups if t not in answered), key=ask.place)[:limited]:
            best = sorted(groups[topic], key=lambda i: ask.topical.index(i) - i.critical)
            for place, item in enumerate(best[:most]):
                if self._parried(item):
                    self._once("distrustful", DIRECT)
                else:
                    self._fact(item, OPEN if place else DIRECT)
        if fresh and not pending and not any(i.id in self.told | self.chosen for i in ask.topical):
            self.vague = True

    def _pending(self) -> list[Item]:
        return [
            i
            for i in self.index.items
            if i.id
            and i.present
            and i.disclosure != "specific"
            and i.id not in self.told | self.chosen
            and not persona_effects.forgets(self.persona, self.consultation_seed, i)
        ]

    def tell_agenda(self, most: int, *, associated: bool = False) -> bool:
        """Tell up to ``most`` facts nobody asked for by name: volunteered, then the illness in a drawn order.

        What matters tends to come first; ``associated``: the doctor asked for other symptoms.
        """
        weight = 1.0 if associated else 0.5
        pending = sorted(
            self._pending(),
            key=lambda i: (
                i.disclosure != "volunteered",
                i.topic not in _FIRST,
                -(i.critical + weight * (i.topic == "associated") + share(self.consultation_seed, "order", i.id)),
                i.order,
            ),
        )
        for item in pending[: max(most, 0)]:
            self._fact(item, OPEN)
        return bool(pending[: max(most, 0)])

    def tell_volunteered(self) -> None:
        """Tell what did not fit into the opening."""
        for item in self.index.items:
            if item.disclosure == "volunteered" and item.id and item.id not in self.told | self.chosen:
                self._fact(item, OPEN)

    def _fact(self, item: Item, rank: int = DIRECT) -> None:
        self.chosen.add(item.id)
        if persona_effects.forgets(self.persona, self.consultation_seed, item):
            self._once("forgotten", UNKNOWN)
            return
        text = persona_effects.spoken(self.persona, self.phrasing.redact(item.text), self.index.language)
        fresh = unsaid(text, self.said, self.index.language)
        self._say(fresh or self.phrasing.pick("told_short"), (item.id,), item, rank)

    def _repeat(self) -> None:
        """Repeat one thing told before, when nothing new answers its question and little else is said."""
        if not self.repeats or sum(bool(s.ids) for s in self.segments) >= _ENOUGH:
            return
        items = self.repeats[0]
        if items[0].present:
            again = self._again(items[0])
        else:
            old = [i for i in items if not i.present and manner(i, self.index.language) in ("no", "no_taking")]
            names = [self.phrasing.negated(i.text) for i in old[:_MOST_NAMED]]
            again = self.phrasing.maybe("still_no", thing=self.phrasing.any_of(names)) if names else ""
        if again or not self.segments:
            self._say(again or self.phrasing.pick("told_short"), rank=REPEAT)

    def _again(self, item: Item) -> str:
        language = self.index.language
        whole = (sentences(item.text, language) or [item.text])[0]
        pieces = clauses(whole, language) or [whole]
        heads = [join(pieces[:n], language) for n in range(1, len(pieces))]
        first = next((head for head in heads if size(head, language) >= _TELLING[language]), whole)
        first = whole if size(whole, language) <= 2 * _TELLING[language] else first
        what = closed(self.phrasing.redact(first), language)
        if language == "en" and not what.startswith(("I ", "I'")):
            what = what[:1].lower() + what[1:]
        short = size(what, language) <= limit(language) // 3
        return self.phrasing.maybe("told", what=what) if short else ""

    def _deny(self, items: list[Item]) -> None:
        language = self.index.language
        groups: dict[Manner, list[Item]] = {}
        for item in items:
            if item.id not in self.chosen:
                self.chosen.add(item.id)
                groups.setdefault(manner(item, language), []).append(item)
        for how, chosen in groups.items():
            names = [object_of(self.phrasing.negated(i.text), how, language) for i in chosen]
            spoken = self.phrasing.pick(how, thing=self.phrasing.any_of(names))
            self._say(spoken, tuple(i.id for i in chosen), rank=DENIAL)

    def _unknown_things(self, missing: list[str], measured: bool) -> None:
        spoken = [thing for thing in (self.phrasing.thing(m) for m in missing) if thing][:_MOST_NAMED]
        name = ("unmeasured" if measured else "unknown_thing") if spoken else "unknown"
        filled = {"thing": self.phrasing.any_of(spoken)} if spoken else {}
        self._say(self.phrasing.pick(name, **filled), rank=UNKNOWN)

    def _once(self, name: str, rank: int) -> None:
        """Say one phrase of a list, at most once in a turn."""
        if name not in self.phrased:
            self.phrased.add(name)
            self._say(self.phrasing.pick(name), rank=rank)

    def _say(self, text: str, ids: tuple[str, ...] = (), item: Item | None = None, rank: int = DIRECT) -> None:
        if text:
            self.said.add(text)
            self.segments.append(Segment(text, ids, item, rank))


def asked_items(index: CaseIndex, earlier: list[str]) -> frozenset[str]:
    """Return ids of items that earlier doctor questions asked for by name."""
    return frozenset(item.id for ask in asks_of(index, earlier) for item in (*ask.named, *ask.topical))
