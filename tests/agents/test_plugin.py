"""A doctor from somebody else's package: built, installed with pip, found by its entry point, and heard in a batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "echo-clinic"
version = "1.2.3"

[project.entry-points."clinic_simulator.backends"]
echo = "echo_clinic:ECHO"
gone = "echo_clinic.nowhere:GONE"

[tool.setuptools]
packages = ["echo_clinic"]
"""

SPEC = '''
"""An echo doctor."""
from agents.catalog import BackendSpec

ECHO = BackendSpec(
    name="echo", role="doctor", summary="repeats the patient",
    factory="echo_clinic.doctor:EchoDoctor", options="echo_clinic.doctor:EchoOptions",
)
'''

BATCH = """
name: plug-in
cases: [{library: en, limit: 1}]
doctors:
  loud: {backend: echo, loud: true}
max_turns: 2
"""


@pytest.fixture(scope="module")
def documented(root: Path) -> str:
    """The example class of the documentation, word for word."""
    page = (root / "docs" / "add-a-doctor.md").read_text("utf-8")
    return page.split("```python\n", 1)[1].split("```", 1)[0]


@pytest.fixture(scope="module")
def installed(documented: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip has installed the distribution."""
    pytest.importorskip("setuptools", reason="pip builds the distribution with the setuptools that is installed")
    home = tmp_path_factory.mktemp("plugin")
    package = home / "source" / "echo_clinic"
    package.mkdir(parents=True)
    (home / "source" / "pyproject.toml").write_text(PROJECT, "utf-8")
    (package / "__init__.py").write_text(SPEC, "utf-8")
    (package / "doctor.py").write_text(f'"""The doctor."""\n{documented}', "utf-8")
    target = home / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
               "--disable-pip-version-check", "--target", str(target), str(home / "source")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return target


def clinic(root: Path, installed: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(part) for part in (root, installed) if part)
    command = [sys.executable, "-m", "simulator", *arguments]
    env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)


def test_an_installed_doctor_is_listed_and_a_broken_neighbour_is_only_warned_of(root: Path, installed: Path) -> None:
    with_it, without = clinic(root, installed, "list", "doctors"), clinic(root, None, "list", "doctors")
    assert with_it.returncode == without.returncode == 0, with_it.stderr
    assert "repeats the patient" in with_it.stdout
    assert "repeats the patient" not in without.stdout
    assert "gone" in with_it.stderr + with_it.stdout
    assert "history-taker" in with_it.stdout


def test_an_installed_doctor_speaks_in_a_batch(root: Path, installed: Path, tmp_path: Path) -> None:
    (tmp_path / "batch.yaml").write_text(BATCH, "utf-8")
    done = clinic(root, installed, "run", str(tmp_path / "batch.yaml"), "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr[-3000:]
    lines = (tmp_path / "run" / "turns.jsonl").read_text("utf-8").splitlines()
    turns = [json.loads(line).get("turn", json.loads(line)) for line in lines]
    said = [turn["text"] for turn in turns if turn["role"] == "doctor"]
    heard = [turn["text"] for turn in turns if turn["role"] == "patient"]
    assert said[0] == heard[0].upper()
    assert said[-1] == "This is probably nothing. I suggest you rest."


def test_its_options_are_checked_like_everybody_elses(root: Path, installed: Path, tmp_path: Path) -> None:
    (tmp_path / "batch.yaml").write_text(BATCH.replace("loud: true", "lout: true"), "utf-8")
    done = clinic(root, installed, "validate", str(tmp_path / "batch.yaml"))
    assert done.returncode == 2
    assert "batch.yaml:5" in done.stderr and "lout" in done.stderr and "Options: loud" in done.stderr


def test_without_the_package_its_name_is_unknown(root: Path, tmp_path: Path) -> None:
    (tmp_path / "batch.yaml").write_text(BATCH, "utf-8")
    done = clinic(root, None, "validate", str(tmp_path / "batch.yaml"))
    assert done.returncode == 2 and "unknown doctor 'echo'" in done.stderr
