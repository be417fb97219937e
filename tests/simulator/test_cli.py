"""The command line as a whole: fast help, and a clear word when another distribution shadows our packages."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path


def test_help_imports_nothing_heavy(root: Path) -> None:
    code = (
        "import sys, simulator.cli; heavy = {'langgraph', 'numpy', 'scipy', 'pydantic', 'rich', 'torch', 'yaml'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_takes_less_than_half_a_second(root: Path) -> None:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        command = [sys.executable, "-m", "simulator", "--help"]
        subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5, times


def test_a_foreign_package_of_our_name_is_named_with_the_remedy(root: Path, tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"}
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "list", "doctors"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 2
    for part in ("'agents'", str(tmp_path), "virtual environment of its own"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
