"""What a request may name: nothing that reads a file, loads weights or sends a key somewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agents import catalog
from scenarios.errors import InputError
from scenarios.schema import BackendRef, Batch
from simulator.run_list import RunList
from simulator.web import allowed, castings

CHAT = {"backend": "chat", "model": "m"}


@pytest.mark.parametrize(("address", "near"), [
    ("", True), ("http://127.0.0.1:8001/v1", True), ("http://localhost:8001/v1/", True), ("http://[::1]:9/v1", True),
    ("http://127.0.0.1:8001", True), ("https://127.0.0.1/v1", False), ("http://127.0.0.1:2375/containers", False),
    ("http://127.0.0.1:8001/v1?x=", False), ("http://127.0.0.1:8001/v1#", False), ("http://a@127.0.0.1/v1", False),
    ("http://127.0.0.1.evil.example/v1", False), ("http://169.254.169.254/v1", False), ("file:///etc/passwd", False),
    ("http://127.0.0.1:99999/v1", False), ("http://127.0.0.1:8001/v1\n", False), (7, False), (None, False),
])
def test_a_request_reaches_model_servers_of_this_machine_only(address: object, near: bool) -> None:
    assert allowed.is_near(address) is near


@pytest.mark.parametrize(("part", "key"), [
    ({"cases": ["/etc/passwd"]}, "cases.0"), ({"cases": [{"import": "medqa", "path": "x"}]}, "cases.0"),
    ({"doctors": {"d": {"backend": "transformers", "model": "x"}}}, "doctors.d"),
    ({"doctors": {"d": {"backend": "speechlm", "checkpoint": "/x"}}}, "doctors.d"),
    ({"doctors": {"d": {"backend": "llama-omni2-0.5b"}}}, "doctors.d"),
    ({"doctors": {"d": {**CHAT, "engine": "in-process"}}}, "doctors.d.engine"),
    ({"patient": {"backend": "llm", "model": "m", "api_key_env": "HOME"}}, "patient.api_key_env"),
    ({"judges": [{"backend": "rubric"}, {"backend": "llm", "model": "m", "rubric": "/etc/passwd"}]}, "judges.1.rubric"),
    ({"judges": [{"backend": "panel", "members": [{"model": "a"}, {"model": "b", "engine_args": {}}]}]},
     "judges.0.members.1.engine_args"),
    ({"judges": [{"backend": "llm", "model": "m", "rubric": ["x"]}]}, "judges.0.rubric"),
    ({"referee": {"backend": "pairwise", "model": "m", "base_url": "http://evil.example/v1"}}, "referee.base_url"),
    ({"voice": {"backend": "any"}}, "voice"), ({"listener": {"backend": "any"}}, "listener"),
    ({"voice": {"backend": "cosyvoice", "speakers": "/etc/passwd"}}, "voice"),
    ({"voice": {"backend": "espeak", "workers": 200}}, "voice.workers"),
    ({"doctor_voice": {"backend": "openai-speech", "model": "m", "base_url": "http://far/v1"}},
     "doctor_voice.base_url"),
    ({"listener": {"backend": "openai-transcription", "model": "m", "api_key_env": "HOME"}}, "listener.api_key_env"),
    ({"doctors": {"d": {"backend": "one-shot", "listener": {"backend": "whisper", "model": "/x"}}}},
     "doctors.d.listener"),
    ({"doctors": {"d": {"backend": "one-shot", "doctor_voice": {"backend": "fish-speech", "speakers": "/x"}}}},
     "doctors.d.doctor_voice"),
    ({"examiner": {"backend": "record", "file": "x"}}, "examiner"),
])
def test_a_pasted_batch_names_nothing_that_reads_files(part: dict[str, Any], key: str) -> None:
    whole = {"name": "b", "cases": [{"library": "zh"}], "doctors": {"d": {"backend": "one-shot"}}}
    allowed.check_batch(Batch.model_validate(whole))
    with pytest.raises(InputError) as problem:
        allowed.check_batch(Batch.model_validate({**whole, **part}))
    assert str(problem.value).startswith(f"{key}:")


def test_everything_that_may_be_named_exists() -> None:
    known = {spec.factory for spec in catalog.BUILT_IN}
    assert set(allowed.FACTORIES) <= known
    closed = {spec.name for spec in catalog.BUILT_IN if not allowed.may_be_named(spec)}
    assert closed == {"transformers", "speechlm", "whisper", "funasr", "cosyvoice", "fish-speech"}, "what reads files"


def test_a_runs_own_doctor_that_loads_weights_cannot_be_cast(small_runs: Path, tmp_path: Path) -> None:
    run = RunList(small_runs).find("small")
    assert castings.presets(run) == {
        "careful": BackendRef(backend="history-taker"), "quick": BackendRef(backend="one-shot")
    }
    strange = {
        "w": {"backend": "transformers", "model": "/x"}, "s": {"backend": "speechlm", "checkpoint": "/x"},
        "n": {"backend": "speechmedassist"}, "e": {**CHAT, "engine": "in-process"},
        "gone": {"backend": "nobody"}, "far": {**CHAT, "base_url": "http://far/v1"},
    }
    folder = tmp_path / "strange"
    shutil.copytree(run.folder, folder)
    described = json.loads((folder / "run.json").read_text("utf-8"))
    described["batch"]["doctors"] = strange
    (folder / "run.json").write_text(json.dumps(described), "utf-8")
    found = castings.presets(RunList(tmp_path).find("strange"))
    assert set(found) == {"far"}, "a server that the run's owner used may be used again"
