"""English grammar for speaking of oneself or one's child: agreement of verbs and pronouns; no medicine, no record."""

from __future__ import annotations

import re
from functools import cache

_BE = {
    "is": "am",
    "isn't": "am not",
    "was": "was",
    "wasn't": "wasn't",
    "has": "have",
    "hasn't": "haven't",
    "does": "do",
    "doesn't": "don't",
    "am": "am",
}
_ADVERBS = frozenset(
    "also often never always sometimes now not just still then ever only once twice further further-more otherwise "
    "either even first".split()
)
_CONJOINED = frozenset(
    "has is does takes drinks smokes works lives reports notes states mentions describes uses feels needs "
    "complains believes "
    "thinks attends goes eats sleeps wears enjoys plays consumes appears seems refuses presents says wants tries "
    "exercises "
    "denies admits experiences engages vomits cries screams yells stays travels avoids struggles walks "
    "attempts performs maintains shows visits hasn't doesn't isn't develops begins starts becomes keeps tends".split()
)
_OBJECT_NEXT = (
    r"(?=[.,;!?]|$| (?:and|or|but|in|on|at|to|for|with|from|by|as|when|while|because|since|after|before|of|that|"
    r"who|I|the|a|an|"
    r"about|into|off|up|out|down|over|during|every|this|last|more|very|so|feel|feeling|unconscious|unable|awake|"
    r"alone|if|not)\b)"
)


@cache
def base_form(verb: str) -> str:
    """Return the form that goes with ``I`` for a third-person verb: ``denies`` -> ``deny``; others stay."""
    if verb in _BE:
        return _BE[verb]
    if not verb.endswith("s") or verb.endswith("ss"):
        return verb
    from lemminflect import getInflection, getLemma

    for lemma in getLemma(verb, upos="VERB"):
        if lemma != verb and verb in getInflection(lemma, tag="VBZ"):
            return str(lemma)
    return verb


@cache
def past_participle(verb: str) -> str:
    """Return ``noticed`` for ``notice`` or ``noticing``."""
    from lemminflect import getInflection, getLemma

    lemma = (getLemma(verb, upos="VERB") or (verb,))[0]
    return str((getInflection(lemma, tag="VBN") or (verb,))[-1])


def agree(text: str, subject: str = "I") -> str:
    """Return ``text`` with the verbs after ``subject`` in the form that goes with it.

    Example: ``I often feels tired and takes naps`` -> ``I often feel tired and take naps``.
    """
    tokens = re.findall(r"[\w'-]+|[^\w'-]+", text)
    expecting = spoke = False
    for place, token in enumerate(tokens):
        if not re.match(r"[\w']", token):
            continue
        if token == subject:
            expecting = spoke = True
        elif expecting:
            if token.lower() in _ADVERBS or (token.endswith("ly") and token.lower() not in ("apply", "rely")):
                continue
            tokens[place] = base_form(token)
            expecting = False
        elif spoke and token in _CONJOINED and _after_conjunction(tokens, place):
            tokens[place] = base_form(token)
        elif token in ("that", "which", "who", "because", "when", "it", "he", "she", "they") or (
            token in ("the", "my") and _after_comma(tokens, place)
        ):
            spoke = False
    return "".join(tokens)


def _after_conjunction(tokens: list[str], place: int) -> bool:
    back = place - 1
    while back >= 0 and (tokens[back].isspace() or tokens[back] in _ADVERBS or tokens[back].endswith("ly")):
        back -= 1
    return back >= 0 and (tokens[back] in ("and", "but", "or") or tokens[back].strip() == ",")


def _after_comma(tokens: list[str], place: int) -> bool:
    return place > 0 and tokens[place - 1].strip() in (",", ";", ".")


def contracted(text: str) -> str:
    """Return ``text`` with the contractions of speech: ``I've been``, ``I'm``, ``doesn't``."""
    text = re.sub(
        r"\bI have (?=(?:not |also |recently |never |already |previously |just |always |\w+ly )?(?:been|had|"
        r"noticed|gained|lost|tried|stopped|"
        r"started|become|felt|seen|experienced|developed|taken|smoked|never|undergone|vomited|recently|"
        r"used|gone|worked|lived|received|participated|abstained|sustained|attended|not)\b)",
        "I've ",
        text,
    )
    text = re.sub(r"\bI am\b", "I'm", text)
    for full, short in (
        ("I've not", "I haven't"),
        ("does not", "doesn't"),
        ("do not", "don't"),
        ("did not", "didn't"),
        ("is not", "isn't"),
        ("has not", "hasn't"),
        ("was not", "wasn't"),
        ("have not", "haven't"),
        ("could not", "couldn't"),
        ("cannot", "can't"),
        ("are not", "aren't"),
        ("were not", "weren't"),
    ):
        text = re.sub(rf"\b{full}\b", short, text)
    return text


def own_pronouns(text: str, sex: str) -> str:
    """Return ``text`` with the patient's third-person pronouns turned into ``I``, ``me``, ``my``; verbs stay."""
    if sex != "male":
        text = re.sub(r"\bshe\b", "I", text, flags=re.I)
        text = re.sub(rf"\bher\b{_OBJECT_NEXT}", "me", text, flags=re.I)
        text = re.sub(r"\bhers\b", "mine", text, flags=re.I)
        text = re.sub(r"\bher\b", "my", text, flags=re.I)
    if sex != "female":
        text = re.sub(r"\bhe\b", "I", text, flags=re.I)
        text = re.sub(r"\bhim\b", "me", text, flags=re.I)
        text = re.sub(r"\bhis\b", "my", text, flags=re.I)
    return re.sub(r"\b(?:him|her|me|my)self\b", "myself", text, flags=re.I)
