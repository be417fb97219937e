"""From a batch file on disk to something that can run: batch, cases, agents, plan, and what run.json will say."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scenarios.identity import content_hash
from scenarios.loader import load_batch, load_cases
from scenarios.schema import Batch
from simulator.build import Staff, build_staff, check
from simulator.plan import Plan

VERSIONED = ("clinic-simulator", "langgraph", "pydantic", "numpy", "scipy", "bm25s")
NOTICE = "Simulation for research. Nothing here is medical advice."


@dataclass(frozen=True)
class Ready:
    """A batch that has been read, checked and staffed."""

    batch: Batch
    staff: Staff
    plan: Plan


def prepare(file: Path, overrides: dict[str, int | None] | None = None) -> Ready:
    """Read and check ``file``, make its agents and plan; writes nothing. Raises BatchFileError and its kin."""
    batch, source = load_batch(file)
    batch = batch.model_copy(update={k: v for k, v in (overrides or {}).items() if v is not None})
    check(batch, source)
    cases = load_cases(batch, source)
    staff = build_staff(batch)
    plan = Plan.whole(batch, cases, staff.fingerprints)
    return Ready(batch, staff, plan)


def describe(plan: Plan) -> dict[str, Any]:
    """Return what run.json says about a run: resolved batch, hashes, versions, revision, seed."""
    return {
        "format": 1,
        "name": plan.batch.name,
        "notice": NOTICE,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": plan.batch.seed,
        "planned": len(plan),
        "batch": plan.batch.model_dump(mode="json", by_alias=True),
        "hash": content_hash(plan.identity()),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in VERSIONED}},
        "revision": _revision(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _revision() -> str:
    """Return the git revision of the code, or '' outside a checkout."""
    here = Path(__file__).resolve().parents[1]
    if not (here / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
