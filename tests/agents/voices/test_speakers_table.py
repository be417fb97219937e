"""Who speaks for a patient: age groups, fall-backs, even spread; and tables that must be refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agents.protocols import SpeakerCard
from agents.voices.ages import GROUPS, age_group, nearest_groups
from agents.voices.speakers import SpeakerTable
from scenarios.errors import InputError
from scenarios.schema import AgeGroup, Sex


def table_file(folder: Path, speakers: dict[str, Any], root: str = ".") -> Path:
    path = folder / "speakers.json"
    content = {"corpora": [{"name": "c", "root": root, "speakers": speakers}]}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def people(*names: str) -> dict[str, list[list[str]]]:
    return {name: [[f"wav/{name}.wav", f"我是{name}"]] for name in names}


def card(sex: Sex = "unknown", age: float | None = None, seed: int = 0, group: AgeGroup | None = None) -> SpeakerCard:
    return SpeakerCard("patient", "zh", sex, age, group, seed)


@pytest.mark.parametrize(("age", "group"), [
    (0, "少年"), (0.4, "少年"), (17, "少年"), (17.9, "少年"), (18, "青年"), (30.5, "青年"), (31, "成年"), (59, "成年"),
    (60, "老年"), (101, "老年"), (None, None), (-1, None), (float("nan"), None), (float("inf"), None),
])
def test_age_groups(age: float | None, group: str | None) -> None:
    assert age_group(age) == group


def test_the_nearest_group_of_two_equally_near_is_the_older() -> None:
    assert nearest_groups("青年") == ("青年", "成年", "少年", "老年")
    assert all(sorted(nearest_groups(group)) == sorted(GROUPS) for group in GROUPS)


def test_sex_and_age_group_decide(tmp_path: Path) -> None:
    table = SpeakerTable.load(table_file(tmp_path, {
        "男": {group: people(f"m{index}") for index, group in enumerate(GROUPS)},
        "女": {group: people(f"f{index}") for index, group in enumerate(GROUPS)},
    }))
    for index, age in enumerate((8, 25, 45, 70)):
        assert table.choose(card("male", age)).speaker == f"c/m{index}"
        found = table.choose(card("female", group=age_group(age)))
        assert (found.speaker, found.sex, found.age_group) == (f"c/f{index}", "female", GROUPS[index])
        assert found.wav == (tmp_path / f"wav/f{index}.wav").resolve() and found.text == f"我是f{index}"


@pytest.mark.parametrize(("speakers", "sex", "age", "chosen"), [
    ({"男": {"青年": people("young"), "老年": people("old")}}, "male", 45, {"old"}),
    ({"男": {"少年": people("child"), "老年": people("old")}}, "male", 25, {"child"}),
    ({"女": {"未知": people("her")}, "男": {"成年": people("him")}}, "female", 45, {"her"}),
    ({"男": {"少年": people("child"), "成年": people("him")}}, "female", 40, {"him"}),
    ({"男": {"成年": people("he")}, "女": {"成年": people("she"), "少年": people("g")}}, "unknown", 40, {"he", "she"}),
    ({"男": {"成年": people("he"), "少年": people("boy")}, "女": {"成年": people("she")}}, "male", None, {"he", "boy"}),
    ({"男": {"成年": people("him")}, "女": {"少年": people("girl")}}, "unknown", None, {"him", "girl"}),
    ({"未知": {"未知": people("one", "two")}}, "female", 30, {"one", "two"}),
])
def test_fall_backs(tmp_path: Path, speakers: dict[str, Any], sex: Sex, age: float | None, chosen: set[str]) -> None:
    table = SpeakerTable.load(table_file(tmp_path, speakers))
    assert {table.choose(card(sex, age, seed)).speaker for seed in range(40)} == {f"c/{name}" for name in chosen}


def test_a_case_keeps_its_speaker_and_cases_are_spread_evenly(tmp_path: Path) -> None:
    names = [f"s{number:02d}" for number in range(20)]
    speakers = {"女": {"成年": {name: [[f"{name}/{n}.wav", "好"] for n in range(3)] for name in names}}}
    table = SpeakerTable.load(table_file(tmp_path, speakers))
    chosen = [table.choose(card("female", 40, seed)) for seed in range(2_000)]
    assert chosen[:100] == [table.choose(card("female", 40, seed)) for seed in range(100)]
    counts = Counter(one.speaker for one in chosen)
    chi_square = sum((count - 100) ** 2 / 100 for count in counts.values())
    assert len(counts) == 20 and chi_square < 43.8, "a chi-square of 19 degrees exceeds 43.8 once in 1,000 times"
    assert len({one.wav.name for one in chosen}) == 3


def test_speakers_of_unknown_sex_are_not_taken_while_one_of_the_sex_is_there(tmp_path: Path) -> None:
    table = SpeakerTable.load(table_file(tmp_path, {"女": {"老年": people("her")}, "未知": {"成年": people("x")}}))
    assert {table.choose(card("female", 40, seed)).speaker for seed in range(20)} == {"c/her"}


def test_the_reference_s_own_table_is_read_without_its_duplicates(tmp_path: Path) -> None:
    woman, man = people("SSB0005"), people("SSB0009")
    woman["SSB0005"] += [["./wav/other.wav", "你好"], ["wav/no-words.wav", ""]]
    path = tmp_path / "spk_info.json"
    path.write_text(json.dumps(
        {"女": {"青年": woman}, "男": {"成年": man, "老年": {"SSB0010": []}}, "未知": {"青年": woman, "成年": man}}
    ), encoding="utf-8")
    table = SpeakerTable.load(path)
    assert [(one.name, one.sex) for one in table.speakers] == [
        ("reference/SSB0005", "female"), ("reference/SSB0009", "male")
    ]
    assert [wav for wav, _ in table.speakers[0].recordings] == ["wav/SSB0005.wav", "wav/other.wav"]


@pytest.mark.parametrize(
    "wav", ["../up.wav", "/etc/passwd", "a/../../b.wav", "C:\\a.wav", "C:/a.wav", "~/a.wav", "a\\b"]
)
def test_paths_that_leave_the_root_are_refused(tmp_path: Path, wav: str) -> None:
    with pytest.raises(InputError, match="relative path"):
        SpeakerTable.load(table_file(tmp_path, {"男": {"成年": {"one": [[wav, "好"]]}}}))


def test_a_link_that_leaves_the_root_is_refused_when_it_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "secret.wav").write_bytes(b"")
    (tmp_path / "corpus" / "one.wav").symlink_to(tmp_path / "secret.wav")
    table = SpeakerTable.load(table_file(tmp_path, {"男": {"成年": {"one": [["one.wav", "好"]]}}}, root="corpus"))
    with pytest.raises(InputError, match="leads out"):
        table.choose(card("male", 40))


@pytest.mark.parametrize("content", [
    "", "[]", "{}", "not json", '{"corpora": []}', '{"corpora": [{"name": "c", "root": ".", "speakers": {}}]}',
    '{"corpora": [{"name": "c", "root": ".", "speakers": {"man": {}}}]}',
    '{"corpora": [{"name": "c", "root": ".", "speakers": {"男": {"中年": {}}}}]}',
    '{"corpora": [{"name": "c", "root": ".", "speakers": {"男": {"成年": {"../x": [["a.wav", "t"]]}}}}]}',
    '{"corpora": [{"name": "c", "root": ".", "speakers": {"男": {"成年": {"x": []}}}}]}',
    '{"corpora": [{"name": "c", "root": ".", "speakers": {"男": {"成年": {"x": [["a.wav"]]}}}}]}',
    '{"男": 3}', '{"男": {"成年": {"x": [3]}}}', "[" * 100_000,
])
def test_a_broken_table_is_an_input_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "speakers.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError):
        SpeakerTable.load(path)


def test_a_missing_table_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="clinic speakers build"):
        SpeakerTable.load(tmp_path / "none.json")


def test_the_fingerprint_follows_what_is_heard_not_where_it_lies(tmp_path: Path) -> None:
    first = SpeakerTable.load(table_file(tmp_path, {"男": {"成年": people("one")}})).fingerprint
    assert SpeakerTable.load(table_file(tmp_path, {"男": {"成年": people("one")}}, root="moved")).fingerprint == first
    assert SpeakerTable.load(table_file(tmp_path, {"男": {"老年": people("one")}})).fingerprint != first
