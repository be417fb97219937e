"""Rewrites English clinical notes as the speaker would say them, by rule; it knows grammar, no diagnosis.

The patient speaks as ``I``; a caregiver as ``my son ... he``, and of themselves as ``I`` where the note says mother.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from scenarios.importers.fragments_en import whole_sentence
from scenarios.importers.grammar_en import agree, contracted, own_pronouns, past_participle
from scenarios.importers.lay_terms import lay
from scenarios.importers.text import capital, lower_first, tidy
from scenarios.schema import Demographics, Sex, Speaker

_NOUN = (
    r"(?:patient|man|woman|boy|girl|child|infant|baby|newborn|neonate|toddler|adolescent|teenager|gentleman|lady|"
    r"male|female)"
)
_DESCRIBED = r"(?:(?:\w+-)+old\s+)?(?:(?:[A-Z]?\w+[- ]){0,3}?)"
_ADVERB = r"(?:\s+(?:also|further|additionally|now|currently|initially|subsequently|only|previously|recently))*"
_REPORT = (
    r"(?:reports?|reported|states?|stated|notes?|noted|mentions?|mentioned|says?|said|adds?|describes?|recalls?|"
    r"indicates?|explains?|believes?|relates?|endorses?|complains? (?:of|about)|complained of|admits to|"
    r"admits|recounts?|confirms?)"
)
_PRESENT = (
    r"(?:is presenting with|(?:is|was) being evaluated for|presents? (?:to [^,.]{3,60}? )?with|presented (?:to "
    r"[^,.]{3,60}? )?with|"
    r"comes? in (?:with|complaining of)|is (?:seen|here) (?:with|for evaluation of)|suffers from)(?: "
    r"complaints? of| a complaint of|"
    r" a chief complaint of)?"
)
_SPAN = (
    r"(?P<n>\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|several|many|few)[\s-](?P<unit>day|week|month|"
    r"year|hour)s?"
)
_HISTORY = re.compile(
    rf"^(?:an? |the )?(?:{_SPAN}[\s-](?:long\s)?|(?P<long>long-?standing |year-long |lifelong |recent ))history(?: "
    rf"of|:)\s+"
    r"(?:experiencing |having |an? (?=progressive|worsening)|developing )?(?P<what>.+)$",
    re.I,
)


_BROUGHT = re.compile(
    r"(?:the patient|he|she) (?:was|has been|is)(?: being)? (?:brought|rushed|taken|admitted)(?: in)?(?: (?:to|"
    r"into) [^,]*?)?(?: by [^,]*?)? "
    r"(?:for|due to|because of|with|because (?:he|she) has|(?P<after>after)) (?P<what>.+)$",
    re.I,
)


class Voice(NamedTuple):
    """Who says it: ``own`` for the patient; ``calls`` is how a caregiver refers to the patient."""

    own: bool = True
    sex: Sex = "unknown"
    calls: str = ""
    relation: str = ""

    @property
    def subject(self) -> str:
        """The word that begins the speaker's sentences about the patient."""
        return "I" if self.own else {"female": "she", "male": "he"}.get(self.sex, self.calls or "my child")

    @property
    def possessive(self) -> str:
        """``my`` for the patient; ``his``, ``her`` or ``my baby's`` for a caregiver."""
        return "my" if self.own else {"female": "her", "male": "his"}.get(self.sex, f"{self.calls or 'my child'}'s")


def voice_of(who: Demographics, speaker: Speaker) -> Voice:
    """Return the voice of a case's speaker."""
    return Voice(speaker.kind == "self", who.sex, speaker.calls_patient, speaker.relation)


def spoken(sentence: str, voice: Voice, section: str = "history") -> str:
    """Return one clinical sentence or fragment as the speaker would say it.

    Args:
        sentence: what the record says, e.g. ``She notes that these symptoms worsen.``
        voice: who speaks.
        section: ``symptom``, ``history``, ``past``, ``medications``, ``social``, ``family`` or ``review``.

    Returns:
        One sentence with its full stop, e.g. ``I've noticed that these symptoms get worse.``
    """
    text = lay(tidy(sentence)).strip(" .")
    text = re.sub(rf"^(?:{_DESCRIBED})?{_NOUN} (?=(?:is|was) (?:a|an) [\w-]+-old)", "the patient ", text, flags=re.I)
    text = _as_patient(whole_sentence(_as_patient(text), section))
    text = re.sub(r"\bcomplaints? of (?=\w)", "", text)
    for rule in (_kin_reports, _presents, _reports, _duration_first):
        text = rule(text, voice)
    text = _persons(text.replace(" and that ", " and "), voice)
    text = re.sub(r"\b(?:tends? to worsen|worsens?)\b(?=[^,]*\b(?:with|when|after|at|in|during)\b|$)", _get_worse, text)
    return capital(contracted(re.sub(r"\s+", " ", text)).strip(" ,;")) + "."


def _get_worse(match: re.Match[str]) -> str:
    return "gets worse" if match[0].endswith("s") else "get worse"


def _as_patient(text: str) -> str:
    """Give every way to write 'the patient' the same two words."""
    text = re.sub(
        rf"^(?:an?|the|this)\s+{_DESCRIBED}{_NOUN}(?:'s)?(?=[\s,])",
        lambda m: "the patient" + ("'s" if m[0].endswith("'s") else ""),
        text,
        flags=re.I,
    )
    text = re.sub(
        rf"\b(?:the|this)\s+(?:\w+-\w+-old )?{_NOUN}(?='s\b|\b)(?! (?:said|named)\b)", "the patient", text, flags=re.I
    )
    return re.sub(r"(?:^|(?<=[,;] ))patient(?='s |\b)", "the patient", text, flags=re.I)


def _kin_reports(text: str, voice: Voice) -> str:
    kin = r"(?:mother|father|parents?|wife|husband|daughter|son|family members?|family|caregiver|brother|sister)"
    match = re.match(
        rf"(?:(?:the patient's|the|his|her)\s+)?(?P<kin>{kin}){_ADVERB}\s+(?:{_REPORT}|has noticed|noticed)\s+"
        r"(?P<that>that\s+)?(?P<what>.+)$",
        text,
        re.I,
    )
    if match is None:
        return text
    what = re.sub(r"^(?:her|his|their) (?:child|baby|daughter|son|newborn|infant)\b", "the patient", match["what"])
    clause = bool(match["that"]) or _is_clause(what)
    if not voice.own:
        if clause:
            return (
                re.sub(r"^(?:she|he) believes\s+(?:that\s+)?", "I believe ", what)
                if voice.relation != "mother" or voice.sex != "female"
                else what
            )
        gerund = re.match(r"(having|noticing|seeing|finding|giving|taking)\s+(.*)", what)
        if gerund:
            return f"I've {past_participle(gerund[1])} {gerund[2]}" if gerund[1] != "having" else f"I had {gerund[2]}"
        return f"I have noticed {what}" if " noticed " in text else f"{voice.subject} has {what}"
    says = "say" if match["kin"].lower() in ("parents", "family members") else "says"
    if not clause:
        return f"my {match['kin'].lower()} {'have' if says == 'say' else 'has'} noticed {what}"
    return f"my {match['kin'].lower()} {says} {what}"


def _presents(text: str, voice: Voice) -> str:
    if brought := _BROUGHT.match(text):
        return f"{voice.subject} {'had' if brought['after'] else 'has'} {brought['what']}"
    match = re.match(rf"(?:the patient|he|she){_ADVERB}\s+{_PRESENT}\s+(?P<what>.+)$", text, re.I)
    return f"{voice.subject} has {match['what']}" if match else text


def _reports(text: str, voice: Voice) -> str:
    match = re.match(
        rf"(?:the patient|he|she|they)(?P<adverb>{_ADVERB})\s+(?P<verb>{_REPORT})\s+(?P<that>that\s+)?(?P<what>.+)$",
        text,
        re.I,
    )
    if match is None:
        return text
    verb, what = match["verb"].lower(), match["what"]
    also = " also" if "also" in match["adverb"].lower() else ""
    if match["that"] or _is_clause(what):
        if verb.startswith("note"):
            return f"{voice.subject} has{also} noticed that {what}"
        return f"{voice.subject} {verb} {what}" if verb.startswith("believe") else what
    if seen := re.match(r"(?:the )?(?:appearance|onset|development|presence|sensation) of (.+)", what, re.I):
        return f"{voice.subject} {'has' if not re.search(r' ago', what) else 'noticed'} {seen[1]}"
    if gerund := re.match(r"(\w+ing)\b\s*(.*)", what):
        return _gerund(verb, gerund[1].lower(), gerund[2], voice.subject, also)
    if verb.startswith(("recall", "recount")):
        return f"{voice.subject} remembers {what}"
    if verb.startswith(("describe", "admit")) and not re.match(r"an? ", what):
        return f"{voice.subject} {verb if verb.startswith('admits') else 'would describe'} {what}"
    return f"{voice.subject} has{also} {what}"


def _gerund(verb: str, gerund: str, rest: str, subject: str, also: str) -> str:
    if verb.startswith(("recall", "recount")):
        return f"{subject} remembers {gerund} {rest}"
    if verb.startswith("admit"):
        return f"{subject} admits to {gerund} {rest}"
    if gerund in ("experiencing", "having", "feeling", "seeing", "taking", "using"):
        return f"{subject} has{also} been {gerund if gerund != 'experiencing' else 'having'} {rest}"
    if gerund == "being" or " when " in rest:
        rest = rest if gerund == "being" else f"{gerund} {rest}"
        lasting = re.match(r"(?:sexually active|unable|aware|single|married|healthy|a )", rest)
        return f"{subject} {'is' if lasting else 'was'}{also} {rest}"
    return f"{subject} has{also} {past_participle(gerund)} {rest}"


def _duration_first(text: str, voice: Voice) -> str:
    match = re.match(
        (
            r"(?P<who>.*?\b(?:has|had|have|with))(?P<also> also)?\s+(?P<rest>(?:an? |the "
            r")?[\w-]+(?:[\s-]\w+)?[\s-]history.*)$"
        ),
        text,
        re.I,
    )
    if match is None or not (span := _HISTORY.match(match["rest"])):
        return text
    what = re.sub(r"^(?:an? |the )?(?:progressively )?(?=worsening )", "", span["what"])
    if span["long"]:
        lead = {
            "year-long": "For about a year",
            "lifelong": "All my life" if voice.own else "All along",
            "recent": "Recently",
        }
        when = lead.get(span["long"].strip().lower(), "For a long time")
    else:
        when = f"For {_amount(span['n'], span['unit'])}"
    has = f"{voice.subject} have had" if voice.own else f"{voice.subject} has had"
    short = len(what.split()) <= 8 and "," not in what and when.startswith("For ")
    return f"{has} {what} {lower_first(when)}" if short else f"{when} {has} {what}"


def _amount(number: str, unit: str) -> str:
    if number.lower() in ("1", "one", "a", "an"):
        return f"about {'an' if unit == 'hour' else 'a'} {unit}"
    few = "a few" if number.lower() == "few" else number
    return f"{few} {unit}s"


def _persons(text: str, voice: Voice) -> str:
    if voice.own:
        text = re.sub(r"\bthe patient's\b", "my", text, flags=re.I)
        text = re.sub(r"(?<=\w )\bthe patient\b(?=[.,]|$)", "me", text, flags=re.I)
        text = re.sub(r"\bthe patient\b", "I", text, flags=re.I)
        text = own_pronouns(text, voice.sex)
        return agree(text)
    text = _carer_speaks(text, voice.relation)
    text = re.sub(r"^the patient's\b", f"{voice.calls}'s", text, flags=re.I)
    text = re.sub(r"\bthe patient's\b", voice.possessive, text, flags=re.I)
    text = re.sub(r"^the patient\b", voice.calls, text, flags=re.I)
    later = {"female": "she", "male": "he"}.get(voice.sex, voice.calls)
    text = re.sub(
        r"(?<=\w )the patient(?=[.,]|$| (?:to|for|at|and)\b)",
        {"she": "her", "he": "him"}.get(later, later),
        text,
        flags=re.I,
    )
    return agree(re.sub(r"\bthe patient\b", later, text, flags=re.I))


def _carer_speaks(text: str, relation: str) -> str:
    """Turn the caregiver's own mentions into ``I``, ``me`` and ``my``; a mother's 'parents' are ``we``."""
    whose = r"(?:the patient's|the|his|her)"
    text = re.sub(rf"\b(?:{whose} )?{relation}'s\b", "my", text, flags=re.I)
    text = re.sub(rf"(?:^|(?<=, )|(?<=and )|(?<=\. ))(?:{whose} )?{relation}(?=\s\w)", "I", text, flags=re.I)
    text = re.sub(
        rf"\b{whose} {relation}(?= (?:was|wasn't|had|has|is|did|took|also|\w+ed)\b)(?! (?:was|is) (?:given))",
        "I",
        text,
        flags=re.I,
    )
    text = re.sub(rf"\b{whose} {relation}\b", "me", text, flags=re.I)
    if relation != "mother":
        return text
    text = re.sub(rf"^(?:{whose} )?parents\b(?=\s\w)", "we", text, flags=re.I)
    return re.sub(rf"\b(with|by|for) (?:both |{whose} )?parents\b", r"\1 us", text, flags=re.I)


def _is_clause(text: str) -> bool:
    """Whether ``text`` begins with a subject and a verb of its own, not a bare noun phrase."""
    subject = r"(?:he|she|they|it|there|these|this|his|her|the|symptoms|no one|an? \w+|\w+)"
    verb = (
        r"(?:is|are|was|were|has|have|had|does|did|can|could|cannot|would|will|started|began|occurs?|worsens?|"
        r"improves?|feels?|felt|"
        r"tends?|appears?|seems?|sometimes|occasionally|usually|often|never|developed|became|wakes?|stops?|"
        r"stopped|tried|presents|"
        r"went|got|recently|took|takes|noticed|appeared|happened|came|gets?|radiates|lasts?|comes|ceased|spread)"
    )
    return (
        re.match(rf"{subject}(?:\s+[\w'-]+){{0,5}}?\s+{verb}\b(?!\s*ing)", text, re.I) is not None
        and not re.match(r"(?:an?|some|mild|severe|increasing|recent|worsening|occasional|intermittent)\s", text, re.I)
        and not re.match(r"(?:\w+ing)\s", text, re.I)
    )
