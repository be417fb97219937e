"""Batch and case files: what loads, and one clear message (file, line, key, value, choices) for what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.errors import BatchFileError
from scenarios.loader import library_cases, load_batch, load_case_file, load_cases
from scenarios.schema import Case
from scenarios.writer import write_cases
from simulator.build import check
from tests.helpers import small_case

GOOD = """\
name: compare-doctors
cases: [cases.yaml]
doctors:
  careful: {backend: history-taker}
  quick: {backend: one-shot}
patient: {backend: agenda, persona: {recall: low}}
judges: [{backend: rubric}]
trials: 3
seed: 2026
max_turns: 6
concurrency: 32
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_cases([small_case("a"), small_case("b")], tmp_path / "cases.yaml")
    return tmp_path


def load(folder: Path, text: str) -> tuple[Case, ...]:
    path = folder / "batch.yaml"
    path.write_text(text, "utf-8")
    batch, source = load_batch(path)
    check(batch, source)
    return load_cases(batch, source)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(BatchFileError) as caught:
        load(folder, text)
    return str(caught.value)


def test_the_batch_of_the_handbook_loads(folder: Path) -> None:
    assert [case.id for case in load(folder, GOOD)] == ["a", "b"]


def test_paths_are_relative_to_the_batch_file_and_globs_are_sorted(folder: Path) -> None:
    (folder / "more").mkdir()
    write_cases([small_case("z")], folder / "more" / "2.yaml")
    write_cases([small_case("y")], folder / "more" / "1.jsonl")
    cases = load(folder, GOOD.replace("[cases.yaml]", '["more/*", cases.yaml]'))
    assert [case.id for case in cases] == ["y", "z", "a", "b"]


def test_library_cases_are_chosen_by_language_department_and_limit(folder: Path) -> None:
    cases = load(folder, GOOD.replace("[cases.yaml]", "[{library: zh, limit: 2}, {library: en, department: ent}]"))
    assert [case.language for case in cases[:2]] == ["zh", "zh"]
    assert all((case.language, case.department) == ("en", "ent") for case in cases[2:])


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("trials: 3", "trails: 3"), 8, "unknown key 'trails'. Did you mean 'trials'?"),
        (("seed: 2026", "seed: soon"), 9, "valid integer"),
        (("max_turns: 6", "max_turns: 0"), 10, "greater than or equal to 1, got 0"),
        (("history-taker}", "histery-taker}"), 4, "Did you mean 'history-taker'?"),
        (("one-shot}", "one-shot, speed: 3}"), 5, "speed"),
        (("recall: low", "recall: bad"), 6, "Choices: low, normal"),
        (("recall: low", "recal: low"), 6, "Did you mean 'recall'?"),
        (("cases.yaml", "missing.yaml"), 2, "no such case file"),
        (("cases.yaml", '"none/*.yaml"'), 2, "no file matches"),
        (("[cases.yaml]", "[]"), 2, "at least 1 item"),
        (("[cases.yaml]", "[3]"), 2, "must be a path"),
        (("[cases.yaml]", "[{library: fr}]"), 2, "Choices: zh, en, all"),
        (("[cases.yaml]", "[{import: agentklinic, path: x}]"), 2, "Did you mean 'agentclinic'?"),
        (("[cases.yaml]", "[cases.yaml, cases.yaml]"), 2, "appears twice"),
        (("name: compare-doctors", "name: ../../etc"), 1, "pattern"),
        (("concurrency: 32", "concurrency: 99999"), 11, "4096"),
        (("judges: [{backend: rubric}]", "judges: [{backend: rubric}, {backend: rubric}]"), 1, "repeated: rubric"),
    ],
)
def test_one_message_names_file_line_and_remedy(
    folder: Path, change: tuple[str, str], line: int, says: str
) -> None:
    message = refusal(folder, GOOD.replace(*change))
    assert message.startswith(f"{folder / 'batch.yaml'}:{line}: "), message
    assert says in message, message
    assert "\n" not in message


def test_missing_keys_and_empty_files_say_what_is_wanted(folder: Path) -> None:
    assert "'doctors' is missing" in refusal(folder, "name: x\ncases: [cases.yaml]\n")
    assert "is empty" in refusal(folder, "")
    assert "must be a mapping" in refusal(folder, "- 1")


def test_a_wrong_case_names_its_own_file_and_line(folder: Path) -> None:
    write_cases([small_case("a"), small_case("b")], folder / "cases.yaml")
    text = (folder / "cases.yaml").read_text("utf-8").replace("language: en", "language: eng", 1)
    (folder / "cases.yaml").write_text(text, "utf-8")
    message = refusal(folder, GOOD)
    line = text.split("\n").index("  language: eng") + 1
    assert message.startswith(f"{folder / 'cases.yaml'}:{line}: "), message
    assert "Choices: zh, en" in message


def test_cases_survive_being_written_and_read(tmp_path: Path) -> None:
    tricky = small_case("tricky", chief_complaint="no", facts=[
        {"id": "a", "topic": "onset", "text": "12:30: 'quoted' \"twice\" # not a comment\n- nor a list ✓ 头疼"},
    ])
    for name in ("x.yaml", "x.jsonl"):
        write_cases([tricky, *library_cases("zh")], tmp_path / name)
        assert load_case_file(tmp_path / name) == (tricky, *library_cases("zh"))


def test_a_case_whose_red_flag_names_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="red_flags name items"):
        small_case(red_flags=[{"id": "r", "name": "x", "item": "nowhere", "present": True}])
