"""What a model is told when it drafts a case from a note; the note is fenced data, the task comes last."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from agents.judges.fence import defuse, fence_lines
from agents.llm.types import Message
from scenarios.schema import Frozen, Language


class DraftPrompt(Frozen):
    """The texts of one language."""

    model_config = {"str_strip_whitespace": False}

    system: str
    note_name: str
    frame: str
    history: str
    workup: str


@cache
def draft_prompt(language: Language) -> DraftPrompt:
    """Return the shipped texts."""
    text = (files("agents") / "prompts" / language / "draft.yaml").read_text("utf-8")
    return DraftPrompt.model_validate(yaml.safe_load(text))


def draft_messages(note: str, language: Language, task: str) -> list[Message]:
    """Return two messages, whatever the note says; all tasks on a note share everything but their last words."""
    prompt = draft_prompt(language)
    lines = [words for line in note.splitlines() if (words := defuse(line))]
    fenced = fence_lines(lines, prompt.note_name, language)
    return [
        {"role": "system", "content": prompt.system.strip()},
        {"role": "user", "content": f"{fenced.text}\n\n{task.strip()}"},
    ]
