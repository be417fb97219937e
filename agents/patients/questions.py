"""What a question is about by its wording: open, opinion, consent, topics; it knows no case and gives no answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, cast, get_args

import yaml

from agents.acts import questions, sentences
from scenarios.schema import Language, Topic

PRESENT_ILLNESS: frozenset[str] = frozenset(
    {"onset", "course", "location", "quality", "severity", "timing", "provocation", "relief"}
)
_REQUEST = {
    "en": re.compile(r"\b(tell me|describe|walk me through|go on|please continue|in your own words|explain)\b", re.I),
    "zh": re.compile(r"说说|讲讲|说一下|讲一下|描述|谈谈|介绍一下|请继续|说一说|告诉我"),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """How a question is put: the flags may hold together; ``topics`` in the schema's order."""

    open: bool
    opinion: bool
    consent: bool
    check: bool
    topics: tuple[Topic, ...]


@cache
def _cues(language: Language) -> Mapping[str, Any]:
    loaded = yaml.safe_load(files("agents.patients").joinpath("question_cues.yaml").read_text("utf-8"))[language]
    compiled: dict[str, Any] = {
        name: re.compile("|".join(f"(?:{cue})" for cue in loaded[name]), re.I)
        for name in ("open", "opinion", "consent", "check")
    }
    compiled["topics"] = {topic: re.compile(cue, re.I) for topic, cue in loaded["topics"].items()}
    strange = set(compiled["topics"]) - set(get_args(Topic))
    if strange:
        raise ValueError(f"question_cues.yaml names unknown topics: {', '.join(sorted(strange))}")
    return compiled


def asked(text: str, language: Language) -> list[str]:
    """Return the sentences that want an answer, requests like "tell me more" and "any questions?" included."""
    plain = set(questions(text, language))
    return [
        s
        for s in sentences(text, language)
        if s in plain
        or _REQUEST[language].search(s)
        or (re.search(r"[?？]", s) and _cues(language)["opinion"].search(s))
    ]


@lru_cache(maxsize=4096)
def wording(question: str, language: Language) -> Wording:
    """Classify one question."""
    cues = _cues(language)
    topics = tuple(
        topic for topic in get_args(Topic) if topic in cues["topics"] and cues["topics"][topic].search(question)
    )
    return Wording(
        open=bool(cues["open"].search(question)),
        opinion=bool(cues["opinion"].search(question)),
        consent=bool(cues["consent"].search(question)),
        check=bool(cues["check"].search(question)),
        topics=cast(tuple[Topic, ...], topics),
    )
