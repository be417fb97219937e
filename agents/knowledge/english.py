"""Finds English terms in a sentence and what is denied there; it knows word forms, no medicine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import Stemmer

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[.,;:!?()]")
_DROPPED = frozenset(
    "a an the my his her its our your their some any very really quite so rather bit "
    "little lot pretty too of".split()
)
_JOINERS = frozenset("and or but nor with without no not never because when if".split())
_NEGATORS = frozenset("no not never without nor neither none denies deny denied denying negative".split())
_INNER_NEGATORS = frozenset("not never no".split())
_BREAKERS = frozenset(
    "but however although though except apart besides because since yet instead only just also while then "
    "until when unless mostly mainly otherwise".split()
)
_SUBJECTS = frozenset(
    "i i'm i've it it's he he's she she's they they're we there there's my his her this that's have has had "
    "having feel feels feeling got is was been now still sometimes yes".split()
)
_NOT_DENIALS = (
    "not only", "not just", "no doubt", "no matter", "no wonder", "no better", "not better", "no relief",
    "no improvement", "no change", "no different", "not improving", "not getting", "not going", "not gone",
    "no medicine", "no medication", "no treatment", "no appetite", "no energy", "not stopped", "not stopping",
    "doesn't go", "won't go", "didn't go", "hasn't gone", "doesn't stop", "won't stop", "hasn't stopped",
    "doesn't help", "didn't help", "doesn't get", "not working", "didn't work", "haven't been able",
    "not been able", "not to", "not much help", "don't want", "don't like", "no longer than", "doesn't improve",
)
_UNSURE = (
    "not sure", "don't know", "do not know", "not certain", "unsure", "no idea", "don't remember",
    "can't remember", "cannot remember", "can't recall", "don't recall", "can't tell", "can't say",
    "hard to say", "haven't paid attention", "didn't pay attention", "haven't checked", "didn't check",
    "haven't measured", "couldn't say", "couldn't tell", "maybe", "perhaps", "wonder if", "worried about",
    "afraid of", "scared of", "worried it", "could it be", "might be",
)
_LIKE_THIS = re.compile(r"\b(like this|like that|this bad|so bad|as bad|such|before in my life|this severe)\b")
_ASKS = re.compile(
    r"^(?:so |and |but |well |doctor |oh )*(?:could|can|is|are|do|does|did|should|will|would|what|how|why|might|may|am)\b"
)
_SHRUG = re.compile(r"\bi (could not (say|tell)|do not know|can not (say|tell))$|\bi'm not sure$|\bi could not say for\b")
_FAMILY = frozenset(
    "mother father mum mom dad brother sister grandmother grandfather grandma grandpa aunt uncle cousin parents "
    "son daughter wife husband colleague roommate flatmate neighbour neighbor".split()
)
_BACK_TO_PATIENT = frozenset("i i'm i've me my myself he he's she she's him herself himself".split())
MAX_GAP = 2


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its stem, which sentence it stands in, whether a comma or the like stands before it."""

    text: str
    stem: str
    sentence: int
    after_break: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A term found: word positions, the term's payload, ``denied`` when the term itself states absence."""

    positions: tuple[int, ...]
    finding: str
    denied: bool


class EnglishTerms:
    """Term index by first stem. Terms are (text, finding id, states absence)."""

    def __init__(self, terms: Iterable[tuple[str, str, bool]]) -> None:
        """Stem and index the terms."""
        self._by_first: dict[str, list[tuple[tuple[str, ...], str, bool]]] = {}
        for text, finding, denied in terms:
            stems = _content([word.stem for word in words(text)], [word.text for word in words(text)])
            if stems:
                self._by_first.setdefault(stems[0], []).append((stems, finding, denied))

    def find(self, listed: list[Word]) -> list[Span]:
        """Return the terms in ``listed``; a term inside a longer one is left out."""
        kept = [i for i, word in enumerate(listed) if word.text not in _DROPPED]
        found = [span for start in range(len(kept)) for span in self._at(listed, kept, start)]
        found.sort(key=lambda span: (-len(span.positions), span.positions, span.finding))
        accepted: list[Span] = []
        for span in found:
            own = set(span.positions)
            if not any(own < set(other.positions) for other in accepted):
                accepted.append(span)
        return accepted

    def _at(self, listed: list[Word], kept: list[int], start: int) -> Iterator[Span]:
        for stems, finding, denied in self._by_first.get(listed[kept[start]].stem, ()):
            positions = _follow(listed, kept, start, stems)
            if positions:
                yield Span(positions, finding, denied)


def words(text: str) -> list[Word]:
    """Split into words with stems; punctuation becomes sentence numbers and break marks."""
    listed: list[Word] = []
    sentence, broken = 0, False
    for token in _WORD.findall(_spelled_out(text)):
        if token in ".!?;":
            sentence, broken = sentence + 1, False
        elif not token[0].isalnum():
            broken = True
        else:
            listed.append(Word(token, _stem(token), sentence, broken))
            broken = False
    return listed


def polarities(text: str, listed: list[Word], spans: list[Span], patient: str = "") -> list[str]:
    """Return ``present``, ``absent``, ``unknown`` or ``other`` (somebody else's) for each span.

    ``patient``: how a caregiver refers to the patient.
    """
    relatives = _FAMILY - {word.text for word in words(patient)}
    consumed = {p for span in spans if not span.denied for p in span.positions}
    state = _states(listed, consumed)
    asking = _asking(text)
    result = []
    for span in spans:
        first, last = span.positions[0], span.positions[-1]
        said = "absent" if span.denied else state[first]
        if said == "present" and (_denied_after(listed, last) or _denied_within(listed, span)):
            said = "absent"
        if listed[first].sentence in asking or _shrugged(listed, last):
            said = "unknown"
        if _of_family(listed, first, relatives):
            said = "other"
        result.append(said)
    return result


def _states(listed: list[Word], consumed: set[int]) -> list[str]:
    """Return for each word whether what is named there is present, absent or unknown."""
    state, states, sentence = "present", [], -1
    for i, word in enumerate(listed):
        if word.sentence != sentence:
            state, sentence = "present", word.sentence
        if _ends_scope(listed, i):
            state = "present"
        states.append(state)
        ahead = " ".join(other.text for other in listed[i : i + 4])
        if _starts(ahead, _UNSURE):
            state = "unknown"
        elif state != "unknown" and i not in consumed and _denies(listed, i, ahead):
            state = "absent"
    return states


def _denies(listed: list[Word], i: int, ahead: str) -> bool:
    word = listed[i].text
    if _starts(ahead, _NOT_DENIALS) or i and _starts(f"{listed[i - 1].text} {ahead}", _NOT_DENIALS):
        return False
    if word == "free":
        return i + 1 < len(listed) and listed[i + 1].text == "of"
    unable = word == "not" and i > 0 and listed[i - 1].text in ("can", "could")
    if word not in _NEGATORS or unable:
        return False
    nearby = [other for other in listed[i + 1 :] if other.sentence == listed[i].sentence]
    if word == "no" and nearby and nearby[0].text in _SUBJECTS:
        return False
    if word in ("never", "not") and _LIKE_THIS.search(" ".join(w.text for w in nearby)):
        return False
    return True


def _ends_scope(listed: list[Word], i: int) -> bool:
    word, before = listed[i].text, listed[i - 1].text if i else ""
    if word in _BREAKERS and not (word == "since" and before in _NEGATORS):
        return True
    return word in _SUBJECTS and (listed[i].after_break or before == "and")


def _denied_within(listed: list[Word], span: Span) -> bool:
    """Whether a negation stands between the words of the term: 'my neck is not stiff'."""
    inner = set(range(span.positions[0], span.positions[-1])) - set(span.positions)
    return any(listed[i].text in _INNER_NEGATORS for i in inner)


def _denied_after(listed: list[Word], last: int) -> bool:
    """Whether the term is answered like 'fever, no' or 'fever: none'."""
    if last + 1 >= len(listed) or listed[last + 1].text not in ("no", "none", "nope", "never"):
        return False
    after = listed[last + 2] if last + 2 < len(listed) else None
    return after is None or after.after_break or after.sentence != listed[last + 1].sentence


def _shrugged(listed: list[Word], last: int) -> bool:
    """Whether the sentence takes the term up only to say that nobody knows: 'as for fever, I couldn't say'."""
    rest = " ".join(word.text for word in listed[last + 1 : last + 20] if word.sentence == listed[last].sentence)
    return bool(_SHRUG.search(rest))


def _starts(ahead: str, phrases: tuple[str, ...]) -> bool:
    return f"{ahead} ".startswith(_as_words(phrases))


@cache
def _as_words(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{_spelled_out(phrase)} " for phrase in phrases)


@lru_cache(maxsize=4096)
def _spelled_out(text: str) -> str:
    """Return lower-case text with 'not' as a word of its own: don't is 'do not', can't is 'can not'."""
    plain = text.lower().replace("’", "'").replace("cannot", "can not").replace("can't", "can not")
    return plain.replace("won't", "will not").replace("n't", " not")


def _asking(text: str) -> set[int]:
    """Return numbers of the sentences that are questions."""
    parts = re.findall(r"[^.!?;]*[.!?;]|[^.!?;]+$", text.lower())
    return {i for i, part in enumerate(parts) if part.endswith("?") and _ASKS.match(part.strip())}


def _of_family(listed: list[Word], first: int, relatives: frozenset[str]) -> bool:
    """Whether somebody other than the patient is the one who has it: 'my mother has ...'."""
    for i in range(first - 1, -1, -1):
        word = listed[i]
        if word.sentence != listed[first].sentence or word.text in _BACK_TO_PATIENT and not _owns(listed, i):
            return False
        if word.text in relatives:
            return True
    return False


def _owns(listed: list[Word], i: int) -> bool:
    """Whether 'my' at ``i`` belongs to a family member that follows."""
    return listed[i].text == "my" and i + 1 < len(listed) and listed[i + 1].text in _FAMILY


def _follow(listed: list[Word], kept: list[int], start: int, stems: tuple[str, ...]) -> tuple[int, ...]:
    """Return the positions of ``stems`` from ``kept[start]`` on with small gaps, or nothing."""
    positions, at = [kept[start]], start
    for stem in stems[1:]:
        for ahead in range(at + 1, min(at + 2 + MAX_GAP, len(kept))):
            word = listed[kept[ahead]]
            if word.sentence != listed[kept[at]].sentence or word.after_break:
                return ()
            if word.stem == stem:
                at = ahead
                positions.append(kept[ahead])
                break
            if word.text in _JOINERS and word.text not in _INNER_NEGATORS:
                return ()
        else:
            return ()
    return tuple(positions)


def _content(stems: list[str], texts: list[str]) -> tuple[str, ...]:
    content = tuple(stem for stem, text in zip(stems, texts, strict=True) if text not in _DROPPED)
    return content or tuple(stems)


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    return str(Stemmer.Stemmer("english").stemWord(word.removesuffix("'s")))
