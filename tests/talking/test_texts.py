"""The interface's own words: both languages say the same things, at the same places."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from string import Formatter

import pytest

from scenarios.errors import SoundError
from simulator.talking import texts
from simulator.talking.completion import COMMANDS
from tests.fault_server import FaultServer
from tests.session.test_step_plain import command, standard_input


def places(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


def test_both_languages_say_the_same() -> None:
    zh, en = (texts._texts()[language] for language in ("zh", "en"))
    assert list(zh) == list(en)
    assert [key for key in zh if places(zh[key]) != places(en[key])] == []
    assert [key for key, words in zh.items() if not re.search("[一-鿿]", words)] == []
    assert [key for key, words in en.items() if re.search("[一-鿿]", words)] == []
    assert all(f"\n{name}" in both["help_text"] for name in COMMANDS for both in (zh, en))


@pytest.mark.parametrize("kind", ["missing", "not_audio", "empty", "too_long", "corrupt"])
def test_every_wrong_sound_has_words(kind: str) -> None:
    assert "a.wav" in texts.sound_problem("zh", "a.wav", SoundError(kind, "x"), 30.0)


def test_a_chinese_sitting(server: FaultServer, tmp_path: Path, clinic_talk: Callable[..., object]) -> None:
    with standard_input("肚子疼。\n/file 没有.wav\n/help\n"):
        code, out, _ = command("talk", "--url", server.url, "--no-speak", "--plain", "--language", "zh",
                               "--out", tmp_path / "t")
    assert code == 2 and "* 医生：good" in out and "error: 没有这个文件：没有.wav" in out and "换一个随机种子" in out
    assert "[1 patient] 肚子疼。" in out and "秒" in out
