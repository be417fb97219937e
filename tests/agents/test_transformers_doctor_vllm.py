"""A model loaded in this process: tried in an environment that has torch and transformers, with a tiny real model."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from agents import catalog
from scenarios.errors import InputError, MissingExtra
from scenarios.schema import BackendRef

CHECKS = Path(__file__).parent / "doctors_llm" / "transformers_checks.py"


def test_a_real_model_speaks_repeatably_and_says_clearly_what_it_cannot_do(
    vllm_python: Path, tiny_model_folder: Path, root: Path
) -> None:
    """One process for all checks, because importing torch takes most of the time."""
    env = {**os.environ, "PYTHONPATH": str(root), "TINY_MODEL": str(tiny_model_folder), "HF_HUB_OFFLINE": "1"}
    command = [str(vllm_python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", "-o", "addopts=",
               "--import-mode=importlib", "--rootdir", str(root), str(CHECKS)]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed here")
def test_without_torch_the_command_to_install_is_named_before_anything_runs() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'clinic-simulator\[local\]'"):
        catalog.create("doctor", BackendRef.model_validate({"backend": "transformers", "model": "m"}))


def test_a_form_is_refused_because_nothing_would_hold_the_model_to_it() -> None:
    with pytest.raises(InputError, match="cannot be held to a form"):
        ref = {"backend": "transformers", "model": "m", "ask_requests": "form"}
        catalog.create("doctor", BackendRef.model_validate(ref))
