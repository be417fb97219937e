"""Talking at a real pseudo-terminal: words come, Ctrl-C breaks off, keys complete; and a talk that is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.sound.wave import Sound
from scenarios.errors import ClinicError
from simulator.talking.devices import SoundCard, Speaker
from tests.end_to_end.conftest import COMMAND, ROOT
from tests.fault_server import Answer, FaultServer
from tests.session.test_step_screen import EVIL, SPOKEN, Terminal
from tests.sounds import tone, wav_file
from tests.talking.conftest import stored, turns_in


@pytest.fixture
def slow() -> Iterator[FaultServer]:
    """A server that says about two words a second."""
    with FaultServer(latency_s=20.0) as server:
        server.script.extend([Answer(text=SPOKEN)] * 3)
        yield server


def test_a_person_talks_breaks_off_says_it_again_and_leaves(slow: FaultServer, tmp_path: Path) -> None:
    sound = wav_file(tmp_path, tone(), "a cough.wav")
    started = Terminal("talk", "--url", slow.url, "--no-speak", "--out", tmp_path / "t", "--language", "en")
    try:
        started.until("doctor: good", "/help shows the rest", "›")
        started.type("My back hurts.\r")
        assert "1 patient  My back hurts.\n2 doctor  word0" in started.until("1 patient", "2 doctor", "word0 word1")
        started.type("\x03")
        started.until("broken off", "Ctrl-C once more leaves", "›")
        slow.hub.latency_s = 0.1
        started.type(f"'{sound}'\r")
        started.until("3 patient", "a cough.wav, 1.0 s of sound", "4 doctor", "word39", "in all", "›")
        slow.script.appendleft(Answer(text=EVIL))
        started.type("/ag\t")
        started.until("/again")
        started.type("\r")
        started.until("4 doctor", r"\x1b[2Jgone\x1b", "in all", "›")
        started.type("\x03")
        started.until("go on with: clinic talk --resume")
        assert started.process.wait(10) == 0
    finally:
        started.close()
    kept = stored(tmp_path / "t")
    assert [(line["number"], line.get("finish", "stop")) for line in kept] == [
        (1, "stop"), (2, "cancelled"), (3, "stop"), (4, "stop"), (4, "stop")]
    assert kept[1]["text"].startswith("word0 word1") and not kept[1]["text"].endswith("word39")
    told = slow.requests[1]["messages"]
    assert told[1] == {"role": "assistant", "content": kept[1]["text"]}, "what was heard until then was said"


def test_a_kill_costs_the_running_turn_alone(
    slow: FaultServer, tmp_path: Path, clinic_talk: Callable[..., Any]
) -> None:
    files = [wav_file(tmp_path, tone(0.3 + at), f"{at}.wav") for at in range(2)]
    slow.script.appendleft(Answer(raw=b'{"choices": [{"message": {"content": "Since when?"}}]}'))
    named = [word for file in files for word in ("--file", file)]
    words = ["talk", "--url", slow.url, "--no-speak", "--out", tmp_path / "t", *named]
    with subprocess.Popen([*COMMAND, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while len(slow.requests) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        process.kill()
    assert [line["number"] for line in stored(tmp_path / "t")] == [1, 2, 3]
    slow.hub.latency_s = 0.0
    code, lines = clinic_talk("--resume", tmp_path / "t", lines="And now?\n")
    assert code == 0 and "* the last words were not answered: they are now" in lines
    assert turns_in(lines)[:2] == [("doctor", SPOKEN), ("patient", "And now?")]
    asked = slow.requests
    assert asked[2]["messages"] == asked[1]["messages"], "the very same sounds and words"
    assert asked[2]["seed"] == asked[1]["seed"]


def test_without_the_sound_card_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, clinic_talk: Callable[..., Any], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    for flag in (("--play",), ("--microphone", "vad")):
        code, lines = clinic_talk("--doctor", "one-shot", *flag, lines="Hello.\n")
        assert code == 2 and "pip install sounddevice" in lines[-1]
    with pytest.raises(ClinicError):
        SoundCard()
    code, lines = clinic_talk("--doctor", "one-shot", lines="\nHello.\n")
    assert code == 0 and len(turns_in(lines)) == 2, "an empty line says nothing where there is no microphone"


def test_pieces_are_played_without_a_gap_and_stop_at_once() -> None:
    speaker = Speaker(None)
    speaker._stream, speaker.rate_hz = object(), 1_000
    for start in range(0, 90, 30):
        speaker.play(Sound(np.arange(start, start + 30, dtype=np.float32), 1_000))
    out = np.full((5, 20, 1), -1, np.float32)
    for block in out:
        speaker._fill(block, 20, None, None)
    assert out.ravel().tolist() == [*range(90), *[0.0] * 10] and speaker.played_s == pytest.approx(0.09)
