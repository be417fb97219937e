"""Makes a text be misheard: seeded character errors, exactly as many as an error rate asks for; it knows no sound."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from agents.listeners.sounds_alike import FILLERS, alike
from scenarios.schema import Language

SUBSTITUTION, DELETION, INSERTION = "substitution", "deletion", "insertion"


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the three kinds of error; they are weights and need not sum to 1."""

    substitutions: float = 0.7
    deletions: float = 0.2
    insertions: float = 0.1


@dataclass(frozen=True, slots=True)
class _Slip:
    """One error: at which character of the text, of which kind, and what is heard instead or in addition."""

    place: int
    kind: str
    heard: str


def misheard(text: str, rate: float, seed: int, language: Language, mix: Mix) -> str:
    """Return ``text`` with character errors at an expected rate of ``rate`` (0 to 1).

    Every character that is heard (letters, digits, in English the spaces between words) is hit independently with
    probability ``rate``; punctuation is not heard and stays. Neighbouring errors may cancel out (a deletion beside an
    insertion is one substitution to whoever counts), therefore errors are added until their number, measured as a
    Levenshtein distance, is what was drawn. With equal seeds the errors at a low rate are among those at a higher one.
    """
    draw = random.Random(seed)
    places = [place for place in range(len(text)) if _is_heard(text, place, language)]
    chances = [draw.random() for _ in places]
    slips = [_slip(text, place, draw, language, mix) for place in places]
    order = sorted(range(len(places)), key=chances.__getitem__)
    wanted = sum(chance < rate for chance in chances)
    ordered = [slips[index] for index in order] + [_inserted(text, places[i], draw, language) for i in order]
    count, heard, measured = wanted, text, 0
    while measured < wanted and count <= len(ordered):
        heard = _slipped(text, ordered[:count])
        measured = Levenshtein.distance(_counted(text, language), _counted(heard, language))
        count += max(1, wanted - measured)
    return heard


def _is_heard(text: str, place: int, language: Language) -> bool:
    if text[place] != " ":
        return text[place].isalnum()
    return language == "en" and text[place - 1 : place].isalnum() and text[place + 1 : place + 2].isalnum()


def _counted(text: str, language: Language) -> str:
    """Return what a count of errors looks at."""
    heard = "".join(c for c in text if c.isalnum() or (c == " " and language == "en"))
    return " ".join(heard.casefold().split(" "))


def _slip(text: str, place: int, draw: random.Random, language: Language, mix: Mix) -> _Slip:
    kind = draw.choices(
        (SUBSTITUTION, DELETION, INSERTION), (mix.substitutions, mix.deletions, mix.insertions)
    )[0]
    if kind == INSERTION:
        return _inserted(text, place, draw, language)
    if kind == DELETION:
        return _Slip(place, kind, "")
    options = FILLERS["en"] if text[place] == " " else alike(text[place], language)
    return _Slip(place, kind, _as_written(draw.choice(options), text[place]))


def _inserted(text: str, place: int, draw: random.Random, language: Language) -> _Slip:
    """Return something heard after this character: what sounds like it, or a filler."""
    character = text[place]
    latin = character.isascii() and not character.isdigit()
    options = FILLERS["en"] if latin else alike(character, language) if draw.random() < 0.5 else FILLERS["zh"]
    return _Slip(place, INSERTION, draw.choice(options))


def _as_written(heard: str, said: str) -> str:
    return heard.upper() if said.isupper() else heard


def _slipped(text: str, slips: list[_Slip]) -> str:
    heard = list(text)
    for slip in slips:
        if slip.kind == INSERTION:
            heard[slip.place] += slip.heard
        else:
            said = heard[slip.place]
            heard[slip.place] = slip.heard + said[1:]
    return "".join(heard)
