"""Rubrics as a specification: what a file must hold, how errors name the place, and what is shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scenarios.errors import BatchFileError, InputError, UnknownName
from scenarios.rubric_file import find_rubric, load_rubric, shipped_rubrics
from scenarios.schema import DIMENSIONS
from scenarios.schema.rubric import Rubric, Scale
from simulator.cli import main

GOOD = """\
id: mine
title: {zh: 我的, en: mine}
kind: dimensions
source: test
dimensions:
  - id: tact
    name: {zh: 分寸, en: tact}
    asks: {zh: 有分寸吗, en: Is there tact?}
    scale: {min: 1, max: 5}
    anchors:
      1: {zh: 没有, en: none}
      5: {zh: 有, en: much}
"""
CRITERIA = """\
id: mine
title: {zh: 我的, en: mine}
kind: criteria
source: test
criteria:
  - {id: polite, points: 2, text: {zh: 有礼貌, en: polite}}
  - {id: rude, points: -3, text: {zh: 无礼, en: rude}}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text, "utf-8")
    return file


def test_a_rubric_is_found_by_shipped_name_or_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_rubric("safety").kind == "criteria"
    written(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    assert find_rubric("mine.yaml") == find_rubric("./mine.yaml") == find_rubric(str(tmp_path / "mine.yaml"))


def test_an_unknown_name_is_answered_with_the_choices_and_the_near_one() -> None:
    with pytest.raises(UnknownName, match=r"unknown rubric 'saftey'. Did you mean 'safety'\? Choices: communication, "):
        find_rubric("saftey")


@pytest.mark.parametrize(("was", "instead", "said"), [
    ("kind: dimensions", "kind: dimension", r"mine.yaml:3: kind: .*Did you mean 'dimensions'"),
    ("min: 1", "mni: 1", r"mine.yaml:9: dimensions.0.scale.mni: unknown key 'mni'. Did you mean 'min'"),
    ("id: tact", "id: Tact!", r"mine.yaml:6: dimensions.0.id: "),
    ("      5:", "      6:", r"mine.yaml:6: dimensions.0: anchor 6 is outside the scale 1..5"),
    ("      5:", "      4:", r"both ends of the scale need an anchor; 5 has none"),
    ("max: 5", "max: 1", r"mine.yaml:9: dimensions.0.scale: max must be above min"),
    ("    asks: {zh: 有分寸吗, en: Is there tact?}", "    asks: {zh: 有分寸吗}",
     r"tact.asks has no text in 'en': write it, or say 'languages: \[zh\]'"),
    ("id: tact", "id: total", r"the id 'total' is the name of a metric"),
    ("source: test\n", "", r"the key 'source' is missing"),
    ("    scale:", "    weight: 0\n    scale:", r"mine.yaml:9: dimensions.0.weight: .*greater than 0, got 0"),
    ("source: test\n", "source: test\nlanguages: []\n", "mine.yaml:5: languages: must name each of its"),
])
def test_an_error_names_file_line_key_and_fix(tmp_path: Path, was: str, instead: str, said: str) -> None:
    assert was in GOOD
    with pytest.raises(BatchFileError, match=said):
        load_rubric(written(tmp_path, GOOD.replace(was, instead, 1)))


@pytest.mark.parametrize(("was", "instead", "said"), [
    ("points: 2", "points: 0", r"mine.yaml:6: criteria.0.points: points must not be 0"),
    ("id: rude", "id: polite", "ids must be unique within a rubric; repeated: polite"),
    ("points: 2", "points: -2", "at least one criterion must have positive points"),
    ("kind: criteria", "kind: dimensions", "needs the key 'dimensions' and not the other"),
])
def test_criteria_are_checked_as_well(tmp_path: Path, was: str, instead: str, said: str) -> None:
    assert load_rubric(written(tmp_path, CRITERIA)).possible == 2
    with pytest.raises(BatchFileError, match=said):
        load_rubric(written(tmp_path, CRITERIA.replace(was, instead, 1)))


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), ("- a\n", "must be a mapping"), ("a: !!x b", "tag")])
def test_what_is_no_rubric_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BatchFileError, match=said):
        load_rubric(written(tmp_path, text))
    with pytest.raises(InputError):
        find_rubric("a\x00/b.yaml")


def test_one_language_is_enough_when_the_file_says_so(tmp_path: Path) -> None:
    text = CRITERIA.replace(", en: mine", "").replace(", en: polite", "").replace(", en: rude", "")
    assert load_rubric(written(tmp_path, text + "languages: [zh]\n")).languages == ("zh",)


def test_a_scale_says_which_end_is_good() -> None:
    assert [Scale(min=1, max=5).share(n) for n in (1, 3, 5)] == [0, 0.5, 1]
    assert [Scale(min=1, max=5, best="min").share(n) for n in (1, 3, 5)] == [1, 0.5, 0]


def test_what_is_shipped_speaks_both_languages_and_names_its_source() -> None:
    shipped = shipped_rubrics()
    assert set(shipped) == {
        "consultation-meddg", "consultation-aihospital", "osce-history", "communication", "safety", "medsafety",
        "single-turn", "consultation-criteria",
    }
    for rubric in shipped.values():
        assert rubric.languages == ("zh", "en")
        assert len(rubric.source) > 20
    for name in ("consultation-meddg", "consultation-aihospital"):
        assert shipped[name].item_ids == tuple(DIMENSIONS)
        for dimension in shipped[name].dimensions:
            assert dimension.name["zh"] == DIMENSIONS[dimension.id]["zh"]  # type: ignore[index]
            assert sorted(dimension.anchors) == [0, 3, 5, 8, 10]
    assert any(c.points < 0 for c in shipped["safety"].criteria)
    assert shipped["medsafety"].dimensions[0].scale == Scale(min=1, max=5, best="min")


def test_every_english_text_is_english_and_every_chinese_text_chinese() -> None:
    def texts(node: object) -> list[tuple[str, str]]:
        if isinstance(node, dict):
            own = [(k, v) for k, v in node.items() if k in ("zh", "en") and isinstance(v, str)]
            return own + [pair for value in node.values() for pair in texts(value)]
        return [pair for item in node for pair in texts(item)] if isinstance(node, (list, tuple)) else []

    for rubric in shipped_rubrics().values():
        for language, text in texts(rubric.model_dump(mode="json")):
            chinese = any("\u4e00" <= char <= "\u9fff" for char in text)
            assert chinese == (language == "zh"), text


def test_the_command_line_checks_lists_and_describes_rubrics(tmp_path: Path) -> None:
    run = CliRunner().invoke
    good, bad = written(tmp_path, GOOD), tmp_path / "bad.yaml"
    assert f"{good}: ok. Rubric 'mine' with 1 dimensions" in run(main, ["validate", str(good)]).output
    bad.write_text(CRITERIA.replace("points: 2", "points: 0"), "utf-8")
    done = run(main, ["validate", str(bad)])
    assert done.exit_code == 2 or isinstance(done.exception, InputError)
    listed = run(main, ["list", "rubrics"]).output
    assert "osce-history" in listed and "medsafety" in listed
    assert json.loads(run(main, ["schema", "rubric"]).output)["title"] == Rubric.__name__
