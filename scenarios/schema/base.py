"""The frozen base model and the small vocabularies that every other schema file shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

Language = Literal["zh", "en"]
Sex = Literal["female", "male", "unknown"]
Role = Literal["patient", "doctor", "examiner"]

SLUG = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Slug = Annotated[str, StringConstraints(pattern=SLUG)]
"""A name that is safe as a file name and in a URL: letters, digits, ``.``, ``_``, ``-``; at most 100."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
"""Non-empty text of bounded length; what people wrote, never executed."""


class Frozen(BaseModel):
    """Immutable, strict about unknown keys; the base of everything a YAML file or a run folder holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
