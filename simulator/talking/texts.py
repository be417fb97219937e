"""What the conversation's own texts are in each language; it knows what is said, not where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from scenarios.errors import SoundError
from scenarios.schema import Language


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    text = (files("simulator.talking") / "texts.yaml").read_text("utf-8")
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(text)
    return found


def text(language: Language, key: str, **values: object) -> str:
    """Return the text ``key`` with its places filled; raises KeyError for a key or a place that is not there."""
    return _texts()[language][key].format(**values)


def sound_problem(language: Language, name: str, error: SoundError, longest_s: float) -> str:
    """Return what is wrong with a sound, in Chinese in a few words, in English with what was found."""
    if language == "en":
        return str(error)
    return text(language, f"sound_{error.kind}", name=name, longest=longest_s)
