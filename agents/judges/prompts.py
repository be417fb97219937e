"""What model judges are told: shipped texts, a rubric in words, messages in an order that caches; it asks nobody."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from agents.judges.fence import FENCE_VERSION
from agents.llm.types import Message
from scenarios.identity import content_hash
from scenarios.schema import Frozen, Language
from scenarios.schema.rubric import Rubric

RENDERING = 1
"""Counts up when the same texts are put together in another way."""


class JudgePrompt(Frozen):
    """The texts of one language; places in braces are filled by this module only, never by data."""

    model_config = {"str_strip_whitespace": False}

    role: str
    role_single: str
    rules: str
    rule_turns: str
    dimensions_head: str
    dimension: str
    anchor: str
    criteria_head: str
    criterion: str
    setting: str
    form: str
    record_head: str
    record_name: str
    turns_head: str
    turns_name: str
    question_head: str
    question_name: str
    answer_head: str
    answer_name: str
    reference_head: str
    reference_name: str
    closing: str
    reference_rules: str
    elicited_name: str
    flags_name: str
    none: str
    gold: dict[str, str]


@cache
def judge_prompt(language: Language) -> JudgePrompt:
    """Return the shipped texts."""
    text = (files("agents") / "prompts" / language / "judge.yaml").read_text("utf-8")
    return JudgePrompt.model_validate(yaml.safe_load(text))


def judge_fingerprint(rubric: Rubric | None, **more: object) -> str:
    """Return the hash of everything of ours that a judge's answer depends on: texts, fence, rubric, ``more``."""
    return content_hash({
        "rendering": RENDERING, "fence": FENCE_VERSION, "zh": judge_prompt("zh"), "en": judge_prompt("en"),
        "rubric": rubric, **more,
    })


def language_of(rubric: Rubric, wanted: Language) -> Language:
    """Return the language in which a judge is spoken to: the case's if the rubric has it, else the rubric's first."""
    return wanted if wanted in rubric.languages else rubric.languages[0]


def rubric_text(rubric: Rubric, language: Language) -> str:
    """Return the whole system message of a judge: role, rules, rubric, form; the same for every case."""
    words = judge_prompt(language)
    single = rubric.audience == "single_turn"
    parts = [words.role_single if single else words.role, words.rules.rstrip()]
    if not single:
        parts.append(words.rule_turns.rstrip())
    if rubric.setting:
        parts.append(words.setting.format(text=rubric.setting[language]))
    if rubric.kind == "dimensions":
        parts += [words.dimensions_head, *_dimension_lines(rubric, language, words)]
    else:
        parts += [words.criteria_head]
        parts += [words.criterion.format(id=c.id, text=c.text[language]) for c in rubric.criteria]
    keys = ["reason", *([] if single else ["turn"]), "score" if rubric.kind == "dimensions" else "met"]
    parts.append(words.form.format(keys=("、" if language == "zh" else ", ").join(keys)))
    return "\n".join(parts)


def messages(system: str, blocks: list[tuple[str, str]], closing: str) -> list[Message]:
    """Return system and user message; ``blocks`` are (heading, fenced data), what changes most often last."""
    data = "\n\n".join(f"{head}\n{fenced}" for head, fenced in blocks)
    return [{"role": "system", "content": system}, {"role": "user", "content": f"{data}\n\n{closing}"}]


def _dimension_lines(rubric: Rubric, language: Language, words: JudgePrompt) -> list[str]:
    lines = []
    for d in rubric.dimensions:
        lines.append(words.dimension.format(
            id=d.id, name=d.name[language], low=d.scale.min, high=d.scale.max, asks=d.asks[language]
        ))
        lines += [words.anchor.format(level=n, text=text[language]) for n, text in sorted(d.anchors.items())]
    return lines
