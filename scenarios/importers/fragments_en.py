"""Completes the note-taker's fragments ('Non-smoker', 'Works as a clerk', 'Double vision') to whole sentences.

It writes of ``the patient``; whose voice says it is decided elsewhere.
"""

from __future__ import annotations

import re

from scenarios.importers.text import lower_first

_PRESENT = (
    r"(?:has|had|is|was|works?|lives?|drinks?|smokes?|takes?|denies|reports?|mentions?|complains?|enjoys|attends|"
    r"uses|consumes|"
    r"describes|states|notes|does|wears|dresses|plays|expresses|engages|exercises|eats|sleeps|appears|"
    r"feels|maintains|admits|"
    r"underwent|received|started|stopped|took|met|experienced|noticed|quit|developed|tried|moved|can|"
    r"cannot|could|"
    r"presents|regained|failed|used|went|lost|traveled|travelled|returned|worked|served|never|recalls)"
)
_ADVERB = (
    r"(?:(?:recently|currently|previously|occasionally|frequently|also|only|usually|regularly|often|otherwise|"
    r"generally)\s+)*"
)
_PARTICIPLE = (
    r"(?:diagnosed|treated|born|released|hospitali[sz]ed|involved|delivered|found|brought|admitted|exposed|"
    r"prescribed|"
    r"started on|referred|bitten|advised|switched)"
)
_STATE = (
    r"(?:married|divorced|single|retired|unemployed|employed|enrolled|sexually active|up to date|up-to-date|"
    r"widowed|taking|on |not on|not |able|unable|alert|active|currently|engaged in)"
)
_JOB = (
    r"(?:[a-z-]+ ){0,3}(?:student|teacher|engineer|nurse|accountant|lawyer|farmer|driver|worker|clerk|manager|"
    r"cashier|athlete|chef|"
    r"warden|smoker|drinker|mother|father|carpenter|mechanic|officer|veteran|bodybuilder|designer|salesman|"
    r"homemaker|housewife)"
)
_LIST_SECTION = re.compile(r"^[A-Z][\w-]+(?:, [\w -]+)*$")
_A = frozenset(
    "rash lesion mass lump wound headache cough fever sore nodule papule plaque ulcer blister swelling murmur "
    "sensation lump bump spot "
    "patch growth history feeling gait limp tremor seizure episode discharge cyst belly burn bruise pain".split()
)
_NO_A = frozenset("pain swelling discharge".split())
_CHANGE = re.compile(
    (
        r"^(?:improvement|increase|decrease|worsening|change|development|appearance|recent appearance|increased "
        r"frequency)\b"
    ),
    re.I,
)
_LIKE_A_SENTENCE = re.compile(
    r"(?:the|these|this|those|his|her|its|their|my|both|as|on|in|during|for|over|after|when|while|since|although|"
    r"despite|"
    r"at|by|before|with|some|all|most|one|initially|one week|two|three) \w+",
    re.I,
)
_BARE = re.compile(
    r"(?:lesions?|rash|pain|discoloration|cough|symptoms?|swelling|blisters?|itching|headaches?|episodes?|bleeding|"
    r"diarrhea|vomiting|"
    r"fever|weakness|lump|mass|discharge|wound|stools?|urine|vision)\b",
    re.I,
)
_DRINK = (
    (r"social(?:ly)?(?: alcohol (?:use|consumption|drinker))", "drinks alcohol socially"),
    (
        r"(occasional|moderate|heavy|daily|regular|chronic|light) alcohol (?:use|consumption|intake)(.*)",
        r"drinks alcohol \1ly\2",
    ),
    (r"(?:is an? )?non[- ]?smoker", "does not smoke"),
    (r"(?:is an? )?(?:former|ex-?) ?-?smoker", "used to smoke"),
    (r"(?:is an? )?(?:current )?smoker", "smokes"),
    (r"(?:occasional|social) (?:alcohol )?drinker", "drinks alcohol now and then"),
)


def whole_sentence(text: str, section: str) -> str:
    """Return ``text`` as a sentence about ``the patient``; what is already a sentence comes back as it is."""
    text = (
        re.sub(
            r"^(?:and|but|also|additionally|however|furthermore|recently,|overall)[, ]+(?=\w+ )",
            lambda m: "Recently " if m[0].lower().startswith("recently") else "",
            text,
            flags=re.I,
        )
        or text
    )
    text = re.sub(
        (
            r"^(?:additional|further|upon (?:further )?|on (?:further )?)\s*(?:questioning|inquiry)(?: reveal(?:s|"
            r"ed))?,?\s*(?:that )?"
        ),
        "",
        text,
        flags=re.I,
    )
    if re.match(
        r"(?:husband|wife|mother|father|brother|sister|uncle|aunt|partner|parents)\b(?! (?:and|of)\b)", text, re.I
    ):
        text = f"the patient's {lower_first(text)}"
    if onset := re.match(r"(?:sudden )?onset of (\w+)\b(.*)", text, re.I):
        return f"the {onset[1].lower()} started{onset[2]}"
    if habit := _habit(text):
        return habit
    if re.match(rf"{_ADVERB}{_PRESENT}\b", text, re.I) and not re.match(r"(?:can|use|used)\b \w+ed\b", text, re.I):
        return f"the patient {lower_first(text)}"
    if match := re.match(rf"({_ADVERB}){_PARTICIPLE}\b", text, re.I):
        adverb = match[1].lower()
        return f"the patient was {adverb}{text[len(adverb) :][:1].lower()}{text[len(adverb) + 1 :]}"
    return _stated(text, section)


def _stated(text: str, section: str) -> str:
    """Complete what begins with a state, a past, a calling or a noun."""
    if re.fullmatch(_JOB + r"(?: (?:at|in|of|studying|by) .+)?", text, re.I):
        return f"the patient is {_article(text)}{lower_first(text)}"
    if re.match(rf"{_STATE}", text, re.I) and not re.match(r"active (?!in)", text, re.I):
        return f"the patient is {lower_first(text)}"
    if match := re.match(
        r"(?:\w+ )?(?:significant|notable|remarkable)(?: only)? for (?:an? |her |his )?(?:history of )?(.+)", text, re.I
    ):
        return f"the patient has a history of {match[1]}"
    if match := re.match(r"(?:known |past |personal )?(?:medical )?history of (.+)", text, re.I):
        return f"the patient has a history of {lower_first(match[1])}"
    if _has_verb(text) or (section == "history" and _LIKE_A_SENTENCE.match(text)):
        return f"the {lower_first(text)}" if _BARE.match(text) else text
    return _noun_phrase(text, section)


def _habit(text: str) -> str:
    match = re.match(r"(?:the patient (?:is an? )?|he is an? |she is an? )?(?P<what>.+)$", text, re.I)
    what = match["what"] if match else text
    for pattern, said in _DRINK:
        if found := re.match(rf"{pattern}\b(?P<more>.*)$", what, re.I):
            more = found["more"]
            new = found.expand(said).lower() if "\\" in said else said
            more = re.sub(r"^\s*(?:,|and|but)\s+", " and ", more) if more.strip() else ""
            more = re.sub(r"^ and (?=half|\d|one|two)", ", ", more)
            more = re.sub(r"^ and (?=\d*-?year|retired|with a)", ", ", more)
            new = (
                new.replace("occasionally alcohol", "alcohol").replace("dailyly", "daily").replace("heavyly", "heavily")
            )
            return f"the patient {new}{more}"
    return ""


def _noun_phrase(text: str, section: str) -> str:
    if section == "medications":
        return f"the patient takes {_listed(text)}"
    if section == "past":
        return f"the patient has a history of {lower_first(_and(text))}"
    if section == "family":
        return f"there is {lower_first(text)} in the family"
    if family := re.match(r"(family|familial) history of (.+)", text, re.I):
        return f"the family has a history of {family[2]}"
    if re.match(r"(?:inability|failure|refusal|reluctance) to ", text, re.I):
        return re.sub(r"^(\w+) to ", lambda m: f"the patient {_UNABLE[m[1].lower()]} ", text)
    if re.match(r"(?:mother|father|brother|sister|uncle|family)\b", text, re.I):
        return f"the patient's {lower_first(text)}"
    if presence := re.match(r"(?:the )?presence of (.+)", text, re.I):
        return f"the patient has {presence[1]}"
    if re.match(r"exclusive(?:ly)? breastfe", text, re.I):
        return (
            f"the patient is "
            f"{re.sub(r'^exclusive(?:ly)? breastfe(?:eding|d)', 'exclusively breastfed', text, flags=re.I)}"
        )
    return _noticed(text, section)


def _noticed(text: str, section: str) -> str:
    """Complete a noun phrase that names a change, an event or a thing the patient has."""
    if _CHANGE.match(text):
        return f"the patient has noticed {_article(text)}{lower_first(text)}"
    if re.match(r"episodes? of |sudden|loss of ", text, re.I):
        return f"the patient had {_article(text)}{lower_first(text)}"
    if (
        re.match(r"(?:\w+ly )?(?:\w+ed|\w+ing) (?:with|by|to|for|from|when|until|in)\b", text, re.I)
        and section == "symptom"
    ):
        return f"it is {lower_first(text)}"
    return f"the patient has {_article(text)}{lower_first(text)}"


_UNABLE = {"inability": "cannot", "failure": "has failed to", "refusal": "refuses to", "reluctance": "does not want to"}


def _article(text: str) -> str:
    """Return ``a `` or ``an `` when the phrase's head is one countable thing, else nothing."""
    if re.match(
        r"(?:an?|the|some|his|her|my|no|multiple|several|many|two|three|\d|generali[sz]ed|severe pain|both)\b",
        text,
        re.I,
    ):
        return ""
    head = re.split(
        r"\s(?:of|in|on|with|at|to|for|from|over|under|when|that|which|after|during|and|near|by|around)\s|,", text
    )[0].split()
    last = head[-1].lower() if head else ""
    countable = (
        (last in _A and last not in _NO_A)
        or bool(re.fullmatch(_JOB, " ".join(head), re.I))
        or last in ("increase", "decrease", "change", "episode", "history", "appearance")
    )
    if not countable:
        return ""
    return "an " if text[:1].lower() in "aeiou" else "a "


def _and(text: str) -> str:
    """Return ``a, b`` as ``a and b`` when it is a plain list of short names."""
    parts = text.split(", ")
    if len(parts) < 2 or any(len(p.split()) > 4 for p in parts) or re.search(r"\b(?:and|currently|with|on)\b", text):
        return text
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _listed(text: str) -> str:
    names = [part.strip() for part in re.split(r",|;", text) if part.strip()]
    names = [name if name.isupper() else name[:1].lower() + name[1:] for name in names]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + (f" and {names[-1]}" if len(names) > 1 else "")


def _has_verb(text: str) -> bool:
    if re.match(r"(?:he|she|they|it|there|we|i|the patient)\b(?! and)", text, re.I):
        return True
    outer = re.split(r"\s(?:that|which|who|when|while|where)\s", text)[0]
    return (
        re.search(
            r"(?<=\s)(?:is|are|was|were|has|have|had|does|did|can|could|cannot|began|occurs?|worsens|improves|"
            r"improved|started|appears?|seems|"
            r"radiates|spread|spreads|developed|reports?|denies|died|noticed|appeared|occurred|resolved|increased|"
            r"lasted|complicated|include[sd]?|attends|lives|shows|expresses|mentions|feels|died|"
            r"underwent|witnessed|became|recently|notes|provided|takes|states|believes|describes|intensified|"
            r"resolves)\b(?! history)",
            outer,
            re.I,
        )
        is not None
    )
