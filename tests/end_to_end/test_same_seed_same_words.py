"""The same seed gives byte-identical consultations at any concurrency and in any process; another seed does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, canonical, clinic

BATCH = """\
name: same
cases: [{library: zh, limit: 4}, {library: en, limit: 4}]
doctors:
  history-taker: {backend: history-taker}
  checklist: {backend: checklist}
  one-shot: {backend: one-shot}
patient: {backend: agenda, persona: {personality: talkative, recall: low, confusion: moderate, health_anxiety: high}}
trials: 2
seed: 11
"""


@pytest.fixture
def run(batch_file: Callable[[str], Path], tmp_path: Path) -> Callable[..., bytes]:
    batch = batch_file(BATCH)

    def held(name: str, *flags: str) -> bytes:
        done = clinic("run", batch, "--out", tmp_path / name, "--no-report", *flags)
        assert done.returncode == 0, done.stderr
        return canonical(tmp_path / name)

    return held


def test_concurrency_changes_no_byte(run: Callable[..., bytes]) -> None:
    assert run("one", "--concurrency", "1") == run("many", "--concurrency", "64")


def test_the_order_of_sets_in_a_process_changes_no_byte(tmp_path: Path) -> None:
    """Python orders sets of words differently in every process: no word may hang on it, on any shipped case."""
    seen = set()
    for number in ("0", "3", "7"):
        folder = tmp_path / number
        done = clinic(
            "run", ROOT / "scenarios/batches/embedded.yaml", "--out", folder, "--trials", "1", "--no-report",
            env={**os.environ, "PYTHONHASHSEED": number},
        )
        assert done.returncode == 0, done.stderr
        seen.add(canonical(folder))
    assert len(seen) == 1


def test_another_seed_changes_what_is_said(run: Callable[..., bytes]) -> None:
    assert run("a", "--seed", "1") != run("b", "--seed", "2")


def test_leaving_others_out_changes_nothing_for_those_who_stay(run: Callable[..., bytes]) -> None:
    whole = run("whole").split(b"\n")
    part = run("part", "--doctor", "checklist", "--limit", "3").split(b"\n")
    assert len(part) == 6 and set(part) <= set(whole)
