"""The embedded doctors keep their order, on cases they were and were not developed on, and nothing breaks down."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from agents.knowledge.base import knowledge
from scenarios.loader import library_cases
from scenarios.schema import Case
from tests.end_to_end.conftest import ROOT, clinic, stored

ORDER = ("history-taker", "checklist", "one-shot")
DOCTORS = {name: {"backend": name} for name in ORDER}


def run(folder: Path, cases: list[Any]) -> Path:
    batch = {"name": "rank", "cases": cases, "doctors": DOCTORS, "trials": 3, "seed": 2026, "max_turns": 6}
    (folder / "batch.yaml").write_text(yaml.safe_dump(batch), "utf-8")
    done = clinic("run", folder / "batch.yaml", "--out", folder / "run", "--no-report")
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All shipped cases x 3 doctors x 3 trials."""
    return run(tmp_path_factory.mktemp("shipped"), [{"library": "all"}])


@pytest.fixture(scope="module")
def agentclinic(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """All 107 AgentClinic MedQA cases x 3 doctors x 3 trials, imported by the command line."""
    folder = tmp_path_factory.mktemp("agentclinic")
    source = shared_data / "agentclinic" / "agentclinic_medqa.jsonl"
    done = clinic("import", "agentclinic", source, "-o", folder / "cases.yaml", "--on-error", "stop")
    assert done.returncode == 0 and "107 cases written" in done.stderr, done.stderr
    return run(folder, ["cases.yaml"])


def paired(folder: Path, better: str, worse: str, metric: str) -> tuple[float, float]:
    """Return the 95% interval of better minus worse."""
    for row in json.loads((folder / "summary.json").read_text("utf-8"))["paired"]:
        if row["metric"] == metric and {row["a"], row["b"]} == {better, worse}:
            low, high = row["ci95"]
            return (low, high) if row["a"] == better else (-high, -low)
    raise AssertionError(f"no paired row for {metric}: {better}, {worse}")


@pytest.mark.parametrize("metric", ["coverage", "diagnosis_top1"])
@pytest.mark.parametrize(("better", "worse"), [ORDER[:2], ORDER[1:]], ids=lambda name: name)
def test_on_shipped_cases_the_order_holds(shipped: Path, better: str, worse: str, metric: str) -> None:
    low, high = paired(shipped, better, worse, metric)
    assert low > 0, f"{better} - {worse} on {metric}: {low:+.3f} to {high:+.3f}"


@pytest.mark.parametrize(("better", "worse"), [ORDER[:2], ORDER[1:]], ids=lambda name: name)
def test_on_agentclinic_the_order_holds_for_coverage(agentclinic: Path, better: str, worse: str) -> None:
    low, high = paired(agentclinic, better, worse, "coverage")
    assert low > 0, f"{better} - {worse}: {low:+.3f} to {high:+.3f}"


def test_agentclinic_completes_without_infrastructure_failures(agentclinic: Path) -> None:
    records = stored(agentclinic)
    assert len(records) == 107 * 3 * 3
    assert [f for r in records for f in r["failures"] if f["owner"] != "doctor"] == []
    assert all(r["stop_reason"] != "failed" for r in records)


def test_the_embedded_patient_is_never_unfaithful_on_shipped_cases(shipped: Path) -> None:
    records = stored(shipped)
    assert len(records) == len(library_cases()) * 3 * 3 >= 40 * 3 * 3
    assert [(r["key"], f) for r in records for f in r["failures"]] == []


def held_out() -> set[str]:
    """Cases written after the knowledge base took its present form (older ones bear an older hash, or none)."""
    return {case.id for case in library_cases() if case.provenance.knowledge_hash == knowledge().fingerprint()}


def test_ten_cases_were_written_after_the_knowledge_base_was_frozen() -> None:
    assert len(held_out()) == 10, "the knowledge base changed: write new held-out cases for it"


def test_diagnosis_on_the_held_out_cases_is_no_worse_than_on_the_others(shipped: Path) -> None:
    right: dict[str, list[float]] = {}
    for record in stored(shipped):
        if record["key"]["doctor"] == "history-taker":
            right.setdefault(record["key"]["case"], []).append(record["metrics"]["diagnosis_top1"])
    new = np.mean([np.mean(values) for case, values in right.items() if case in held_out()])
    others = np.mean([np.mean(values) for case, values in right.items() if case not in held_out()])
    assert new >= others, f"held out {new:.2f}, others {others:.2f}"


def phrases(case: Case) -> list[str]:
    return [case.chief_complaint, *(f.text for f in case.facts), *(a.name for a in case.absences)]


def shingles(text: str, language: str) -> set[str]:
    """Pieces long enough that two authors do not write them by chance: ten characters, or seven words."""
    if language == "zh":
        plain = re.sub(r"[^\u4e00-\u9fff]", "", text)
        return {plain[i : i + 10] for i in range(len(plain) - 9)}
    words = re.findall(r"[a-z']+", text.lower())
    return {" ".join(words[i : i + 7]) for i in range(len(words) - 6)}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_knowledge_base_holds_no_cases_wording(language: str) -> None:
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "agents/knowledge/data").rglob("*.yaml"))
    known = {piece for line in text.splitlines() for piece in shingles(line, language)}
    assert len(known) > 1_000
    shared = {
        case.id: piece for case in library_cases(language) for phrase in phrases(case)
        for piece in shingles(phrase, language) & known
    }
    assert shared == {}
