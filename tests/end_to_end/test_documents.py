"""What README and docs tell people to type works, and what they point at is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import urllib.request
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from scenarios.schema import Batch
from simulator.cli import main
from tests.end_to_end.conftest import ROOT, clinic, clinic_process

BRING = {
    "agentclinic": "agentclinic_medqa.jsonl", "meddg_72b": "MedDG-sharegpt-test.json",
    "aihospital_72b": "patients.json",
}
"""Batches over other people's data, and the file that one has to bring."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)


def test_the_readmes_clinic_commands_run_in_order(tmp_path: Path) -> None:
    words = [line[2:] for block in blocks(ROOT / "README.md", "console") for line in block.splitlines()]
    commands = [line for line in words if line.startswith("clinic ")]
    assert len(commands) >= 6
    environment = {**os.environ, "CLINIC_SESSIONS": str(tmp_path / "runs" / "sessions.sqlite")}
    for line in commands:
        parts = [str(tmp_path / part) if part.startswith("runs/") else part for part in shlex.split(line)[1:]]
        expanded = [str(path) for part in parts for path in (sorted(ROOT.glob(part)) if "*" in part else [part])]
        if expanded[0] == "view":
            look_at(tmp_path / "runs")
            continue
        typed = {"input": "next\nnext\nrewind 1\nfork --doctor one-shot\nrun\njudge\n"} if expanded[0] == "step" else {}
        done = clinic(*expanded, *(["--plain"] if typed else []), env=environment, **typed)
        assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "runs" / "quickstart" / "report.html").stat().st_size > 50_000
    assert "quickstart" in (tmp_path / "runs" / "site" / "index.html").read_text("utf-8")


def look_at(runs: Path) -> None:
    """Start ``clinic view``, open its first page, and end it as Ctrl-C does."""
    process = clinic_process("view", runs, "--port", "0")
    assert process.stdout is not None
    try:
        address = next(found[0] for line in process.stdout if (found := re.findall(r"http://127\.0\.0\.1:\d+", line)))
        with urllib.request.urlopen(address, timeout=30) as answer:
            page = answer.read().decode("utf-8")
        assert answer.status == 200 and "quickstart" in page and "tuesday" in page
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} points at {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_whole_batch_in_a_page_is_a_batch(page: Path) -> None:
    for block in blocks(page, "yaml"):
        data = yaml.safe_load(block)
        if isinstance(data, dict) and {"name", "cases", "doctors"} <= set(data):
            Batch.model_validate(data)


def test_the_readme_maps_every_folder() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    listed = set(re.findall(r"\[(\w+)/\]\(\1\)", text))
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py")) or path.name == "docs"}
    assert {name for name in there if not name.startswith((".", "build"))} - listed == set()


def test_make_knows_what_the_readme_names() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    import subprocess

    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text("utf-8"), re.M):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("batch", sorted((ROOT / "scenarios" / "batches").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_batch_is_a_batch(batch: Path) -> None:
    done = CliRunner().invoke(main, ["validate", str(batch)])
    if own := BRING.get(batch.stem):
        assert done.exit_code == 2 and own in done.stderr, "it names the file to bring"
    else:
        assert done.exit_code == 0, done.output
