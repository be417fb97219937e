"""Every command of ``clinic``, on a small run: what it writes and what it says."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from scenarios.loader import load_case_file
from scenarios.writer import write_cases
from simulator.cli import main
from tests.helpers import small_case

BATCH = {
    "name": "small",
    "cases": ["cases.yaml"],
    "doctors": {"fast": {"backend": "one-shot"}, "slow": {"backend": "checklist"}},
    "trials": 2,
    "max_turns": 3,
    "seed": 4,
}


def clinic(*words: Any) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def ok(*words: Any) -> Result:
    result = clinic(*words)
    assert result.exit_code == 0, result.output
    return result


def refused(*words: Any) -> str:
    result = clinic(*words)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a batch, its cases and one finished run."""
    folder = tmp_path_factory.mktemp("commands")
    write_cases(
        [small_case("a"), small_case("b", language="zh", chief_complaint="我胃疼三天了。", facts=[])],
        folder / "cases.yaml",
    )
    (folder / "batch.yaml").write_text(yaml.safe_dump(BATCH), "utf-8")
    ok("run", folder / "batch.yaml", "--out", folder / "run")
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_run_writes_a_whole_run_folder(home: Path) -> None:
    run = home / "run"
    names = {path.name for path in run.iterdir()} - {".lock", ".index.json"}
    assert names == {"run.json", "cases.jsonl", "turns.jsonl", "consultations.jsonl", "summary.json", "report.html"}
    records = lines(run / "consultations.jsonl")
    assert len(records) == 2 * 2 * 2
    first = records[0]
    assert set(first["key"]) == {"case", "doctor", "trial", "seed", "config_hash"}
    assert {"turns", "stop_reason", "verdicts", "metrics", "failures"} <= set(first)
    assert {"coverage", "diagnosis_top1", "diagnosis_top3", "total"} <= set(first["metrics"])
    assert len(lines(run / "turns.jsonl")) == sum(len(record["turns"]) for record in records)


def test_the_summary_has_means_intervals_and_paired_differences(home: Path) -> None:
    summary = json.loads((home / "run" / "summary.json").read_text("utf-8"))
    total = summary["doctors"]["fast"]["metrics"]["total"]
    assert set(total) >= {"mean", "ci95", "n"} and total["n"] == 4
    pair = summary["paired"][0]
    assert {"a", "b", "metric", "mean", "ci95", "p"} <= set(pair)


def test_run_json_says_what_was_asked_and_with_what(home: Path) -> None:
    described = json.loads((home / "run" / "run.json").read_text("utf-8"))
    assert described["seed"] == 4 and described["batch"]["max_turns"] == 3
    assert described["versions"]["langgraph"] != "not installed"
    assert "not medical advice" in described["notice"].lower() or "medical advice" in described["notice"]
    assert set(described["identity"]["cases"]) == {"a", "b"}


def test_flags_narrow_a_run(home: Path) -> None:
    ok(
        "run",
        home / "batch.yaml",
        "--out",
        home / "narrow",
        "--only",
        "b",
        "--doctor",
        "slow",
        "--trials",
        "1",
        "--no-report",
    )
    assert [r["key"]["doctor"] for r in lines(home / "narrow" / "consultations.jsonl")] == ["slow"]
    assert "Did you mean 'slow'?" in refused("run", home / "batch.yaml", "--out", home / "x", "--doctor", "slwo")
    assert not (home / "x").exists()


def test_a_second_run_into_the_same_folder_needs_resume(home: Path) -> None:
    assert "--resume" in refused("run", home / "batch.yaml", "--out", home / "run")
    assert "different: batch.seed" in refused(
        "run", home / "batch.yaml", "--out", home / "run", "--resume", "--seed", "5"
    )


def test_validate_counts_what_a_batch_would_do(home: Path) -> None:
    assert "2 cases x 2 doctors x 2 trials = 8 consultations" in ok("validate", home / "batch.yaml").output
    assert "2 cases" in ok("validate", home / "cases.yaml").output


def test_report_writes_the_figures_again(home: Path) -> None:
    before = (home / "run" / "summary.json").read_bytes()
    (home / "run" / "summary.json").unlink()
    assert str(home / "run" / "report.html") in ok("report", home / "run").output.replace("\n", "")
    assert (home / "run" / "summary.json").read_bytes() == before
    assert "is not a run folder" in refused("report", home)


def test_compare_one_run_and_two(home: Path) -> None:
    assert "fast" in ok("compare", home / "run").output
    ok("run", home / "batch.yaml", "--out", home / "other", "--seed", "9", "--no-report")
    both = json.loads(ok("compare", home / "run", home / "other", "--json").output)
    assert set(both["doctors"]) == {"run/fast", "run/slow", "other/fast", "other/slow"}


def test_judging_again_changes_verdicts_and_no_word(home: Path) -> None:
    ok("judge", home / "run", "--out", home / "again")
    old, new = lines(home / "run" / "consultations.jsonl"), lines(home / "again" / "consultations.jsonl")
    for records in (old, new):
        records.sort(key=lambda r: (r["key"]["case"], r["key"]["doctor"], r["key"]["trial"]))
    assert [r["turns"] for r in new] == [r["turns"] for r in old]
    assert [r["metrics"] for r in new] == [r["metrics"] for r in old], "the rubric is deterministic"
    assert [r["failures"] for r in new] == [r["failures"] for r in old]
    assert "Did you mean 'rubric'?" in refused("judge", home / "run", "--judge", "rubrik", "--out", home / "y")
    (home / "judges.yaml").write_text(
        yaml.safe_dump({**BATCH, "judges": [{"backend": "scripted-judge", "metrics": {"total": 7}}]}), "utf-8"
    )
    ok("judge", home / "run", "--judges-from", home / "judges.yaml", "--out", home / "seven")
    assert {r["metrics"]["total"] for r in lines(home / "seven" / "consultations.jsonl")} == {7.0}


def test_export_as_dialogues_lines_and_table(home: Path) -> None:
    ok("export", home / "run", "--format", "sharegpt", "-o", home / "d.json")
    dialogues = json.loads((home / "d.json").read_text("utf-8"))
    assert len(dialogues) == 8
    for dialogue in dialogues:
        sides = [turn["from"] for turn in dialogue["conversations"]]
        assert sides == ["human", "gpt"] * (len(sides) // 2), "sides alternate and the doctor has the last word"
    rows = list(csv.DictReader(ok("export", home / "run", "--format", "csv").output.splitlines()))
    assert len(rows) == 8 and float(rows[0]["total"]) >= 0
    assert rows == sorted(rows, key=lambda r: (r["case"], r["doctor"], int(r["trial"])))
    only = ok("export", home / "run", "--format", "jsonl", "--doctor", "fast").output.splitlines()
    assert {json.loads(line)["key"]["doctor"] for line in only} == {"fast"}
    assert "Did you mean 'fast'?" in refused("export", home / "run", "--format", "csv", "--doctor", "fats")


def test_import_writes_cases_that_load_and_counts_what_it_skips(home: Path) -> None:
    good = {
        "conversations": [
            {"from": "human", "value": "I have had a sore throat for three days."},
            {"from": "gpt", "value": "Do you have a fever?"},
            {"from": "human", "value": "Yes, 38.5."},
        ]
    }
    (home / "talks.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps({'nothing': 1})}\n", "utf-8")
    said = ok("import", "sharegpt", home / "talks.jsonl", "-o", home / "talks.yaml").output
    assert "1 cases written" in said and "1 records skipped" in said
    assert len(load_case_file(home / "talks.yaml")) == 1
    assert "Did you mean 'sharegpt'?" in refused("import", "sharegtp", home / "talks.jsonl", "-o", home / "z.yaml")
    refused("import", "sharegpt", home / "talks.jsonl", "-o", home / "z.yaml", "--on-error", "stop")
    assert not (home / "z.yaml").exists()
    assert "must end with" in refused("import", "sharegpt", home / "talks.jsonl", "-o", home / "z.txt")


@pytest.mark.parametrize("what", ["cases", "doctors", "patients", "examiners", "judges", "formats", "personas"])
def test_list_shows_every_kind(what: str) -> None:
    assert len(ok("list", what).output.splitlines()) >= 2


@pytest.mark.parametrize("what", ["batch", "case", "cases", "consultation"])
def test_schema_is_json_schema_and_accepts_what_the_loader_accepts(what: str, home: Path) -> None:
    schema = json.loads(ok("schema", what).output)
    jsonschema.Draft202012Validator.check_schema(schema)
    samples: dict[str, Any] = {
        "batch": BATCH,
        "case": yaml.safe_load((home / "cases.yaml").read_text("utf-8"))[0],
        "cases": yaml.safe_load((home / "cases.yaml").read_text("utf-8")),
        "consultation": lines(home / "run" / "consultations.jsonl")[0],
    }
    jsonschema.validate(samples[what], schema)


def test_logs_are_json_lines_on_request(home: Path) -> None:
    result = CliRunner().invoke(
        main,
        [
            "--log-json",
            "--log-level",
            "info",
            "run",
            str(home / "batch.yaml"),
            "--out",
            str(home / "logged"),
            "--no-report",
        ],
    )
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    assert "batch starts" in [event["event"] for event in events]


def test_help_shows_examples_for_every_command() -> None:
    for name, command in main.commands.items():
        said = ok(name, "--help").output
        assert "Example" in said and f"clinic {name}" in said, name
        assert command.short_help
