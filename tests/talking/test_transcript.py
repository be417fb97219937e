"""A conversation on disk: lines as they are written, read back after a kill, never trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scenarios.errors import RunFolderError
from simulator.talking.partner import Said
from simulator.talking.transcript import About, Line, Transcript
from tests.sounds import tone

ABOUT = About(kind="url", where="http://127.0.0.1:1/v1", model="m", options={"voice": "x", "api_key_env": "SECRET"})


def begun(folder: Path) -> Transcript:
    found = Transcript.begin(folder, ABOUT)
    sound, ref = found.put(tone(0.3))
    found.add(Line(number=1, role="patient", audio=ref, way="file"))
    found.add(Line(number=2, role="doctor", text="Since when?", audio=found.put(tone(0.2, rate_hz=24_000))[1]))
    return found


def words(said: tuple[Said, ...]) -> list[tuple[str, str, bool]]:
    return [(one.role, one.text, one.sound is not None) for one in said]


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    first = begun(tmp_path / "t")
    first.add(Line(number=3, role="patient", text="昨天。", way="typed"))
    again = Transcript.resume(tmp_path / "t")
    assert again.turns == first.turns and again.unanswered and again.next_number == 4
    assert words(again.told(4)) == [
        ("patient", "", True), ("doctor", "Since when?", True), ("patient", "昨天。", False)]
    assert words(again.told(2)) == [("patient", "", True)]
    heard, before = again.told(4)[0].sound, first.told(4)[0].sound
    assert heard and before and heard.rate_hz == 16_000 and (heard.samples == before.samples).all()
    assert again.about.options == {"voice": "x"}, "which key goes where is never read from a folder"
    assert again.about.model_copy(update={"options": ABOUT.options, "began": ""}) == ABOUT and again.about.began


def test_a_torn_line_and_withdrawn_turns_do_not_count(tmp_path: Path) -> None:
    talk = begun(tmp_path / "t")
    talk.add(Line(number=2, role="doctor", text="How long?", attempt=1))
    talk.add(Line(number=3, role="patient", text="a"))
    talk.withdraw(3)
    path = tmp_path / "t" / "talk.jsonl"
    path.write_bytes(path.read_bytes() + b'{"number": 3, "role": "pat')
    again = Transcript.resume(tmp_path / "t")
    assert [(line.number, line.text) for line in again.turns] == [(1, ""), (2, "How long?")]
    again.add(Line(number=3, role="patient", text="b"))
    assert [line.text for line in Transcript.resume(tmp_path / "t").turns] == ["", "How long?", "b"]


def test_an_answer_without_words_is_not_told(tmp_path: Path) -> None:
    talk = begun(tmp_path / "t")
    talk.add(Line(number=2, role="doctor", audio=talk.turns[1].audio, finish="cancelled"))
    assert words(talk.told(9)) == [("patient", "", True)]


@pytest.mark.parametrize(("line", "why"), [
    ({"number": 1, "role": "nurse"}, "talk.jsonl:1 is no turn"), ({"number": 0, "role": "doctor"}, "no turn"),
    ({"number": 1, "role": "patient", "evil": 1}, "no turn"), (["x"], "no turn"),
    ({"number": 1, "role": "patient", "audio": {"path": "../../x.wav", "sample_rate_hz": 1, "seconds": 1}},
     "leads out"),
    ({"number": 1, "role": "patient", "audio": {"path": "audio/aa/gone.wav", "sample_rate_hz": 1, "seconds": 1}},
     "lost its sound"),
])
def test_what_a_folder_says_is_checked(tmp_path: Path, line: object, why: str) -> None:
    begun(tmp_path / "t").close()
    (tmp_path / "x.wav").write_bytes(next((tmp_path / "t").rglob("*.wav")).read_bytes())
    (tmp_path / "t" / "talk.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(RunFolderError, match=why):
        Transcript.resume(tmp_path / "t")


def test_folders_that_are_no_conversations(tmp_path: Path) -> None:
    begun(tmp_path / "t").close()
    with pytest.raises(RunFolderError, match="--resume"):
        Transcript.begin(tmp_path / "t", ABOUT)
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="is a file"):
        Transcript.begin(tmp_path / "file", ABOUT)
    (tmp_path / "t" / "talk.json").write_text("{}")
    with pytest.raises(RunFolderError, match=r"talk.json is damaged: kind"):
        Transcript.resume(tmp_path / "t")
    assert not Transcript.begin(tmp_path / "new", ABOUT).folder.exists(), "nothing is written before the first turn"
