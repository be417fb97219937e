"""Turns the sections of an English clinical record into a draft's facts, absences and findings; no file format."""

from __future__ import annotations

import re

from scenarios.importers.demographics import Carer
from scenarios.importers.draft import Draft
from scenarios.importers.findings import titled
from scenarios.importers.negation import split_en
from scenarios.importers.text import OPENING_LIMIT, capital, lower_first, sentences, tidy
from scenarios.importers.topics import topic_of
from scenarios.importers.wording_en import Voice, spoken
from scenarios.schema import Topic

_VACUOUS = re.compile(
    r"^(?:(?:the patient(?:'s)? |patient |he |she |otherwise |has |have |is )*)(?:n/?a\b|none\b|nil\b|not "
    r"(?:applicable|available|provided|"
    r"specified|mentioned|significant)|unremarkable|non-?contributory|negative\b(?! for)|(?:no|information not|"
    r"information is not|not)\b[^,;]*"
    r"\b(?:provided|specified|mentioned|noted|available|applicable|reported|identified|remarkable)\.?$|"
    r"(?:does not report any|has no|no|without|denies any|denies)(?: (?:other|any|known|prior|previous|past))* "
    r"(?:significant|relevant|additional|further|major|serious|other|past|medical|"
    r"similar past|surgical|social|family|illnesses)\b[^,;]*(?:histor\w+|illness\w*|symptoms?|complaints?|"
    r"findings?|problems?|information|conditions?|details?|"
    r"issues?|surgeries|disease|review|mentioned|disorders?)(?: (?:in|on|of|as|other|noted|aside|apart|reported|"
    r"provided|was|were|is|known)\b[^,;]*)?\.?$|"
    r"all systems|all other|information|essentially|overall healthy|otherwise (?:healthy|well|negative)|.*\b(?:is|"
    r"are) (?:essentially )?(?:unremarkable|negative|not applicable)\b|"
    r"newborn, no|.*social history is not|no past medical history|no (?:other )?(?:medical )?history(?: available)?$|"
    r".*\b(?:not (?:specified|provided)|did not provide|does not provide|nothing further)\b|.*unable to (?:provide|"
    r"obtain)|review of systems|not obtainable)",
    re.I,
)
_NO_FAMILY = re.compile(
    r"\b(?:no|denies)\b(?: \w+){0,4} family\b(?: \w+){0,2} history|family history is negative", re.I
)
_ASIDE = re.compile(
    r"(?:the |this )?\w+(?:'s \w+)?|(?:up)?on (?:review|questioning|systems review)(?: of systems)?,?", re.I
)
_OBSERVED = re.compile(
    r"\b(?:appears?|shows? signs|signs of|oriented to|vital signs|vitals|physical exam\w*|on exam\w*|examination|"
    r"auscultat|palpa(?:tion|ble|ted)|murmur|"
    r"temperature of|pulse of|alert and|lymphadenopathy|somnolent|within normal limits|signs? of distress|\d+/min|"
    r"histolog|histopath|biopsy (?:show|reveal|demonstrat|specimen)|"
    r"laboratory|dermoscop|immunofluores|(?:is|are|was|were) (?:noted|identified|observed|seen|visualized|"
    r"appreciated) (?:on|in|over|at)|microscop|culture|stain)\b",
    re.I,
)
_TIME = re.compile(
    r"\bago\b|\bfor (?:about |the past |the last |over )?(?:an?|\d+|several|one|two|three|four|five|six|few|"
    r"many)\b|started|began|since|"
    r"\b(?:past|last) (?:\d+|few|several|day|week|month|year|one|two|three)|sudden|yesterday|over "
    r"the (?:past|last)|\d+ (?:day|week|month|year|hour)s?",
    re.I,
)
_SOCIAL = re.compile(
    r"(?:;|,)\s+(?:and |but )?(?=(?:non-?smoker|smok|drinks|works|lives|retired|occasional|moderate|social|denies|"
    r"no |never|does not|"
    r"enjoys|heavy|consumes|married|student|former|uses|attends|has|exercises|plays|employed|"
    r"unemployed)\w*\b)",
    re.I,
)
_CARER = re.compile(
    (
        r"(?:patient's |his |her |by (?:his|her) |accompanied by (?:his|her) )(?P<who>wife|husband|daughter|son|mother|"
        r"father|family|parents|sister|brother)\b"
    ),
    re.I,
)
_SPEECHLESS = re.compile(
    r"confus|mental status|somnolen|unconscious|unresponsive|unable to (?:communicate|speak|provide)|not oriented|"
    r"delirium|dementia|"
    r"forgetful|coma\b|disorgani[sz]ed speech|inability to communicate|memory|personality change|behavio\w+ change|"
    r"inappropriate",
    re.I,
)
_RELATIONS = {
    "wife": ("wife", "my husband"),
    "husband": ("husband", "my wife"),
    "daughter": ("daughter", "my {parent}"),
    "son": ("son", "my {parent}"),
    "sister": ("sister", "my {sibling}"),
    "brother": ("brother", "my {sibling}"),
}


def carer_of(text: str, sex: str) -> Carer | None:
    """Return the relative whom the record names, when the patient cannot tell the story; ``None`` otherwise."""
    match = _CARER.search(text)
    if match is None or not _SPEECHLESS.search(text):
        return None
    words = {
        "parent": {"female": "mother", "male": "father"}.get(sex, "parent"),
        "sibling": {"female": "sister", "male": "brother"}.get(sex, "sibling"),
    }
    if match["who"].lower() not in _RELATIONS:
        relative = {"female": "my sister", "male": "my brother"}.get(sex, "my relative")
        return Carer("relative", relative) if match["who"].lower() == "family" else None
    relation, calls = _RELATIONS[match["who"].lower()]
    return Carer(relation, calls.format(**words))


def add_section(draft: Draft, text: str, section: str, voice: Voice) -> None:
    """Add every sentence of ``text``: denials as absences, observations as findings, the rest as spoken."""
    for sentence in sentences(tidy(text), "en"):
        marks = _SOCIAL if section == "social" else r";\s+"
        for part in re.split(marks, sentence.rstrip(".")):
            _add(draft, part, section, voice)


def _add(draft: Draft, sentence: str, section: str, voice: Voice) -> None:
    if is_vacuous(sentence):
        return
    if is_observed(sentence) and section != "primary":
        draft.findings.append(titled(sentence, _finding_name(sentence), {f.id for f in draft.findings}))
        return
    absent, rest = split_en(sentence)
    family = _NO_FAMILY.search(sentence) and not re.search("family history", " ".join(absent), re.I)
    draft.deny([f"family history of {name}" if family else lay_name(name) for name in absent])
    for part in sentences(rest, "en"):
        if len(part) > 2 and not is_vacuous(part) and not _ASIDE.fullmatch(part):
            _speak(draft, part, section, voice)


def _speak(draft: Draft, sentence: str, section: str, voice: Voice) -> None:
    text = spoken(sentence, voice, {"primary": "symptom", "secondary": "symptom"}.get(section, section))
    timed = (
        section == "history"
        and _TIME.search(sentence)
        and not any(p.critical and p.section == "history" for p in draft.pieces)
    )
    negative = re.match(
        r"(?:it's not|not|i (?:don't|haven't|didn't|wasn't|am not)|(?:he|she) (?:doesn't|hasn't|isn't))\b", text, re.I
    )
    critical = not negative and (section in ("primary", "secondary", "past") or bool(timed))
    default: Topic = {
        "past": "past_history",
        "social": "social_history",
        "medications": "medications",
        "family": "family_history",
    }.get(section, "associated")  # type: ignore[assignment]
    fixed: Topic | None = None
    if section == "past" and topic_of(text, "en", default) in (
        "associated",
        "onset",
        "course",
        "location",
        "quality",
        "general",
        "timing",
        "severity",
    ):
        fixed = "past_history"
    if timed:
        fixed = "onset"
    if section == "primary":
        fixed = topic_of(text, "en", "associated") if _TIME.search(text) else "associated"
    draft.add(text, section, default=default, critical=critical, topic=fixed)


def lay_name(name: str) -> str:
    """Return an absence's name in everyday words, in lower case unless it is a proper name."""
    from scenarios.importers.lay_terms import lay

    return lower_first(lay(name))


def is_vacuous(sentence: str) -> bool:
    """Whether the sentence only says that nothing was said ('Information not provided', 'No significant history')."""
    return _VACUOUS.match(sentence.strip()) is not None


def is_observed(sentence: str) -> bool:
    """Whether a clinician saw or measured it, so that the patient would not say it."""
    return _OBSERVED.search(sentence) is not None


def _finding_name(sentence: str) -> str:
    if re.search(r"histolog|histopath|biops|microscop|immunofluor", sentence, re.I):
        return "Biopsy"
    if re.search(r"laborator|culture|serum|blood|titer", sentence, re.I):
        return "Laboratory tests"
    return (
        "Examination"
        if re.search(r"exam|reveal|lesion|skin|papule|plaque|noted", sentence, re.I)
        else "General appearance"
    )


def opening_en(symptom: str, voice: Voice) -> str:
    """Return the first words to the doctor, e.g. ``Hello doctor, I've been having double vision``."""
    said = lower_first(spoken(symptom, voice, "symptom"))
    if voice.own:
        said = re.sub(r"^I have (?=(?!a |an |the |my |no |not |difficulty ever)[a-z])", "I've been having ", said)
        said = re.sub(r"^I have (?=a |an )", "I've got ", said)
    else:
        said = re.sub(r"^(?:she|he) (?=\w)", f"{voice.calls} ", said)
        said = re.sub(
            rf"^{re.escape(voice.calls)} has (?=(?!a |an |the |been |had |not |noticed)[a-z])",
            f"{voice.calls} has been having ",
            said,
        )
    said = re.sub(r"\bbeen having (?=(?:crying|hearing|seeing|feeling|choking|limping) ?\b)", "been ", said)
    limit = OPENING_LIMIT["en"] - 2
    if len(said.split()) > limit:
        said = re.split(r",| which | that | with ", said)[0].rstrip(".") + "."
    return f"Hello doctor, {' '.join(said.split()[:limit]).rstrip('.,')}." if said.strip(".") else capital(said)
