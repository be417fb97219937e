"""The project speaks of itself alone, and a torch-free core stays torch-free."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FOREIGN = re.compile(r"(^|[^\w.])/(work|farm|root|home|tmp)/\w|\bsession #?\d+\b|\bissue #?\d+\b")
READ = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".sh", ".json", ".css", ".js", ".j2", ""}


def test_no_machine_path_or_ticket_number_in_any_file(root: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False).stdout.split()
    found = []
    for name in listed:
        path = root / name
        if path.suffix not in READ or not path.is_file() or name == "tests/architecture/test_speaks_of_itself.py":
            continue
        for number, line in enumerate(path.read_text("utf-8", errors="ignore").split("\n"), 1):
            if FOREIGN.search(line):
                found.append(f"{name}:{number}: {line.strip()[:80]}")
    assert found == []


def test_the_core_runs_without_torch_and_torchaudio_is_never_there() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import simulator.batch, simulator.build, graphs.studio, agents.catalog, scenarios.loader\n"
        "from importlib.util import find_spec; assert find_spec('torchaudio') is None"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
