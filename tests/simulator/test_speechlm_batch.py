"""A batch with a real tiny SpeechLM as the doctor: sound in, sound out, several at once, and what stops it before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from agents.sound.wave import read_sound
from model.random_checkpoint import write_random
from scenarios.loader import load_batch
from simulator.cli import main
from tests.architecture.test_light import without
from tests.conftest import ROOT

SHIPPED = ROOT / "scenarios" / "batches" / "speechlm.yaml"
SHORT = {"max_new_tokens": 8, "max_spoken_s": 0.8, "temperature": 1.0, "dtype": "float32", "device": "cpu"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("speechlm") / "tiny")


def batch_of(folder: Path, checkpoint: Path | str, **more: Any) -> Path:
    """Write the shipped batch with another checkpoint and short answers."""
    data = yaml.safe_load(SHIPPED.read_text("utf-8"))
    for doctor in data["doctors"].values():
        doctor.update(checkpoint=str(checkpoint), **{**SHORT, **more})
    file = folder / "batch.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return file


def run(batch: Path, out: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["run", str(batch), "--out", str(out), *words])


def records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "consultations.jsonl").read_text("utf-8").splitlines()
    return sorted(map(json.loads, lines), key=lambda record: (record["key"]["case"], record["key"]["doctor"]))


def words(folder: Path) -> list[list[str]]:
    return [[turn["text"] for turn in record["turns"]] for record in records(folder)]


@pytest.fixture(scope="module")
def held(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The shipped batch, four consultations at once, with its report."""
    folder = tmp_path_factory.mktemp("held")
    done = run(batch_of(folder, checkpoint), folder / "run", "--no-measure")
    assert done.exit_code == 0, done.output
    yield folder


def test_the_shipped_batch_is_valid_and_names_a_checkpoint_that_its_user_makes() -> None:
    batch, _ = load_batch(SHIPPED)
    assert {ref.options["checkpoint"] for ref in batch.doctors.values()} == {"runs/tiny-speechlm"}
    assert "write_random('runs/tiny-speechlm')" in SHIPPED.read_text("utf-8")
    done = CliRunner().invoke(main, ["validate", str(SHIPPED)])
    assert done.exit_code == 0, done.output


def test_both_languages_are_heard_and_answered_in_the_models_own_voice(held: Path) -> None:
    found = records(held / "run")
    assert [(r["language"], r["key"]["doctor"]) for r in found] == [
        ("en", "speaks"), ("en", "writes"), ("zh", "speaks"), ("zh", "writes")]
    assert all(r["scored"] and not r["failures"] for r in found), [r["failures"] for r in found]
    for record in found:
        doctor = [turn for turn in record["turns"] if turn["role"] == "doctor"]
        assert len(doctor) == 3 and [turn["usage"]["cached"] > 0 for turn in doctor[1:]] == [True, True]
        if record["key"]["doctor"] == "writes":
            assert all(turn["audio"] is None for turn in record["turns"])
            continue
        assert all(turn["speech"]["voice"] == "doctor" and turn["latency"]["first_s"] > 0 for turn in doctor)
        for turn in record["turns"]:
            sound = read_sound(held / "run" / turn["audio"]["path"])
            assert sound.rate_hz == (24_000 if turn["role"] == "doctor" else 16_000) and sound.seconds > 0.3
        prompts = [turn["usage"]["prompt"] for turn in doctor]
        heard = sum(turn["audio"]["seconds"] for turn in record["turns"][:5] if turn["role"] == "patient")
        assert prompts[2] > 10 * heard, "every second of sound takes ten positions"


def test_it_ends_in_a_report(held: Path) -> None:
    report = (held / "run" / "report.html").read_text("utf-8")
    assert "speaks" in report and 'h("audio"' in report
    summary = json.loads((held / "run" / "summary.json").read_text("utf-8"))
    assert summary["speech"]["doctors"]["speaks"]["mode"] == "s2s"


def test_the_same_seed_says_the_same_one_by_one_and_another_seed_something_else(
    held: Path, checkpoint: Path, tmp_path: Path
) -> None:
    alone = run(held / "batch.yaml", tmp_path / "alone", "--concurrency", "1", "--no-report", "--no-measure")
    other = run(held / "batch.yaml", tmp_path / "other", "--seed", "7", "--limit", "1", "--no-report", "--no-measure")
    assert (alone.exit_code, other.exit_code) == (0, 0), alone.output + other.output
    assert words(tmp_path / "alone") == words(held / "run")
    assert words(tmp_path / "other")[0][1] != words(held / "run")[0][1]


@pytest.mark.soak
def test_workers_of_a_ray_cluster_load_it_for_themselves_and_say_the_same(held: Path, tmp_path: Path) -> None:
    done = run(held / "batch.yaml", tmp_path / "ray", "--engine", "ray", "--no-report", "--no-measure")
    assert done.exit_code == 0, done.output
    assert words(tmp_path / "ray") == words(held / "run")


def truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1_000])


def without_a_key(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def other_vocabulary(folder: Path) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text("utf-8"))
    config["vocab_size"] += 8
    file.write_text(json.dumps(config))


@pytest.mark.parametrize(("harm", "named"), [
    (truncated, "model.safetensors"), (without_a_key, "model.layers.0.mlp.up_proj.weight"),
    (other_vocabulary, "embed_tokens"), (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
], ids=["truncated", "key missing", "vocabulary", "tokenizer"])
def test_a_broken_checkpoint_ends_with_code_2_before_anything_is_written(
    checkpoint: Path, tmp_path: Path, harm: Any, named: str
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(checkpoint, broken)
    harm(broken)
    done = run(batch_of(tmp_path, broken), tmp_path / "run")
    assert done.exit_code == 2 and not (tmp_path / "run").exists(), done.output
    assert named in done.output and "Traceback" not in done.output
    assert "not started, and nothing was written" in done.output


@pytest.mark.parametrize(("name", "remedy"), [
    ("gone/tiny", "hf download gone/tiny"), ("/gone/tiny/x", "there is no folder"),
])
def test_a_checkpoint_that_is_not_here_ends_with_code_2_and_the_fix(tmp_path: Path, name: str, remedy: str) -> None:
    done = run(batch_of(tmp_path, name), tmp_path / "run")
    assert done.exit_code == 2 and not (tmp_path / "run").exists()
    assert remedy in " ".join(done.output.split())


def test_a_consultation_that_cannot_fit_the_context_is_refused_before_it_begins(
    checkpoint: Path, tmp_path: Path
) -> None:
    done = run(batch_of(tmp_path, checkpoint, max_new_tokens=4_000), tmp_path / "run")
    assert done.exit_code == 2 and not (tmp_path / "run").exists()
    assert "the model takes 4096. Use fewer turns" in " ".join(done.output.split())


def test_without_its_packages_the_command_to_install_is_named(tmp_path: Path, checkpoint: Path) -> None:
    file = batch_of(tmp_path, checkpoint)
    data = yaml.safe_load(file.read_text("utf-8"))
    data["doctors"] = {"writes": data["doctors"]["writes"]}
    for key in ("voice", "listener", "output_speech"):
        del data[key]
    file.write_text(yaml.safe_dump(data), "utf-8")
    done = without(ROOT, "run", str(file), "--out", str(tmp_path / "run"))
    assert done.returncode == 2 and "Traceback" not in done.stderr and not (tmp_path / "run").exists()
    assert "pip install 'clinic-simulator[speech]'" in done.stderr
