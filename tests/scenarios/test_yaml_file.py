"""A YAML file is read as plain data, with lines, and nothing in it can harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.errors import BatchFileError
from scenarios.yaml_file import parse_yaml, read_yaml


def test_scalars_follow_the_core_schema_so_words_stay_words() -> None:
    data = parse_yaml("a: no\nb: on\nc: 2026-01-01\nd: 1:30\ne: true\nf: 3\ng: 1.5e3\nh:\ni: '7'\nj: ~", "x").data
    assert data == {
        "a": "no",
        "b": "on",
        "c": "2026-01-01",
        "d": "1:30",
        "e": True,
        "f": 3,
        "g": 1500.0,
        "h": None,
        "i": "7",
        "j": None,
    }


def test_every_key_has_its_line() -> None:
    file = parse_yaml("a:\n  - x: 1\n  - y: 2\nb: 3\n", "x")
    assert (file.line_of(("a", 1, "y")), file.line_of(("b",)), file.line_of(("a", 0, "missing"))) == (3, 4, 2)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: !!python/object/apply:os.system ['true']", 1, "tag"),
        ("a: 1\nb: !custom x", 2, "tag"),
        ("a: 1\na: 2", 2, "twice"),
        ("a: 1\n---\nb: 2", 2, "more than one document"),
        ("a: [1, 2", None, "not valid YAML"),
        ("? [a, b]\n: 1", 1, "not a plain word"),
        ("a: *nowhere", 1, "nowhere"),
        ("a: &a [*a]", 1, "unknown anchor"),
        ("[" * 60 + "]" * 60, 1, "deeper"),
        ("[" * 100_000, None, ""),
        ("a: \x00", None, "not valid YAML"),
    ],
)
def test_what_is_refused_names_its_line(text: str, line: int | None, says: str) -> None:
    with pytest.raises(BatchFileError) as caught:
        parse_yaml(text, "x.yaml")
    assert says in str(caught.value)
    if line:
        assert str(caught.value).startswith(f"x.yaml:{line}")


def test_an_alias_bomb_is_refused_quickly() -> None:
    rows = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    rows += [f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(BatchFileError, match="too many aliases"):
        parse_yaml("\n".join(rows), "bomb.yaml")


def test_a_plain_anchor_is_fine() -> None:
    assert parse_yaml("a: &x {k: 1}\nb: *x", "x").data == {"a": {"k": 1}, "b": {"k": 1}}


def test_a_file_that_is_not_utf8_names_line_and_byte(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes("name: a\ncases: 胃疼了三天\n".encode("gbk"))
    with pytest.raises(BatchFileError, match=r"x\.yaml:2: .*not UTF-8"):
        read_yaml(tmp_path / "x.yaml")


def test_a_missing_file_and_a_folder_are_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(BatchFileError, match="No such file"):
        read_yaml(tmp_path / "x.yaml")
    with pytest.raises(BatchFileError, match="directory"):
        read_yaml(tmp_path)
