"""The index of a run: it says what the journal says, reads only what is new, and is trusted only while it fits."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenarios.errors import RunFolderError
from scenarios.schema import Case, Consultation
from simulator.finish import finish_run
from simulator.report_data import Curves, Reasons
from simulator.run_index import EVERY, INDEX, IndexFile, RunIndex, heading, write_index
from simulator.store import CASES, CONSULTATIONS, RUN
from simulator.table import MetricTable
from tests.simulator.report_run import shipped_cases, write_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    write_run(folder / "run", shipped_cases(folder, 6), trials=2)
    return folder / "run"


@pytest.fixture()
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def lines(run: Path) -> list[bytes]:
    return (run / CONSULTATIONS).read_bytes().splitlines(keepends=True)


def same(index: RunIndex, run: Path) -> None:
    """The index says exactly what reading the whole journal says, and every row stands where it says."""
    curves, reasons = Curves(), Reasons()

    def see(record: Consultation, case: Case | None) -> None:
        curves.see(record, case)
        reasons.see(record, case)

    table = MetricTable.read(run, see)
    for name, value in vars(table).items():
        held: Any = getattr(index.table, name)
        if name == "metrics":
            assert list(held) == list(value)
            assert all(np.array_equal(held[metric], value[metric], equal_nan=True) for metric in value)
        else:
            assert np.array_equal(held, value) if isinstance(value, np.ndarray) else held == value, name
    for doctor in table.names["doctor"]:
        assert index.curves.means(doctor, 6) == curves.means(doctor, 6)
    assert index.reasons.counts == reasons.counts
    journal = (run / CONSULTATIONS).read_bytes()
    for row in range(len(index)):
        start = int(index.offset[row])
        record = Consultation.model_validate_json(journal[start : start + int(index.length[row])])
        assert (record.key.case, record.key.doctor, record.key.trial) == index.key(row)
        assert index.place(*index.key(row)) == row
        assert index.failures.get(row, ()) == tuple(f"{one.owner}: {one.kind}" for one in record.failures)


def test_built_loaded_and_grown_index_say_what_the_journal_says(run: Path) -> None:
    whole = lines(run)
    (run / CONSULTATIONS).write_bytes(b"".join(whole[:10]))
    growing = IndexFile(run)
    assert len(growing.index()) == 10 and not (run / INDEX).exists(), "nothing is kept of a small unfinished run"
    with (run / CONSULTATIONS).open("ab") as file:
        file.writelines(whole[10:20])
    assert len(growing.index()) == 20
    growing.keep()
    with (run / CONSULTATIONS).open("ab") as file:
        file.writelines(whole[20:])
    same(growing.index(), run)
    (run / INDEX).unlink()
    same(IndexFile(run).index(), run)
    assert (run / INDEX).exists(), "everything planned is finished"
    same(IndexFile(run).index(), run)


def test_a_usage_of_tokens_survives(run: Path) -> None:
    write_index(run)
    loaded, read = IndexFile(run).index().table.usage, MetricTable.read(run).usage
    assert loaded.sums and loaded == read


def spoil(run: Path, line: int) -> None:
    """Overwrite one line in place: whoever reads it again stumbles."""
    whole = lines(run)
    with (run / CONSULTATIONS).open("r+b") as file:
        file.seek(sum(len(one) for one in whole[:line]))
        file.write(b"#" * (len(whole[line]) - 1))


def test_only_new_lines_are_read_when_the_journal_grew(run: Path) -> None:
    whole = lines(run)
    (run / CONSULTATIONS).write_bytes(b"".join(whole[:20]))
    file = IndexFile(run)
    file.index()
    file.keep()
    spoil(run, 0)
    with (run / CONSULTATIONS).open("ab") as journal:
        journal.writelines(whole[20:])
    assert len(file.index()) == len(whole), "a held index goes on"
    assert len(IndexFile(run).index()) == len(whole), "and so does one from the file"
    (run / INDEX).unlink()
    with pytest.raises(RunFolderError):
        IndexFile(run).index()


def test_a_loaded_index_goes_on_with_new_metrics_and_refuses_what_it_has(run: Path) -> None:
    write_index(run)
    first = json.loads(lines(run)[0])
    more = first | {"key": first["key"] | {"trial": 99}, "metrics": first["metrics"] | {"new": 1.0}}
    with (run / CONSULTATIONS).open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(more) + "\n")
    same(IndexFile(run).index(), run)
    write_index(run)
    with (run / CONSULTATIONS).open("ab") as binary:
        binary.write(lines(run)[3])
    with pytest.raises(RunFolderError, match="twice"):
        IndexFile(run).index()


def test_an_earlier_view_does_not_change_while_the_index_grows(run: Path) -> None:
    whole = lines(run)
    (run / CONSULTATIONS).write_bytes(b"".join(whole[:20]))
    file = IndexFile(run)
    before = file.index()
    tokens, failures = str(before.table.usage), dict(before.table.failures)
    shares = str(before.curves.means("one-shot", 6))
    with (run / CONSULTATIONS).open("ab") as journal:
        journal.writelines(whole[20:])
    after = file.index()
    assert len(before) == 20 and len(after) == len(whole) and before.revision != after.revision
    assert (str(before.table.usage), dict(before.table.failures)) == (tokens, failures)
    assert str(before.curves.means("one-shot", 6)) == shares != str(after.curves.means("one-shot", 6))
    assert str(after.table.usage) != tokens


def test_a_line_that_is_being_written_counts_when_it_is_whole(run: Path) -> None:
    whole = lines(run)
    (run / CONSULTATIONS).write_bytes(b"".join(whole[:5]) + whole[5][:-20])
    file = IndexFile(run)
    assert len(file.index()) == 5
    with (run / CONSULTATIONS).open("ab") as journal:
        journal.write(whole[5][-20:])
    assert len(file.index()) == 6


@pytest.mark.parametrize("damage", ["torn", "version", "content", "empty", "not_json", "columns", "words"])
def test_an_index_file_that_cannot_be_trusted_is_built_again(run: Path, damage: str) -> None:
    write_index(run)
    path = run / INDEX
    good = path.read_text("utf-8")
    head, _, body = good.partition("\n")
    name, version, _ = head.split(" ")
    data = json.loads(body)
    if damage in ("columns", "words"):
        if damage == "columns":
            data["gathered"]["lengths"] = ""
        else:
            data["gathered"]["words"]["doctor"] = []
        body = json.dumps(data)
        path.write_text(heading(body.encode()) + "\n" + body, "utf-8")
    else:
        path.write_text({
            "torn": good[:-200], "version": good.replace(f"{name} {version} ", f"{name} 999 ", 1),
            "content": good.replace('"trial"', '"trial_"'), "empty": "", "not_json": "\0\xff",
        }[damage], "utf-8")
    same(IndexFile(run).index(), run)
    assert path.read_text("utf-8") == good, "and it is kept again"


@pytest.mark.parametrize("change", ["shorter", "replaced", "rewritten", "cases"])
def test_an_index_of_another_journal_is_built_again(run: Path, change: str) -> None:
    file = IndexFile(run)
    file.index()
    whole = lines(run)
    path = run / CONSULTATIONS
    if change == "shorter":
        path.write_bytes(b"".join(whole[:-3]))
    elif change == "replaced":
        (run / "other").write_bytes(b"".join([*reversed(whole[1:]), whole[0]]))
        (run / "other").replace(path)
    elif change == "rewritten":
        path.write_bytes(b"".join(reversed(whole)))
    else:
        kept = (run / CASES).read_text("utf-8").splitlines(keepends=True)
        (run / CASES).write_text("".join(kept[1:]), "utf-8")
    same(file.index(), run)
    same(IndexFile(run).index(), run)


def test_an_index_goes_with_a_copy_of_its_folder(run: Path, tmp_path: Path) -> None:
    write_index(run)
    shutil.copytree(run, tmp_path / "copy")
    before = (tmp_path / "copy" / CONSULTATIONS).stat()
    spoil(tmp_path / "copy", 0)
    os.utime(tmp_path / "copy" / CONSULTATIONS, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(IndexFile(tmp_path / "copy").index()) == len(lines(run)), "it was not read again"


def test_a_folder_that_cannot_be_written_is_indexed_in_memory(run: Path, tmp_path: Path) -> None:
    (run / INDEX).mkdir()
    file = IndexFile(run)
    same(file.index(), run)
    assert file.index() is file.index() and (run / INDEX).is_dir()


def test_nothing_is_written_through_a_link(run: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (run / f".{INDEX}.tmp").symlink_to(precious)
    same(IndexFile(run).index(), run)
    assert precious.read_text() == "mine" and not (run / INDEX).exists()


@pytest.mark.parametrize("line", [b"{}\n", b"not json\n", b'{"key": {"case": "secret-word"}}\n', b"\xff\xfe\n", b"\n"])
def test_a_line_that_is_no_consultation_is_named_and_not_repeated(run: Path, line: bytes) -> None:
    whole = lines(run)
    (run / CONSULTATIONS).write_bytes(b"".join(whole[:4]) + line + b"".join(whole[4:]))
    file = IndexFile(run)
    for _ in range(2):
        with pytest.raises(RunFolderError, match=rf"{CONSULTATIONS}:5: is not a consultation") as caught:
            file.index()
        assert "secret-word" not in str(caught.value)
    (run / CONSULTATIONS).write_bytes(b"".join(whole))
    same(file.index(), run)


def test_a_case_that_is_none_and_a_consultation_twice_are_named(run: Path) -> None:
    with (run / CONSULTATIONS).open("ab") as journal:
        journal.write(lines(run)[0])
    with pytest.raises(RunFolderError, match="twice"):
        IndexFile(run).index()
    (run / CASES).write_text('{"id": "x"}\n')
    with pytest.raises(RunFolderError, match=rf"{CASES}:1: is not a case"):
        IndexFile(run).index()
    (run / RUN).unlink()
    with pytest.raises(RunFolderError, match="not a run folder"):
        IndexFile(run).index()


def test_a_run_without_a_consultation_has_an_empty_index(run: Path) -> None:
    for content in (b"", None):
        if content is None:
            (run / CONSULTATIONS).unlink()
        else:
            (run / CONSULTATIONS).write_bytes(content)
        index = IndexFile(run).index()
        assert len(index) == 0 and index.place("a", "b", 0) is None


def test_finishing_a_run_leaves_an_index_of_it(run: Path) -> None:
    finish_run(run, with_report=False)
    stamp = (run / INDEX).stat().st_mtime_ns
    same(IndexFile(run).index(), run)
    assert (run / INDEX).stat().st_mtime_ns == stamp, "the kept one was taken"


def test_a_long_unfinished_run_keeps_an_index_now_and_then(run: Path) -> None:
    described = json.loads((run / RUN).read_text("utf-8"))
    (run / RUN).write_text(json.dumps(described | {"planned": 10 * EVERY}), "utf-8")
    first = json.loads(lines(run)[0])
    made = [first | {"key": first["key"] | {"trial": trial}} for trial in range(100, 100 + 2 * EVERY)]
    text = "".join(json.dumps(one) + "\n" for one in made).splitlines(keepends=True)
    (run / CONSULTATIONS).write_text("".join(text[: EVERY - 2]), "utf-8")
    file = IndexFile(run)
    file.index()
    assert not (run / INDEX).exists()
    sizes = []
    for part in (text[EVERY - 2 : EVERY], text[EVERY : EVERY + 9], text[EVERY + 9 :]):
        with (run / CONSULTATIONS).open("a", encoding="utf-8") as journal:
            journal.writelines(part)
        file.index()
        sizes.append((run / INDEX).stat().st_size)
    assert sizes[0] == sizes[1] < sizes[2]
