"""Killed at any moment, a batch goes on: every key exactly once, nothing finished repeated, the same words."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import SLOW, canonical, clinic, clinic_process, stored
from tests.forked import RUN_IMPORTS, ForkedClinics

BatchFile = Callable[[str], Path]


def wait_for(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture
def clinics(tmp_path: Path) -> Iterator[ForkedClinics]:
    made = ForkedClinics(tmp_path, *RUN_IMPORTS, "agents.judges.scripted")
    yield made
    made.close()


def test_kill_9_at_twenty_random_moments(batch_file: BatchFile, tmp_path: Path, clinics: ForkedClinics) -> None:
    batch, run = batch_file(SLOW), tmp_path / "run"
    moments = random.Random(20)
    killed = 0
    for _ in range(20):
        done_before = stored(run) if (run / "consultations.jsonl").exists() else []
        said_before = lines_in(run / "turns.jsonl")
        pid, _ = clinics.begin("run", batch, "--out", run, "--resume", "--no-report")
        wait_for(lambda p=pid, n=said_before: not clinics.running(p) or lines_in(run / "turns.jsonl") > n)
        time.sleep(moments.uniform(0.0, 0.06))
        clinics.kill(pid)
        killed += clinics.wait() == -signal.SIGKILL
        assert stored(run)[: len(done_before)] == done_before, "a finished consultation was changed"
    assert killed >= 15, "the batch must be long enough that nearly every kill meets it at work"

    finish = clinic("run", batch, "--out", run, "--resume", "--no-report")
    assert finish.returncode == 0, finish.stderr
    keys = Counter((c["key"]["case"], c["key"]["doctor"], c["key"]["trial"]) for c in stored(run))
    assert len(keys) == 4 * 2 * 6 and set(keys.values()) == {1}

    whole = tmp_path / "whole"
    assert clinic("run", batch, "--out", whole, "--no-report").returncode == 0
    assert canonical(run) == canonical(whole), "an interrupted batch says the same as an uninterrupted one"


def test_ctrl_c_finishes_writing_and_says_how_to_go_on(batch_file: BatchFile, tmp_path: Path) -> None:
    batch, run = batch_file(SLOW), tmp_path / "run"
    process = clinic_process("run", batch, "--out", run)
    wait_for(lambda: lines_in(run / "consultations.jsonl") >= 2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "--resume" in errors and "Traceback" not in errors
    half = stored(run)
    assert 0 < len(half) < 48
    assert (run / "turns.jsonl").read_bytes().endswith(b"\n")
    assert clinic("run", batch, "--out", run, "--resume").returncode == 0
    assert stored(run)[: len(half)] == half and len(stored(run)) == 48


def test_resuming_a_finished_run_repeats_nothing(batch_file: BatchFile, tmp_path: Path) -> None:
    batch, run = batch_file(SLOW.replace("trials: 6", "trials: 1")), tmp_path / "run"
    assert clinic("run", batch, "--out", run).returncode == 0
    before = (run / "consultations.jsonl").read_bytes(), (run / "turns.jsonl").read_bytes()
    assert clinic("run", batch, "--out", run, "--resume").returncode == 0
    assert ((run / "consultations.jsonl").read_bytes(), (run / "turns.jsonl").read_bytes()) == before


def test_more_trials_extend_a_run_and_another_seed_is_refused(batch_file: BatchFile, tmp_path: Path) -> None:
    batch, run = batch_file(SLOW.replace("trials: 6", "trials: 1")), tmp_path / "run"
    assert clinic("run", batch, "--out", run, "--limit", "1").returncode == 0
    first = stored(run)
    assert clinic("run", batch, "--out", run, "--resume", "--trials", "2").returncode == 0
    assert stored(run)[: len(first)] == first and len(stored(run)) == 4 * 2 * 2
    other = clinic("run", batch, "--out", run, "--resume", "--seed", "4")
    assert other.returncode == 2 and "batch.seed" in other.stderr


def test_a_full_disk_is_a_clear_error_and_the_run_goes_on_afterwards(batch_file: BatchFile, tmp_path: Path) -> None:
    import resource

    batch, run = batch_file(SLOW), tmp_path / "run"
    limit = 60_000
    full = clinic(
        "run", batch, "--out", run, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert full.returncode == 2, full.stderr
    assert "cannot write" in full.stderr and "--resume" in full.stderr and "Traceback" not in full.stderr
    assert not (run / "summary.json").exists()
    assert clinic("run", batch, "--out", run, "--resume", "--no-report").returncode == 0
    keys = [(c["key"]["case"], c["key"]["doctor"], c["key"]["trial"]) for c in stored(run)]
    assert len(keys) == len(set(keys)) == 48
