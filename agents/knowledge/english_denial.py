"""What an English sentence denies, doubts or says of somebody else; it knows scope words, no medicine."""

from __future__ import annotations

import re

from agents.knowledge.english import INNER_NEGATORS, Span, Word, spelled_out, words


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(f"{spelled_out(phrase.strip())} " for phrase in text.split("|"))


_NEGATORS = frozenset("no not never without nor neither none denies deny denied denying negative".split())
_BREAKERS = frozenset(
    "but however although though except apart besides because since yet instead only just also while then "
    "until when unless mostly mainly otherwise".split()
)
_SUBJECTS = frozenset(
    "i i'm i've it it's he he's she she's they they're we there there's my his her this that's have has had "
    "having feel feels feeling got is was been now still sometimes yes".split()
)
_NOT_DENIALS = _phrases(
    "not only | not just | no doubt | no matter | no wonder | no better | not better | no relief | "
    "no improvement | no change | no different | not improving | not getting | not going | not gone | "
    "no medicine | no medication | no treatment | no appetite | no energy | not stopped | not stopping | "
    "doesn't go | won't go | didn't go | hasn't gone | doesn't stop | won't stop | hasn't stopped | "
    "doesn't help | didn't help | doesn't get | not working | didn't work | haven't been able | "
    "not been able | not to | not much help | don't want | don't like | no longer than | doesn't improve"
)
_UNSURE = _phrases(
    "not sure | don't know | do not know | not certain | unsure | no idea | don't remember | can't remember | "
    "cannot remember | can't recall | don't recall | can't tell | can't say | hard to say | "
    "haven't paid attention | didn't pay attention | haven't checked | didn't check | haven't measured | "
    "couldn't say | couldn't tell | maybe | perhaps | wonder if | worried about | afraid of | scared of | "
    "worried it | could it be | might be"
)
_LIKE_THIS = re.compile(r"\b(like this|like that|this bad|so bad|as bad|such|before in my life|this severe)\b")
_ASKS = re.compile(
    r"^(?:so |and |but |well |doctor |oh )*"
    r"(?:could|can|is|are|do|does|did|should|will|would|what|how|why|might|may|am)\b"
)
_SHRUG = re.compile(
    r"\bi (could not (say|tell)|do not know|can not (say|tell))$|\bi'm not sure$|\bi could not say for\b"
)
_FAMILY = frozenset(
    "mother father mum mom dad brother sister grandmother grandfather grandma grandpa aunt uncle cousin parents "
    "son daughter wife husband boyfriend girlfriend partner fiance colleague colleagues roommate flatmate neighbour "
    "neighbor neighbours neighbors friend friends mate mates boss residents children kids kid pupils classmates "
    "patients customers customer guests somebody someone lad chap bloke woman man people everyone everybody".split()
)
_BACK_TO_PATIENT = frozenset("i i'm i've i'd i'll me my myself".split())
_THE_PATIENT = frozenset("he he's she she's him her herself himself".split())
"""Who is meant when a caregiver speaks of the patient; patients who speak for themselves mean a relative."""
_SETS_OFF = re.compile(
    r"^(?:(?!i\b|i'm|i've|it\b|he\b|she\b|that\b|which\b)[a-z']+ ){0,7}?"
    r"(?:makes?|sets?|brings?|triggers?) (?:it|the|my|me|his|him|her) "
)
_WHENEVER = re.compile(r"\b(?:when|whenever|if|each time|every time)(?: (?:i|he|she|they))? (?:\w+ or )?$")


def polarities(text: str, listed: list[Word], spans: list[Span], patient: str = "") -> list[str]:
    """Return ``present``, ``absent``, ``unknown`` or ``other`` (somebody else's) for each span.

    ``patient``: how a caregiver refers to the patient.
    """
    relatives = _FAMILY - {word.text for word in words(patient)}
    returns = _BACK_TO_PATIENT | _THE_PATIENT if patient else _BACK_TO_PATIENT
    consumed = {p for span in spans if not span.denied for p in span.positions}
    state = _states(listed, consumed)
    asking = _asking(text)
    result = []
    for span in spans:
        first, last = span.positions[0], span.positions[-1]
        said = "absent" if span.denied else state[first]
        if said == "present" and (_denied_after(listed, last) or _denied_within(listed, span)):
            said = "absent"
        if listed[first].sentence in asking or _shrugged(listed, last) or _occasion(listed, span):
            said = "unknown"
        if _of_family(listed, first, relatives, returns):
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
    return any(listed[i].text in INNER_NEGATORS for i in inner)


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
    return f"{ahead} ".startswith(phrases)


def _asking(text: str) -> set[int]:
    """Return numbers of the sentences that are questions."""
    parts = re.findall(r"[^.!?;]*[.!?;]|[^.!?;]+$", text.lower())
    return {i for i, part in enumerate(parts) if part.endswith("?") and _ASKS.match(part.strip())}


def _occasion(listed: list[Word], span: Span) -> bool:
    """Whether a single word names only what sets the complaint off: 'coughing makes it worse', 'when I sneeze'."""
    if len(span.positions) > 1:
        return False
    at, sentence = span.positions[0], listed[span.positions[0]].sentence
    before = " ".join(word.text for word in listed[max(0, at - 4) : at] if word.sentence == sentence)
    after = " ".join(word.text for word in listed[at + 1 : at + 11] if word.sentence == sentence)
    return bool(_SETS_OFF.match(f"{after} ") or _WHENEVER.search(f"{before} "))


def _of_family(listed: list[Word], first: int, relatives: frozenset[str], returns: frozenset[str]) -> bool:
    """Whether somebody other than the patient is the one who has it: 'my mother has ...'."""
    for i in range(first - 1, -1, -1):
        word = listed[i]
        if word.sentence != listed[first].sentence or word.text in returns and not _owns(listed, i):
            return False
        if word.text.removesuffix("'s") in relatives:
            return True
    return False


def _owns(listed: list[Word], i: int) -> bool:
    """Whether 'my' or 'her' at ``i`` belongs to a family member that follows."""
    return listed[i].text in ("my", "her") and i + 1 < len(listed) and listed[i + 1].text in _FAMILY
