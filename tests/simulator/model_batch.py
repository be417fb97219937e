"""A small batch whose doctors, patient and judge are models behind one server, and the command line that runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from scenarios.writer import write_cases
from simulator.cli import main
from simulator.store import without_timings
from tests.helpers import small_case

PRICE = {"prompt": 2.0, "completion": 8.0, "currency": "USD"}


def model_batch(
    folder: Path, url: str, *, price: dict[str, Any] | None = None, key: str = "", cases: int = 3, **changes: Any
) -> Path:
    """Write cases and batch; every model is called ``good``, has ``price`` and its key in the variable ``key``."""
    model = {"model": "good", "base_url": url, "patience_s": 0.5, "api_key_env": key}
    model |= {"price": price} if price else {}
    batch = {
        "name": "models", "cases": ["cases.yaml"],
        "doctors": {"careful": {"backend": "chat", **model}, "quick": {"backend": "chat", "temperature": 0.1, **model}},
        "patient": {"backend": "llm", **model},
        "judges": [{"backend": "llm", **model}, {"backend": "rubric"}],
        "max_turns": 2, "seed": 4, "concurrency": 1, **changes,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_cases([small_case(f"case-{number}") for number in range(cases)], folder / "cases.yaml")
    path = folder / "batch.yaml"
    path.write_text(yaml.safe_dump(batch), "utf-8")
    return path


def clinic(*words: Any) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env={"COLUMNS": "200"})


def ok(*words: Any) -> str:
    result = clinic(*words)
    assert result.exit_code == 0, result.output
    return result.output


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def words_said(folder: Path) -> list[dict[str, Any]]:
    """Everything two equal runs share, sorted."""
    found = [without_timings(line) for line in lines(folder / "consultations.jsonl")]
    for one in found:
        for turn in one["turns"]:
            (turn.get("usage") or {}).pop("cached", None)
        for verdict in one["verdicts"]:
            (verdict.get("usage") or {}).pop("cached", None)
    return sorted(found, key=lambda line: json.dumps(line["key"]))
