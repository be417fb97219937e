"""Spoken batches by the real command line: sound on both sides, the same bytes again, kills, what mishearing costs."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agents.sound.wave import read_sound
from simulator.cli import main
from tests.end_to_end.conftest import ROOT, canonical, clinic, stored
from tests.forked import RUN_IMPORTS, ForkedClinics

BatchFile = Callable[[str], Path]

SPOKEN = """\
name: spoken
cases: [{library: zh, limit: 2}, {library: en, limit: 2}]
doctors:
  a: {backend: one-shot}
  b: {backend: history-taker, channel: {noise: {kind: pink, snr_db: 5}}, listener: {backend: transcript, cer: 0.2}}
voice: {backend: espeak}
listener: {backend: transcript}
output_speech: true
turn_taking: {interrupts: 0.3, silent: 0.1, silence_s: 1.5}
max_turns: 3
seed: 5
"""
SPOKEN_IMPORTS = (
    "agents.voices.espeak", "agents.voices.espeak_pool", "agents.listeners.transcript", "agents.doctors.one_shot",
    "agents.doctors.history_taker", "agents.patients.agenda", "soundfile", "soxr",
)
BARE = ("--no-report", "--no-measure")


def sounds(folder: Path) -> dict[str, bytes]:
    """Return every stored sound by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("audio/*/*.wav"))}


def spoken_turns(folder: Path) -> list[dict[str, Any]]:
    return [turn for record in stored(folder) for turn in record["turns"] if turn["role"] != "examiner"]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of the shipped batch, with its report."""
    run = tmp_path_factory.mktemp("shipped") / "run"
    done = clinic("run", ROOT / "scenarios/batches/voice.yaml", "--out", run)
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small spoken batch, held without interruption and many at once; its batch file lies beside the run."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "batch.yaml").write_text(SPOKEN, "utf-8")
    done = clinic("run", folder / "batch.yaml", "--out", folder / "run", "--concurrency", "32", *BARE)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_the_shipped_batch_is_heard_on_both_sides_in_both_languages(shipped: Path) -> None:
    records = stored(shipped)
    assert {record["language"] for record in records} == {"zh", "en"}
    assert all(record["scored"] for record in records), [record["failures"] for record in records]
    for turn in spoken_turns(shipped):
        sound = read_sound(shipped / turn["audio"]["path"])
        assert sound.seconds == turn["audio"]["seconds"] > 0.3
        assert sound.rate_hz == (16_000 if turn["role"] == "patient" else 24_000)
        assert turn["heard"] is not None
    patients = {record["key"]["case"]: record["turns"][0]["speech"]["voice"] for record in records}
    assert len(set(patients.values())) == len(patients) == 6, "every patient has a voice of its own"
    openings = {(r["key"]["case"], r["turns"][0]["audio"]["path"]) for r in records}
    assert len(openings) == 6, "a patient sounds the same to every doctor, and is stored once"


def test_the_shipped_batch_ends_in_a_report_with_players_and_figures(shipped: Path) -> None:
    report = unescape((shipped / "report.html").read_text("utf-8"))
    assert 'h("audio"' in report and "media-src 'self'" in report, "transcripts play the files beside the report"
    assert "Gaps between speakers" in report and "Speech" in report
    speech = json.loads((shipped / "summary.json").read_text("utf-8"))["speech"]
    for name in ("at-the-desk", "on-the-telephone"):
        one = speech["doctors"][name]
        assert one["mode"] == "s2s" and one["patient"]["utterances"] > 20 and one["doctor"]["utterances"] > 20
        assert one["gap_s"]["n"] > 20 and one["patient"]["speech_share"]["median"] > 0.3
        assert one["patient"]["stoi"]["n"] > 20, "there is a channel to compare across"
    at_the_desk, telephone = (speech["doctors"][n]["patient"] for n in ("at-the-desk", "on-the-telephone"))
    assert telephone["cer"]["rate"] > at_the_desk["cer"]["rate"]
    assert telephone["stoi"]["mean"] < at_the_desk["stoi"]["mean"]


def test_a_run_that_is_judged_again_takes_its_sounds_along(shipped: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    done = clinic("judge", shipped, "--judge", "rubric", "--out", again)
    assert done.returncode == 0, done.stderr
    assert sounds(again) == sounds(shipped)
    told = [json.loads((run / "summary.json").read_text("utf-8"))["speech"] for run in (shipped, again)]
    assert told[0] == told[1]


def test_the_same_seed_gives_the_same_words_and_sounds_at_any_concurrency(
    batch_file: BatchFile, tmp_path: Path, whole: Path
) -> None:
    one = tmp_path / "one"
    assert clinic("run", batch_file(SPOKEN), "--out", one, "--concurrency", "1", *BARE).returncode == 0
    assert canonical(one) == canonical(whole)
    assert sounds(one) == sounds(whole)


@pytest.fixture
def clinics(tmp_path: Path) -> Iterator[ForkedClinics]:
    made = ForkedClinics(tmp_path, *RUN_IMPORTS, *SPOKEN_IMPORTS)
    yield made
    made.close()


def test_killed_at_work_it_goes_on_and_no_sound_is_half_there(
    batch_file: BatchFile, tmp_path: Path, whole: Path, clinics: ForkedClinics
) -> None:
    batch, run = batch_file(SPOKEN), tmp_path / "run"
    moments, killed = random.Random(4), 0
    for _ in range(5):
        before = len(sounds(run))
        pid, _ = clinics.begin("run", batch, "--out", run, "--resume", *BARE, "--concurrency", "2")
        end = time.monotonic() + 30
        while clinics.running(pid) and len(sounds(run)) <= before and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.2))
        clinics.kill(pid)
        killed += clinics.wait() == -signal.SIGKILL
        for path in sounds(run):
            read_sound(run / path)
    assert killed >= 4
    assert clinic("run", batch, "--out", run, "--resume", *BARE).returncode == 0
    assert canonical(run) == canonical(whole)
    assert {turn["audio"]["path"] for turn in spoken_turns(run)} <= set(sounds(run))


def test_a_replay_makes_no_sound_again(batch_file: BatchFile, tmp_path: Path, whole: Path) -> None:
    again = tmp_path / "again"
    (whole / "replies.jsonl").touch()
    assert clinic("run", batch_file(SPOKEN), "--out", again, "--replay", whole, *BARE).returncode == 0
    assert canonical(again) == canonical(whole) and sounds(again) == sounds(whole)
    assert all(turn["speech_timing"]["cached"] for turn in spoken_turns(again) if turn["text"][0] not in "….")


def test_a_full_disk_is_a_clear_error_and_no_voices_failure(batch_file: BatchFile, tmp_path: Path) -> None:
    import resource

    batch, run = batch_file(SPOKEN), tmp_path / "run"
    full = clinic(
        "run", batch, "--out", run, *BARE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert full.returncode == 2, full.stderr
    assert "cannot write" in full.stderr and "--resume" in full.stderr and "Traceback" not in full.stderr
    assert clinic("run", batch, "--out", run, "--resume", *BARE).returncode == 0
    assert all(record["scored"] for record in stored(run))


def test_the_more_is_misheard_the_less_is_found_out(tmp_path: Path) -> None:
    run = tmp_path / "sweep"
    done = clinic("run", ROOT / "scenarios/batches/cer_sweep.yaml", "--out", run)
    assert done.returncode == 0, done.stderr
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    rows = sorted(summary["speech"]["robustness"], key=lambda row: row["cer"])
    assert [row["doctor"] for row in rows] == ["cer-00", "cer-10", "cer-20", "cer-40"]
    assert [row["cer"] for row in rows] == pytest.approx([0.0, 0.1, 0.2, 0.4], abs=0.02)
    for figure in ("coverage", "diagnosis"):
        means = [row[figure]["mean"] for row in rows]
        assert means == sorted(means, reverse=True) and means[0] - means[-1] > 0.3, (figure, means)
    assert "robustness" in (run / "report.html").read_text("utf-8").lower()


@pytest.mark.parametrize(("change", "key", "words"), [
    ("voice: {backend: espeak}\n", "doctors.a", "add a listener"),
    ("input_speech: true\nlistener: {backend: transcript}\noutput_speech: false\nvoice: null\n", "", ""),
    ("output_speech: true\n", "output_speech", "nobody listens"),
    ("output_speech: true\nlistener: {backend: whisper, model: missing.pt}\n", "output_speech", "add doctor_voice"),
    ("channel: {gain_db: 3}\n", "channel", "needs input_speech and a voice"),
    ("turn_taking: {interrupts: 0.5}\n", "turn_taking", "needs output_speech"),
    ("turn_taking: {silent: 0.5}\n", "turn_taking", "need input_speech"),
    ("turn_taking: {pause_s: [2, 1]}\n", "turn_taking", "shortest, longest"),
    ("voice: {backend: espek}\n", "voice", "Did you mean 'espeak'"),
])
def test_speech_keys_that_do_not_fit_name_the_key_and_the_remedy(
    batch_file: BatchFile, change: str, key: str, words: str
) -> None:
    batch = batch_file(f"name: n\ncases: [{{library: en, limit: 1}}]\ndoctors: {{a: {{backend: one-shot}}}}\n{change}")
    done = CliRunner().invoke(main, ["validate", str(batch)])
    if not words:
        assert done.exit_code == 0, done.stderr
        return
    assert done.exit_code == 2 and words in done.stderr and key in done.stderr, done.stderr
    assert "batch.yaml:" in done.stderr and "Traceback" not in done.stderr
