"""The form a model patient fills in, one a case, and the cut at its limit; it knows neither server nor prompt.

Key order is the order of thinking: first ``disclosed``, which entries of the record this answer will tell, then
``text``, their wording, and last ``end``, which depends on what has been said. Choosing before wording keeps the words
to the record, and the choice costs a few tokens only.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from agents.acts import sentences
from scenarios.schema import Language

Ending = Literal["none", "facts_out", "advice_given", "farewell"]
MOST_DISCLOSED = 6
"""Entries that one answer may tell; a hundred characters hold no more."""
_ENDS = re.compile(r"[。！？!?.…][\"'”’」』）)]*$")
_UNSPOKEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffd]")
"""Controls, broken halves of characters and the sign for a broken character."""


class OpeningForm(BaseModel):
    """The opening words; the subclass of a case narrows ``disclosed`` to its labels and bounds ``text``."""

    model_config = ConfigDict(extra="forbid")
    spoken: ClassVar[str] = "text"

    disclosed: list[str]
    text: str


class ReplyForm(OpeningForm):
    """A later answer; ``end`` other than none makes it the last one."""

    end: Ending


@lru_cache(maxsize=4096)
def form_of(labels: tuple[str, ...], limit: int, *, opening: bool) -> type[OpeningForm]:
    """Return the form of a case.

    ``limit`` stands in the JSON schema only, where a server enforces it: a server without schemas may write more, and
    that is cut rather than refused. The form is the same at every turn, so that a server compiles its grammar once.
    """
    named: Any = Literal[labels] if labels else str
    most = min(MOST_DISCLOSED, len(labels))
    fields: dict[str, Any] = {
        "disclosed": (list[named], Field(json_schema_extra={"maxItems": most})),
        "text": (str, Field(json_schema_extra={"minLength": 1, "maxLength": limit})),
    }
    base = OpeningForm if opening else ReplyForm
    return create_model(base.__name__, __base__=base, **fields)


def trimmed(text: str, limit: int, language: Language) -> str:
    """Return the text within ``limit`` characters; one that the limit cut in a sentence ends with its last whole one.

    Without a whole sentence the beginning stays as it is.
    """
    whole = " ".join(_UNSPOKEN.sub(" ", text).split())
    kept = whole[:limit].strip()
    if len(text) < limit or (len(whole) <= limit and _ENDS.search(whole)):
        return kept
    parts = sentences(kept, language)
    if len(parts) < 2 or _ENDS.search(parts[-1]):
        return kept
    return kept[: kept.rindex(parts[-1])].rstrip() or kept
