"""What was said is noted for every process; damaged notes begin anew, and without any, work goes on."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agents.sound.shelf import AUDIO, SAID, SoundShelf
from tests.sounds import tone


def damage(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "text":
        content[:] = b"these are no notes at all, however long one looks at them " * 50
    elif how == "pages":
        content[100:] = os.urandom(len(content) - 100)
    elif how == "cut":
        del content[len(content) // 2 :]
    elif how == "shape":
        file.unlink()
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE said (something TEXT)")
        other.close()
        return
    file.write_bytes(content)


@pytest.mark.parametrize("how", ["text", "pages", "cut", "shape"])
@pytest.mark.parametrize("opened", [False, True])
def test_damaged_notes_begin_anew(tmp_path: Path, how: str, opened: bool) -> None:
    writer = SoundShelf(tmp_path)
    for number in range(300):
        writer.note(f"key {number}", "x" * 50)
    writer.close()
    shelf = SoundShelf(tmp_path)
    if opened and how != "shape":
        assert shelf.find("key 1") == "x" * 50
    damage(tmp_path / AUDIO / SAID, how)
    for number in range(300):
        assert shelf.find(f"key {number}") in {None, "x" * 50}
    shelf.note("new", "one")
    for number in range(300):
        shelf.note(f"more {number}", "y" * 50)
    shelf.close()
    again = SoundShelf(tmp_path)
    assert again.find("more 299") == "y" * 50 and again.find("new") == "one"


def test_without_notes_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / AUDIO / SAID).mkdir(parents=True)
    shelf = SoundShelf(tmp_path)
    shelf.note("key", "value")
    assert shelf.find("key") is None and shelf.get(shelf.put(tone(0.1))).seconds == 0.1


def test_notes_are_found_by_another_process_and_the_first_stays(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path)
    shelf.note("你好\ud800", "audio\udfff")
    shelf.note("你好\ud800", "second")
    shelf.note("你好\ud801", "other")
    code = ("import sys, json; from pathlib import Path; from agents.sound.shelf import SoundShelf; "
            "shelf = SoundShelf(Path(sys.argv[1])); shelf.note('there', 'too'); "
            "print(json.dumps([shelf.find(chr(0x4f60) + chr(0x597d) + chr(n)) for n in (0xd800, 0xd801)]))")
    command = [sys.executable, "-c", code, str(tmp_path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert json.loads(found.stdout) == ["audio\udfff", "other"] and shelf.find("there") == "too"


def test_damaged_notes_of_another_run_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "first" / AUDIO).mkdir(parents=True)
    notes = tmp_path / "first" / AUDIO / SAID
    notes.write_bytes(b"no notes" * 1000)
    second = SoundShelf(tmp_path / "second", tmp_path / "first")
    assert second.find("key") is None and second.find("key") is None
    assert notes.read_bytes() == b"no notes" * 1000
