"""The embedded patient's own phrases: picked by seed, never the same sentence twice; it knows no question."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml

from agents.acts import sentences
from agents.patients.concepts import is_term
from agents.patients.text import is_chinese, normal
from scenarios.schema import Case, Language, Turn

_CLEAN = {"en": re.compile(r"^[a-z][a-z' -]{1,39}$"), "zh": re.compile(r"^[\u4e00-\u9fffA-Za-z]{1,12}$")}
_ABBREVIATION = 5
_NAME_OUT = {"en": "that condition", "zh": "某种病"}


@cache
def _phrases(language: Language) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load(files("agents.patients").joinpath("phrases.yaml").read_text("utf-8"))
    table: Mapping[str, Any] = loaded[language]
    return table


@cache
def jargon_words(language: Language) -> tuple[str, ...]:
    """Return words that a patient of little schooling may not know, longest first."""
    return tuple(sorted(_phrases(language)["jargon_words"], key=len, reverse=True))


@cache
def own_phrase(language: Language) -> re.Pattern[str]:
    """Return a pattern of the patient's own phrases, placeholders open; for recognising them whole."""
    found = []
    for entry in _phrases(language).values():
        if isinstance(entry, dict):
            for phrase in (p for phrases in entry.values() for p in phrases):
                found.append(re.sub(r"\\\{\w+\\\}", ".{0,60}?", re.escape(phrase)))
    return re.compile("|".join(found), re.I)


@cache
def is_phrase(name: str, language: Language) -> re.Pattern[str]:
    """Return a pattern that finds any phrase of one list in a turn."""
    lists = _phrases(language)[name]
    bodies = [re.sub(r"\\\{\w+\\\}", ".{0,60}?", re.escape(p)) for phrases in lists.values() for p in phrases]
    return re.compile("|".join(bodies), re.I)


class Said:
    """The sentences a patient has said so far; remembers those of the present turn as they are added."""

    def __init__(self, turns: tuple[Turn, ...], language: Language) -> None:
        """Read the patient's turns."""
        self._language: Language = language
        own = [turn.text for turn in turns if turn.role == "patient"]
        self._seen = {normal(s) for text in own for s in sentences(text, language)}
        self.text = normal(" ".join(own))

    def has(self, sentence: str) -> bool:
        """Whether every sentence of the text was said before."""
        return all(normal(s) in self._seen for s in sentences(sentence, self._language))

    def has_any(self, text: str) -> bool:
        """Whether one sentence of the text was said before."""
        return any(normal(s) in self._seen for s in sentences(text, self._language))

    def add(self, text: str) -> None:
        """Remember the text's sentences."""
        self._seen |= {normal(s) for s in sentences(text, self._language)}
        self.text += normal(text)


class Phrasing:
    """Fills and picks phrases for one turn."""

    def __init__(self, case: Case, rng: random.Random, said: Said, exchange: int) -> None:
        """Keep who speaks of whom, the turn's random source and what was said."""
        self.language: Language = case.language
        self.rng = rng
        self._case, self._said, self._exchange = case, said, exchange
        self._secrets = secret_names(case)

    def pick(self, name: str, **fill: str) -> str:
        """Return a phrase of the list that was not said before; always one, however long they talk."""
        fresh = self.maybe(name, **fill)
        if fresh:
            return fresh
        options = self._options(name, fill)
        fillers: list[str] = list(_phrases(self.language)["filler"])
        self.rng.shuffle(fillers)
        for lead in fillers:
            for option in options:
                text = lead + (option if self.language == "zh" else _lower_first(option))
                if not self._said.has_any(text):
                    return text
        lasts: list[str] = _phrases(self.language)["last_resort"]
        for last in lasts:
            text = str(last).format(n=self._exchange)
            if not self._said.has_any(text):
                return text
        return ""

    def maybe(self, name: str, **fill: str) -> str:
        """Return an unsaid phrase of the list, or an empty string."""
        options = [text for text in self._options(name, fill) if not self._said.has_any(text)]
        chosen: str = self.rng.choice(options) if options else ""
        return chosen

    def thing(self, surface: str) -> str:
        """Return the doctor's or the case's word for a thing as it can be spoken back; empty when it cannot."""
        if self.language == "en":
            spoken = re.sub(r"\b(your|his|her|their|my|the|any|a|an)\b", " ", surface.strip().lower())
            spoken = re.sub(r"^\s*(no|without|denies|not)\s+", "", re.sub(r"\s+", " ", spoken).strip())
        else:
            spoken = re.sub(r"^(没有|无|否认|不)|[您你我]的?", "", surface.strip())
        if not _CLEAN[self.language].match(spoken) or any(secret.search(spoken) for secret in self._secrets):
            return ""
        return spoken

    def negated(self, name: str) -> str:
        """Return an absence's name as the object of "no", whatever characters it holds."""
        lead = r"^(没有|无|否认|不)" if self.language == "zh" else r"^(no|without|denies|not)\s+"
        return self.redact(re.sub(lead, "", name.strip(), flags=re.I).strip("。.;；"))

    def any_of(self, names: list[str]) -> str:
        """Return names as one spoken alternative: a, b or c."""
        if self.language == "zh":
            return "、".join(names)
        return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]

    def redact(self, text: str) -> str:
        """Return the text with the diagnosis, should it hold it, left out."""
        return redact(text, self._case)

    def _options(self, name: str, fill: Mapping[str, str]) -> list[str]:
        lists: Mapping[str, list[str]] = _phrases(self.language)[name]
        chosen = lists.get(self._case.speaker.kind) or lists["self"]
        subject, thing_of = who(self._case)
        return [_upper_first(str(p).format(n=self._exchange, who=subject, who_object=thing_of, **fill)) for p in chosen]


def who(case: Case) -> tuple[str, str]:
    """Return how a caregiver refers to the patient, as subject and as object."""
    called = case.speaker.calls_patient
    if case.language == "zh" or not called or is_chinese(called):
        return called, called
    subject = {"female": "she", "male": "he"}.get(case.demographics.sex, called)
    thing_of = {"female": "her", "male": "him"}.get(case.demographics.sex, called)
    return subject, thing_of


@cache
def _name_pattern(name: str) -> re.Pattern[str]:
    body = re.escape(name).replace(r"\ ", r"[\s-]+")
    if is_chinese(name):
        return re.compile(body, re.I)
    short = name.isupper() and len(name) <= _ABBREVIATION  # "ALL" is leukaemia, "all" is not
    return re.compile(rf"(?<![A-Za-z0-9]){body}(?![A-Za-z0-9])", 0 if short else re.I)


@lru_cache(maxsize=512)
def secret_names(case: Case) -> tuple[re.Pattern[str], ...]:
    """Return patterns of the diagnosis and its other names, longest first.

    A name that is itself an everyday symptom word ("headache") is no secret: patients complain in that word.
    """
    if case.diagnosis is None:
        return ()
    names = {case.diagnosis.name, *case.diagnosis.aliases}
    complaint = case.chief_complaint.lower()
    kept = [n for n in names if len(n) > 1 and not (is_term(n, case.language) and n.lower() in complaint)]
    return tuple(_name_pattern(name) for name in sorted(kept, key=lambda n: (-len(n), n)))


def redact(text: str, case: Case) -> str:
    """Return ``text`` with every name of the diagnosis replaced by a phrase that gives nothing away."""
    for pattern in secret_names(case):
        text = pattern.sub(_NAME_OUT[case.language], text)
    return text


def _lower_first(text: str) -> str:
    return text if re.match(r"I\b|I'", text) else text[:1].lower() + text[1:]


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]
