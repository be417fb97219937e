"""The catalogue: built-in backends can be made, unknown names say what there is, plug-ins come by entry point."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from agents import catalog
from scenarios.errors import InputError, MissingExtra, UnknownName
from scenarios.schema import BackendRef, DoctorRef

MODEL = {"model": "m"}
NEEDED: dict[str, dict[str, Any]] = {
    "chat": MODEL, "audio-chat": MODEL, "process": MODEL, "transformers": MODEL, "llm": MODEL, "reference": MODEL,
    "pairwise": MODEL, "panel": {"members": [MODEL, {"model": "n"}]},
    "scripted-doctor": {"lines": ["hello"]},
    "scripted-patient": {"lines": ["hello"]},
    "scripted-examiner": {"text": "none"}, "openai-speech": MODEL, "openai-transcription": MODEL,
}
FILES: dict[str, tuple[dict[str, Any], str]] = {
    "cosyvoice": ({"speakers": "none.json"}, "clinic speakers build"),
    "fish-speech": ({"speakers": "none.json"}, "clinic speakers build"),
    "speechlm": ({"checkpoint": "none"}, "there is no folder none"),
    "whisper": ({"model": "none.pt"}, "there is no file none.pt"), "funasr": ({"model": "none"}, "no folder here"),
}
"""Backends that cannot be made without files, and what they say then."""


@pytest.mark.parametrize("spec", catalog.BUILT_IN, ids=lambda spec: f"{spec.role}-{spec.name}")
def test_every_built_in_backend_can_be_made(spec: catalog.BackendSpec) -> None:
    if spec.name in FILES:
        options, remedy = FILES[spec.name]
        with pytest.raises(InputError, match=remedy):
            catalog.create(spec.role, BackendRef(backend=spec.name, **options))
        return
    ref = BackendRef(backend=spec.name, **NEEDED.get(spec.name, {}))
    if spec.extra == "local" and find_spec("torch") is None:
        with pytest.raises(MissingExtra, match=r"clinic-simulator\[local\]"):
            catalog.create(spec.role, ref)
        return
    made = catalog.create(spec.role, ref)
    verbs = {
        "doctor": "reply", "patient": "speak", "examiner": "examine", "judge": "judge", "referee": "prefer",
        "voice": "speak", "listener": "listen",
    }
    assert callable(getattr(made, verbs[spec.role]))


def test_what_cannot_change_a_word_stays_out_of_a_runs_identity_also_in_a_panel() -> None:
    here = BackendRef(backend="panel", members=[{"model": "m", "base_url": "http://a/v1"}, {"model": "n"}])
    there = BackendRef(backend="panel", members=[{"model": "m", "base_url": "http://b/v1"}, {"model": "n"}])
    other = BackendRef(backend="panel", members=[{"model": "x", "base_url": "http://a/v1"}, {"model": "n"}])
    assert catalog.identity("judge", here) == catalog.identity("judge", there) != catalog.identity("judge", other)


def test_no_doctors_option_is_called_like_a_key_that_may_stand_beside_any_doctor() -> None:
    beside = set(DoctorRef.model_fields) - {"backend"}
    for spec in catalog.specs("doctor").values():
        if spec.options:
            module, _, name = spec.options.partition(":")
            options = getattr(importlib.import_module(module), name)
            assert not beside & set(options.model_fields), spec.name


def test_every_role_has_real_backends_and_those_who_talk_a_fake() -> None:
    for role in ("doctor", "patient", "examiner", "judge"):
        names = set(catalog.specs(role))
        assert f"scripted-{role}" in names and len(names) >= 2
    assert set(catalog.specs("voice")) >= {"espeak", "openai-speech", "cosyvoice", "fish-speech"}
    assert set(catalog.specs("listener")) >= {"transcript", "whisper", "funasr", "openai-transcription"}


def test_an_unknown_name_lists_the_choices_and_the_near_match() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'history-taker'.*Choices: .*checklist.*one-shot"):
        catalog.find("doctor", "history_taker")


def test_unknown_and_wrong_options_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="option 'volume'"):
        catalog.create("doctor", BackendRef(backend="history-taker", volume=3))
    with pytest.raises(InputError, match="takes no options"):
        catalog.create("examiner", BackendRef(backend="record", strict=True))


def test_a_key_written_into_a_file_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match="api_key_env") as caught:
        catalog.create("doctor", BackendRef(backend="chat", model="m", api_key="sk-very-secret"))
    assert "sk-very-secret" not in str(caught.value)
    with pytest.raises(InputError) as misplaced:
        catalog.create("doctor", BackendRef(backend="chat", model="m", api_key_env="sk-very-secret"))
    assert "sk-very-secret" not in str(misplaced.value)
    with pytest.raises(InputError, match="got -1"):
        catalog.create("doctor", BackendRef(backend="chat", model="m", max_tokens=-1))


def test_a_missing_extra_says_the_install_command() -> None:
    spec = catalog.BackendSpec("x", "doctor", "needs torch", "no_such_package.doctor:Doctor", extra="speech")
    with pytest.raises(MissingExtra, match=r"pip install 'clinic-simulator\[speech\]'"):
        catalog._load(spec.factory, spec)


def test_nothing_of_a_backend_is_imported_before_it_is_used() -> None:
    code = (
        "import agents.catalog, sys; agents.catalog.specs('doctor'); "
        "print('agents.doctors.history_taker' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_handbooks_doctor_installs_as_a_plug_in_and_runs_in_a_batch(root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "add-a-doctor.md").read_text("utf-8")
    doctor, spec = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    points = re.findall(r"^```toml\n(.*?)^```", page, re.M | re.S)[0]
    package = tmp_path / "echo_clinic"
    package.mkdir()
    (package / "__init__.py").write_text(spec)
    (package / "doctor.py").write_text(doctor)
    info = tmp_path / "echo_clinic-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-clinic\nVersion: 1.0\n")
    name, _, value = points.splitlines()[1].partition(" = ")
    points = [f"[{catalog.ENTRY_POINT_GROUP}]", f"{name} = {value.strip(chr(34))}", "broken = nowhere:SPEC"]
    (info / "entry_points.txt").write_text("\n".join(points))
    (tmp_path / "batch.yaml").write_text(
        "name: plug\ncases: [{library: en, limit: 1}]\ndoctors:\n  e: {backend: echo, loud: true}\nmax_turns: 3\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"}

    def clinic(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "simulator", *words]
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)

    listed = clinic("list", "doctors")
    assert "repeats the patient" in listed.stdout
    assert "broken" in listed.stderr and "cannot be loaded" in listed.stderr, "a broken plug-in is named, no more"
    done = clinic("run", str(tmp_path / "batch.yaml"), "--out", str(tmp_path / "run"), "--no-report")
    assert done.returncode == 0, done.stderr
    assert "This is probably nothing" in (tmp_path / "run" / "consultations.jsonl").read_text("utf-8")
