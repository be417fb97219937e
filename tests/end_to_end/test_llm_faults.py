"""A server that does everything wrong that servers do, over 200 consultations: nothing lost, nothing counted twice."""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from scenarios.schema import Consultation
from simulator.cli import main
from simulator.store import read_consultations
from tests.fault_server import Answer, Body, FaultServer, broken, too_many

CASES, DOCTORS, TRIALS = 20, 2, 5
KINDS = ("429", "500", "503", "hung", "reset", "mid-stream", "truncated", "schema", "huge")


class Misery:
    """Lets every sixth request or so go wrong, each in one of the ways that may pass when tried again."""

    def __init__(self, share: float = 0.15) -> None:
        self.random, self.share, self.done = random.Random(5), share, Counter[str]()
        self.lock = threading.Lock()

    def __call__(self, body: Body) -> Answer | None:
        with self.lock:
            if self.random.random() > self.share:
                return None
            kind = self.random.choice(KINDS)
            self.done[kind] += 1
        return {
            "429": too_many("0.05"), "500": broken(500), "503": broken(503), "hung": Answer(hang=True),
            "reset": Answer(reset_after=0), "mid-stream": Answer(reset_after=2),
            "truncated": Answer(text='{"text": "it hu', finish="length") if "response_format" in body else broken(),
            "schema": Answer(text='{"unexpected": 1}') if "response_format" in body else broken(),
            "huge": Answer(pad_bytes=10_000_000),
        }[kind]


def run_batch_at(url: str, folder: Path, **changes: Any) -> tuple[list[Consultation], str]:
    at = {"model": "good", "base_url": url, "timeout_s": 2.0, "retries": 8, "rereads": 4}
    batch = folder / "batch.yaml"
    batch.write_text(yaml.safe_dump({
        "name": "faults", "cases": [{"library": "all", "limit": CASES}], "trials": TRIALS, "max_turns": 2, "seed": 1,
        "doctors": {"a": {"backend": "chat", **at}, "b": {"backend": "chat", "temperature": 1.0, **at}},
        "patient": {"backend": "llm", "reasks": 0, **at}, "judges": [{"backend": "llm", **at}], "concurrency": 64,
        **changes,
    }), "utf-8")
    shown = CliRunner().invoke(main, ["run", str(batch), "--out", str(folder / "run"), "--no-report"])
    assert shown.exit_code == 0, shown.output
    return list(read_consultations(folder / "run")), shown.output


def test_two_hundred_consultations_survive_every_fault_that_passes(tmp_path: Path) -> None:
    misery = Misery()
    with FaultServer(rule=misery) as server:
        records, _ = run_batch_at(server.url, tmp_path)
    assert set(misery.done) == set(KINDS)
    keys = [(r.key.case, r.key.doctor, r.key.trial) for r in records]
    assert len(keys) == len(set(keys)) == CASES * DOCTORS * TRIALS, "each key exactly once"
    for record in records:
        assert [turn.index for turn in record.turns] == list(range(len(record.turns)))
    for failure in (f for r in records for f in r.failures if f.kind not in GATE):
        assert failure.owner in ("infrastructure", "patient", "doctor", "judge") and failure.kind and failure.message
    lost = [r for r in records if r.stop_reason == "failed" or any(not v.parsed for v in r.verdicts)]
    assert len(lost) <= 2, Counter((f.owner, f.kind) for r in lost for f in r.failures)


GATE = frozenset({"made-up", "contradiction", "leaked-diagnosis", "role-flip", "repetition", "wrong-language", "gate"})


def test_a_fault_that_stays_is_named_with_its_owner_and_spares_the_others(tmp_path: Path) -> None:
    def only_judges(body: Body) -> Answer | None:
        is_judge = "score" in str(body.get("response_format", ""))
        return Answer(text='{"nothing": true}') if is_judge else None

    with FaultServer(rule=only_judges) as server:
        records, output = run_batch_at(server.url, tmp_path, trials=1, cases=[{"library": "en", "limit": 3}])
    assert all(len(r.turns) >= 2 and r.stop_reason != "failed" for r in records), "the talks went on"
    assert all(not v.parsed for r in records for v in r.verdicts)
    owners = Counter((f.owner, f.kind) for r in records for f in r.failures if f.kind not in GATE)
    assert owners == {("judge", "wrong_schema"): len(records)}
    assert "judge" in output


def test_a_server_that_is_away_for_a_while_costs_nothing_but_time(tmp_path: Path) -> None:
    with FaultServer(latency_s=0.05) as server:
        timer = threading.Timer(1.0, server.stop)
        back = threading.Timer(3.0, server.start)
        timer.start()
        back.start()
        records, _ = run_batch_at(server.url, tmp_path, trials=2)
        timer.join()
        back.join()
    assert len({(r.key.case, r.key.doctor, r.key.trial) for r in records}) == len(records) == CASES * DOCTORS * 2
    assert [f for r in records for f in r.failures if f.owner == "infrastructure"] == []
