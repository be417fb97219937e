"""``clinic case``: makes cases; ``draft`` lets a model read a free-text note and quotes it for every item."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

EXAMPLES = """\b
Examples:
  clinic case draft --from note.txt --model qwen2.5-72b-instruct -o case.yaml
  clinic case draft --from note.txt --language zh --model NAME --base-url http://127.0.0.1:8000/v1 -o case.yaml
  clinic validate case.yaml
"""


@click.group("case", short_help="Make cases: draft one from a free-text note.", epilog=EXAMPLES)
def case() -> None:
    """Make cases."""


@case.command("draft", short_help="Draft a case from a free-text note.", epilog=EXAMPLES)
@click.option("--from", "note", required=True, type=click.Path(path_type=Path), metavar="NOTE.txt", help="The note.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New case file (.yaml).")
@click.option("--language", type=click.Choice(["auto", "zh", "en"]), default="auto", show_default=True)
@click.option("--model", required=True, help="The model's name at its server.")
@click.option("--base-url", default="", help="The server  [default: $CLINIC_BASE_URL, else http://127.0.0.1:8000/v1]")
@click.option("--api-key-env", default="", metavar="VARIABLE", help="The environment variable that holds the key.")
@click.option("--id", "case_id", help="The case's id  [default: from the note's file name]")
@click.option("--max-tokens", type=click.IntRange(64, 100_000), default=4000, show_default=True, help="Of one form.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print quotes, places and doubts as JSON.")
def draft(
    note: Path, output: Path, language: Literal["auto", "zh", "en"], model: str, base_url: str, api_key_env: str,
    case_id: str | None, max_tokens: int, seed: int, as_json: bool,
) -> None:
    """Draft a case from a note; what the note does not say in quotable words is left out and listed."""
    from simulator.drafting import DraftOrder, draft_case, show_draft

    order = DraftOrder(note, output, language, model, base_url, api_key_env, case_id, max_tokens, seed)
    show_draft(draft_case(order), output, as_json=as_json)
