"""A whole batch of models against a real vLLM server: patient, two doctors, examiner and judge on real cases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from simulator.cli import main
from simulator.store import read_consultations
from tests.tiny_server import TinyServer, free_port, start_server, stop_server


def batch_file(folder: Path, server: str, cases: list[object], **changes: object) -> Path:
    """Write a batch of LLM patient, two chat doctors and LLM judge on one server."""
    at = {"base_url": server}
    path = folder / "batch.yaml"
    path.write_text(yaml.safe_dump({
        "name": "llm", "cases": cases, "seed": 3, "max_turns": 3, "concurrency": 16,
        "doctors": {
            "a": {"backend": "chat", "model": "tiny-qwen2", "max_tokens": 24, **at},
            "b": {"backend": "chat", "model": "tiny-qwen2-b", "max_tokens": 400, "ask_requests": "form", **at},
        },
        "patient": {"backend": "llm", "model": "tiny-qwen2", "reasks": 0, **at},
        "judges": [{"backend": "llm", "model": "tiny-qwen2", **at}, {"backend": "rubric"}],
        **changes,
    }), "utf-8")
    return path


def test_forty_real_cases_two_doctors_and_a_judge_end_with_a_report(
    tiny_server: TinyServer, shared_data: Path, tmp_path: Path
) -> None:
    cases: list[object] = [
        {"import": "agentclinic", "path": str(shared_data / "agentclinic" / "agentclinic_medqa.jsonl"), "limit": 20},
        {"import": "cmtmedqa", "path": str(shared_data / "cmtmedqa" / "CMtMedQA_test_first300.json"), "limit": 22,
         "on_error": "skip"},
    ]
    batch = batch_file(tmp_path, tiny_server.url, cases)
    shown = CliRunner().invoke(main, ["run", str(batch), "--out", str(tmp_path / "run")])
    assert shown.exit_code == 0, shown.output
    records = list(read_consultations(tmp_path / "run"))
    languages = Counter(record.language for record in records)
    assert languages["en"] == 40 and languages["zh"] >= 38
    verdicts = [verdict for record in records for verdict in record.verdicts]
    assert [verdict.judge for verdict in verdicts if not verdict.parsed] == [], "no verdict is unparsed"
    owners = {failure.owner for record in records for failure in record.failures}
    assert owners <= {"patient"}, "nothing but gibberish is found"
    assert all(turn.usage for record in records for turn in record.turns if turn.role in ("patient", "doctor"))
    assert any(t.role == "examiner" for r in records for t in r.turns), "the doctor with the form orders examinations"
    report = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "not medical advice" in report.lower() or "medical advice" in report.lower()


@pytest.mark.soak  # two starts of a real server; test_llm_faults.py has one that goes away and comes back each time
@pytest.mark.timeout(900)
def test_a_server_killed_and_started_again_does_not_end_the_batch(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    port = free_port()
    log = tmp_path / "server.log"
    first = start_server(log, keeper=os.getpid(), port=port)
    doctors = {"a": {"backend": "chat", "model": "tiny-qwen2", "max_tokens": 24, "base_url": first.url}}
    cases: list[object] = [{"library": "all", "limit": 16}]
    batch = batch_file(tmp_path, first.url, cases, doctors=doctors, concurrency=4)
    run = tmp_path / "run"
    command = [sys.executable, "-m", "simulator", "run", str(batch), "--out", str(run), "--no-report"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    second = None
    try:
        _until(lambda: _lines(run / "consultations.jsonl") >= 3, process)
        os.killpg(os.getpgid(first.pid), signal.SIGTERM)
        stop_server(first)
        done_before = _lines(run / "consultations.jsonl")
        time.sleep(2)
        assert process.poll() is None, "the batch waits for its server"
        second = start_server(log, keeper=os.getpid(), port=port)
        process.wait(240)
    finally:
        process.kill()
        if second:
            stop_server(second)
    records = list(read_consultations(run))
    keys = [(record.key.case, record.key.doctor, record.key.trial) for record in records]
    assert len(keys) == len(set(keys)) == 16
    assert done_before < 16, "the server was killed in the middle"
    assert [f for r in records for f in r.failures if f.owner == "infrastructure"] == []
    assert [v for r in records for v in r.verdicts if not v.parsed] == []


def _until(true: object, process: subprocess.Popen[str], limit_s: float = 200) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if true():  # type: ignore[operator]
            return
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.2)
    raise AssertionError("did not come about in time")


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_the_run_folder_holds_no_key(tiny_server: TinyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_TEST_KEY", "sk-very-secret-value")
    batch = batch_file(tmp_path, tiny_server.url, [{"library": "en", "limit": 1}], max_turns=1)
    data = yaml.safe_load(batch.read_text("utf-8"))
    data["doctors"] = {"a": {**data["doctors"]["a"], "api_key_env": "CLINIC_TEST_KEY"}}
    batch.write_text(yaml.safe_dump(data), "utf-8")
    shown = CliRunner().invoke(main, ["--log-level", "debug", "run", str(batch), "--out", str(tmp_path / "run")])
    assert shown.exit_code == 0, shown.output
    kept = "".join(p.read_text("utf-8") for p in (tmp_path / "run").rglob("*") if p.is_file())
    assert "sk-very-secret-value" not in kept + shown.output
    assert json.loads((tmp_path / "run" / "run.json").read_text())["batch"]["doctors"]["a"]["api_key_env"]
