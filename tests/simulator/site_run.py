"""A real run held by embedded agents, then given real sound files, for the tests of the static site."""

from __future__ import annotations

import json
import math
import struct
import subprocess
import sys
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from scenarios.schema import Case
from scenarios.writer import write_cases
from simulator.cli import main
from simulator.store import CONSULTATIONS
from tests.helpers import small_case

MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
DOCTORS = {"Fast": {"backend": "one-shot"}, "fast": {"backend": "checklist"}, "slow": {"backend": "history-taker"}}


def clinic(*words: Any) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def four_cases() -> list[Case]:
    """Cases whose names and words are hard on file systems and pages."""
    zh = {"language": "zh", "title": "胃疼三天", "chief_complaint": "我胃疼三天了。", "diagnosis": {"name": "胃炎"},
          "facts": [{"id": "onset", "topic": "onset", "text": "三天前开始的", "critical": True}]}
    facts = [{"id": "onset", "topic": "onset", "text": f"It began {MARKUP} on Monday", "critical": True}]
    return [
        small_case("Ache", title="An ache"), small_case("ache", title=f"Markup {MARKUP}", facts=facts),
        small_case("con", **zh), small_case("trailing."),
    ]


def held_run(folder: Path, *, cases: Sequence[Case] = (), trials: int = 2) -> Path:
    """Hold a batch with the embedded agents and return its run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_cases(list(cases or four_cases()), folder / "cases.yaml")
    batch = {"name": "demo", "cases": ["cases.yaml"], "doctors": DOCTORS, "trials": trials, "max_turns": 4, "seed": 4}
    (folder / "batch.yaml").write_text(yaml.safe_dump(batch), "utf-8")
    command = [sys.executable, "-m", "simulator", "run", str(folder / "batch.yaml"), "--out", str(folder / "run")]
    # not in this process: the browser's driver holds an event loop of its own here
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def give_sound(run: Path, case: str, seconds: float = 0.3) -> None:
    """Give every turn of a case a sound of its own."""
    (run / "audio").mkdir(exist_ok=True)

    def speak(record: dict[str, Any]) -> None:
        if record["key"]["case"] != case:
            return
        for turn in record["turns"]:
            name = f"{record['key']['doctor']} {record['key']['trial']} {turn['index']}.WAV"
            tone(run / "audio" / name, seconds, 300 + 40 * turn["index"])
            turn["audio"] = {"path": f"audio/{name}", "sample_rate_hz": 8000, "seconds": seconds}

    change(run, speak)


def change(run: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite every consultation of a run."""
    records = [json.loads(line) for line in (run / CONSULTATIONS).read_text("utf-8").splitlines()]
    for record in records:
        edit(record)
    (run / CONSULTATIONS).write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), "utf-8")


def tone(path: Path, seconds: float, hertz: float) -> None:
    """Write a sine as a WAV file."""
    rate = 8000
    samples = [round(8000 * math.sin(2 * math.pi * hertz * k / rate)) for k in range(int(seconds * rate))]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
