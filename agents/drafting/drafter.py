"""Lets a model read a note in three forms and composes a case from them; it knows no file and no terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, TypeVar

from pydantic import BaseModel

from agents.drafting.compose import Draft, compose
from agents.drafting.forms import Frame, History, Workup
from agents.drafting.plain import one_line
from agents.drafting.prompts import draft_messages, draft_prompt
from agents.llm.forecast import estimate_tokens
from agents.llm.types import Filled, Model
from scenarios.errors import InputError
from scenarios.identity import content_hash, derive_seed
from scenarios.schema import Language, Provenance, Usage

NOTE_CHARACTERS = 12_000
"""A longer note is refused: it would be several visits, and a model forgets the middle of it."""
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]+")
FormT = TypeVar("FormT", bound=BaseModel)


def language_of(note: str, wanted: Literal["auto", "zh", "en"]) -> Language:
    """Return the language of a note; ``auto``: Chinese when it has more Chinese characters than Latin words."""
    if wanted != "auto":
        return wanted
    return "zh" if len(_CHINESE.findall(note)) > len(_LATIN.findall(note)) else "en"


def check_note(note: str) -> None:
    """Raise InputError with the numbers when a note is empty or too long."""
    if not note.strip():
        raise InputError("the note is empty")
    if len(note) > NOTE_CHARACTERS:
        raise InputError(
            f"the note has {len(note):,} characters, at most {NOTE_CHARACTERS:,} can be drafted at once: give it one "
            f"visit (complaint, history, examination, assessment), and leave out what belongs to others"
        )


class Drafter:
    """Asks a model for a case in three forms; the model never sees what becomes of them."""

    def __init__(self, model: Model) -> None:
        """Keep the model; whoever opened it closes it."""
        self.model = model

    def longest(self, note: str, language: Language) -> int:
        """Return the tokens of the longest prompt with its reply."""
        prompt = draft_prompt(language)
        asked = max(
            sum(estimate_tokens(str(message["content"])) for message in draft_messages(note, language, task))
            for task in (prompt.frame, prompt.history, prompt.workup)
        )
        return asked + self.model.options.max_tokens

    async def draft(
        self, note: str, language: Language, *, case_id: str, record: str, seed: int,
        progress: Callable[[str], None] = lambda step: None,
    ) -> tuple[Draft, Usage]:
        """Return the draft and what it used.

        Args:
            note: the record's text.
            language: of note and case.
            case_id: the case's id.
            record: what the note is called, for the case's provenance.
            seed: of the sampler.
            progress: told what is being read.

        Raises:
            InputError: an empty or overlong note.
            AgentFailure: the server's or the model's, after all tries.
        """
        check_note(note)
        prompt = draft_prompt(language)
        usages: list[Usage] = []

        async def ask(name: str, task: str, form: type[FormT]) -> FormT:
            progress(name)
            messages = draft_messages(note, language, task)
            filled: Filled[FormT] = await self.model.fill(messages, form, seed=derive_seed(seed, "draft", name))
            usages.append(filled.completion.usage)
            return filled.form

        frame = await ask("who and why", prompt.frame, Frame)
        history = await ask("history", prompt.history, History)
        workup = await ask("findings and treatment", prompt.workup, Workup)
        origin = Provenance(
            source="draft from a note", record=one_line(record),
            note=f"drafted by {one_line(self.model.options.model)}; note {content_hash(note)}; needs review",
        )
        draft = compose(note, frame, history, workup, case_id=case_id, language=language, provenance=origin)
        return draft, sum(usages[1:], usages[0])
