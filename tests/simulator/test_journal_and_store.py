"""The run folder keeps every finished line, mends a torn one, has one writer, and knows its own configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import RunFolderError
from scenarios.schema import Consultation, KeyId, Turn
from simulator.journal import Journal, mend, read_lines
from simulator.store import RunWriter, read_consultations, read_run, without_timings
from tests.helpers import small_case, small_key

INFO = {"name": "t", "batch": {"doctors": {}}}


def writer(folder: Path, identity: dict[str, Any] | None = None, *, resume: bool = False) -> RunWriter:
    return RunWriter(folder, identity or {"batch": {"seed": 1}}, INFO, resume=resume)


def record(trial: int = 0) -> Consultation:
    said = (Turn(index=0, exchange=1, role="patient", text="头疼"),)
    return Consultation(key=small_key(trial=trial), language="zh", turns=said, stop_reason="max_turns")


def test_a_torn_last_line_is_cut_off_and_whole_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"a":1}\n{"a":2}\n{"a":')
    assert [line["a"] for line in read_lines(path)] == [1, 2]
    journal = Journal(path)
    journal.append('{"a":3}')
    journal.close()
    assert [line["a"] for line in read_lines(path)] == [1, 2, 3]


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 200_000])
def test_mending_finds_the_last_whole_line_however_far_back_it_is(tmp_path: Path, size: int) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"1\n" + b"x" * size)
    mend(path)
    assert path.read_bytes() == b"1\n"
    path.write_bytes(b"x" * size)
    mend(path)
    assert path.read_bytes() == b""


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    (tmp_path / "j.jsonl").write_bytes(b"1\nnonsense\n2\n")
    with pytest.raises(RunFolderError, match=r"j\.jsonl:2"):
        list(read_lines(tmp_path / "j.jsonl"))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    out = writer(tmp_path / "run")
    out.consultation(record())
    out.close()
    assert list(read_consultations(tmp_path / "run")) == [record()]


def test_a_folder_that_holds_a_run_needs_resume(tmp_path: Path) -> None:
    writer(tmp_path / "run").close()
    with pytest.raises(RunFolderError, match="--resume"):
        writer(tmp_path / "run")
    writer(tmp_path / "run", resume=True).close()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(RunFolderError, match="not empty"):
        writer(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["precious.txt"]


def test_another_configuration_is_refused_and_what_differs_is_named(tmp_path: Path) -> None:
    writer(tmp_path / "run").close()
    with pytest.raises(RunFolderError, match=r"batch\.seed"):
        writer(tmp_path / "run", {"batch": {"seed": 2}}, resume=True)


def test_a_second_writer_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    first = writer(tmp_path / "run")
    with pytest.raises(RunFolderError, match="another process"):
        writer(tmp_path / "run", resume=True)
    first.close()
    writer(tmp_path / "run", resume=True).close()


def test_turns_of_unfinished_consultations_come_back_in_order_and_finished_ones_do_not(tmp_path: Path) -> None:
    out = writer(tmp_path / "run")
    for trial in (0, 1):
        note = out.turn_writer(small_key(trial=trial))
        for index in range(3):
            note(Turn(index=index, exchange=1, role="patient", text=f"{trial}.{index}"))
    out.turn_writer(small_key(trial=1))(Turn(index=1, exchange=1, role="patient", text="again, after a resume"))
    out.consultation(record(0))
    finished = out.finished()
    assert finished == {KeyId("case-1", "d", 0)}
    begun = out.unfinished(finished)
    assert [t.text for t in begun[KeyId("case-1", "d", 1)]] == ["1.0", "1.1", "1.2"]
    out.close()


def test_a_read_only_folder_is_a_clear_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RunFolderError, match="cannot write the run folder"):
        writer(blocked / "run")


def test_a_folder_without_a_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder"):
        read_run(tmp_path)


def test_timings_and_nothing_else_are_set_aside(tmp_path: Path) -> None:
    line = json.loads(record().model_dump_json())
    kept = without_timings(line)
    assert "timing" not in kept and "latency" not in kept["turns"][0]
    assert kept["turns"][0]["text"] == "头疼"
    assert small_case().id == "case-1"
