"""``clinic speakers``: build, show and check a table, from small corpora in the published layouts."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from simulator.cli import main
from tests.agents.voices.aishell import aishell2_set, aishell3


def clinic(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["speakers", *map(str, arguments)])


def test_build_show_check(tmp_path: Path) -> None:
    table = tmp_path / "speakers.json"
    aishell3(tmp_path / "three", {"SSB0005": ("B", "female"), "SSB0009": ("D", "male")})
    (tmp_path / "three/test/wav/SSB0005/SSB00050001.wav").unlink()
    done = clinic("build", "--corpus", "aishell3", tmp_path / "three", "-o", table)
    assert done.exit_code == 0, done.output
    assert "2 speakers of 8 utterances" in done.output and "file is missing" in done.output
    shown = clinic("show", table)
    assert "female" in shown.output and "老年" in shown.output and "2 speakers" in shown.output
    assert clinic("check", table).exit_code == 0
    (tmp_path / "three/train/wav/SSB0009/SSB00090002.wav").write_bytes(b"broken")
    found = clinic("check", table)
    assert found.exit_code == 2 and "aishell3/SSB0009" in found.output and "Traceback" not in found.output


def test_add_keeps_the_other_corpora_and_replaces_its_own(tmp_path: Path) -> None:
    table = tmp_path / "speakers.json"
    aishell3(tmp_path / "three", {"SSB0005": ("B", "female")})
    aishell2_set(tmp_path / "eval/iOS/test", ["T0011"])
    for corpus, folder in (("aishell3", "three"), ("aishell2018a-eval", "eval"), ("aishell3", "three")):
        assert clinic("build", "--corpus", corpus, tmp_path / folder, "--add", "-o", table).exit_code == 0
    assert [one["name"] for one in json.loads(table.read_text(encoding="utf-8"))["corpora"]] == [
        "aishell2018a-eval", "aishell3",
    ]
    assert clinic("build", "--corpus", "aishell3", tmp_path / "three", "-o", table).exit_code == 0
    assert len(json.loads(table.read_text(encoding="utf-8"))["corpora"]) == 1


def test_a_wrong_folder_is_one_message(tmp_path: Path) -> None:
    done = clinic("build", "--corpus", "aishell2", tmp_path, "-o", tmp_path / "t.json")
    assert done.exit_code == 2 and "is not AISHELL-2" in done.output and "Traceback" not in done.output
    assert not (tmp_path / "t.json").exists()
