"""The model patient's prompt file, read once a language; it knows the file's place and hash, not what it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, get_args

import yaml

from scenarios.identity import content_hash
from scenarios.schema import Language

_SPACE = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")


@cache
def words(language: Language) -> Mapping[str, Any]:
    """Return ``agents/prompts/<language>/patient.yaml``."""
    loaded: Mapping[str, Any] = yaml.safe_load(_raw(language))
    return loaded


@cache
def words_hash() -> str:
    """Return the hash of both languages' files, comments included."""
    return content_hash({language: _raw(language) for language in get_args(Language)})


def one_line(text: str) -> str:
    """Return text of a case as data: on one line, and unable to spell a chat template's control token."""
    return _SPACE.sub(" ", text).strip().replace("<|", "< |").replace("|>", "| >")


def _raw(language: Language) -> str:
    return files("agents").joinpath("prompts", language, "patient.yaml").read_text("utf-8")
