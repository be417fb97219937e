"""The clinic's own ``audio-chat`` doctor in a batch against the server: it hears, it speaks, its prompts are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agents.sound.wave import read_sound
from simulator.cli import main
from tests.doctor_server.conftest import NAME, SPOKEN_S, Served

BATCH = """\
name: served
cases: [{library: zh, limit: 1}, {library: en, limit: 1}]
doctors:
  writes: {SERVED, stream: true}
  speaks: {SERVED, speak: true, voice: anybody}
  streams: {SERVED, speak: true, speak_stream: true, audio_part: audio_url, also_text: true}
voice: {backend: espeak}
listener: {backend: transcript}
output_speech: true
max_turns: 2
seed: 3
"""


@pytest.fixture(scope="module")
def run(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    served = f"backend: audio-chat, model: {NAME}, base_url: {server.url}, max_tokens: 6"
    (folder / "batch.yaml").write_text(BATCH.replace("SERVED", served))
    done = CliRunner().invoke(main, [
        "run", str(folder / "batch.yaml"), "--out", str(folder / "run"), "--no-report", "--no-measure",
    ])
    assert done.exit_code == 0, done.output
    return folder / "run"


@pytest.fixture(scope="module")
def turns(run: Path) -> dict[str, list[dict[str, Any]]]:
    records = [json.loads(line) for line in (run / "consultations.jsonl").read_text("utf-8").splitlines()]
    assert len(records) == 6 and not any(record["failures"] for record in records)
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(record["key"]["doctor"], []).extend(t for t in record["turns"] if t["role"] == "doctor")
    return found


def test_every_way_of_asking_is_answered(turns: dict[str, list[dict[str, Any]]]) -> None:
    assert set(turns) == {"writes", "speaks", "streams"}
    assert all(turn["text"] and turn["usage"]["completion"] == 6 for turns in turns.values() for turn in turns)


def test_its_own_voice_is_stored(turns: dict[str, list[dict[str, Any]]], run: Path) -> None:
    for name in ("speaks", "streams"):
        for turn in turns[name]:
            sound = read_sound(next(run.rglob(turn["audio"]["path"])))
            assert 0.2 < sound.seconds <= SPOKEN_S + 0.1 and sound.rate_hz == 24_000
    assert all(turn["latency"]["first_s"] < turn["latency"]["total_s"] for turn in turns["streams"])


def test_the_next_turn_computes_only_what_is_new(turns: dict[str, list[dict[str, Any]]]) -> None:
    later = [turn for one in turns.values() for turn in one if turn["index"] > 1]
    assert later and all(turn["usage"]["cached"] > 0.4 * turn["usage"]["prompt"] for turn in later)
