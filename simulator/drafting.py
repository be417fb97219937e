"""From a note's file to a reviewed-to-be case file: opens the model, writes the page, shows what was left out."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from agents.drafting.compose import Draft, Item
from agents.drafting.drafter import Drafter, check_note, language_of
from agents.drafting.page import case_page
from agents.drafting.plain import one_line
from agents.llm.client import open_model
from agents.llm.options import LLMOptions
from scenarios.errors import InputError
from scenarios.files import replace_whole
from scenarios.identity import content_hash
from scenarios.schema import Slug, Usage
from scenarios.yaml_file import read_text
from simulator.usage import Spent, in_words


@dataclass(frozen=True)
class DraftOrder:
    """What is to be drafted, by whom and whereto."""

    note: Path
    output: Path
    language: Literal["auto", "zh", "en"]
    model: str
    base_url: str = ""
    api_key_env: str = ""
    case_id: str | None = None
    max_tokens: int = 4000
    seed: int = 0


def draft_case(order: DraftOrder) -> tuple[Draft, Usage]:
    """Draft and write the case file. Raises ClinicError with what to do; then nothing is written."""
    if order.output.suffix not in (".yaml", ".yml"):
        raise InputError(f"cannot write {order.output.name!r}: comments need a name that ends with .yaml")
    if order.output.exists():
        raise InputError(f"{order.output} is there already and may have been reviewed: choose another -o")
    text = read_text(order.note)
    check_note(text)
    name = _case_id(order, text)
    draft, usage = asyncio.run(_draft(order, text, name))
    try:
        order.output.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(order.output, [case_page(draft, order.model)])
    except OSError as error:
        raise InputError(f"cannot write {order.output}: {error.strerror}") from error
    return draft, usage


def show_draft(done: tuple[Draft, Usage], output: Path, *, as_json: bool) -> None:
    """Say what is in the file and what a person must look at; as JSON: every item with its quote and place."""
    draft, usage = done
    if as_json:
        shown = {
            "case": draft.case.id, "items": [_plain(draft, item) for item in draft.items],
            "left_out": [_plain(draft, item) for item in draft.left_out], "doubts": list(draft.doubts),
        }
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    doubts = len(draft.doubts) + sum(len(item.doubts) for item in draft.items)
    spent = Spent()
    spent.add(usage)
    click.echo(f"{output}: {len(draft.items)} items with their quotes, {doubts} doubts, {len(draft.left_out)} left out "
               f"because the note does not say them")
    for item in draft.left_out:
        click.echo(f"  left out: {item.where}: {_line(item.text)} <- {_line(item.quote)}")
    click.echo(f"Used: {in_words(spent.figures(), None)}")
    click.echo("Review it against the note before use; then: clinic validate " + str(output))


async def _draft(order: DraftOrder, text: str, name: str) -> tuple[Draft, Usage]:
    try:
        options = LLMOptions(
            model=order.model, base_url=order.base_url, api_key_env=order.api_key_env, temperature=0.0,
            max_tokens=order.max_tokens, patience_s=60.0,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from error
    model = open_model(options, "infrastructure")
    language = language_of(text, order.language)
    drafter = Drafter(model)
    try:
        await model.preflight(drafter.longest(text, language))
        with Console(stderr=True).status("drafting") as status:
            return await drafter.draft(
                text, language, case_id=name, record=order.note.name, seed=order.seed,
                progress=lambda step: status.update(f"drafting: {step}"),
            )
    finally:
        await model.aclose()


def _case_id(order: DraftOrder, text: str) -> str:
    if order.case_id is None:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", order.note.stem).strip("-._")[:60]
        return stem or f"draft-{content_hash(text, 8)}"
    try:
        return TypeAdapter(Slug).validate_python(order.case_id)
    except ValidationError as error:
        raise InputError(f"--id {order.case_id!r}: letters, digits, '.', '_' and '-' only, at most 100") from error


def _plain(draft: Draft, item: Item) -> dict[str, Any]:
    span = item.span
    place = None if span is None else {
        "start": span.start, "end": span.end, "exact": span.exact, "similarity": span.similarity,
        "words": draft.note.says(span),
    }
    return {"where": item.where, "text": item.text, "quote": item.quote, "span": place, "doubts": list(item.doubts)}


def _line(text: str) -> str:
    """Return a model's text for a terminal: one line, nothing that steers it."""
    return f'"{one_line(text, 80)}"'
