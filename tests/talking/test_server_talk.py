"""Talking with a model behind a server: files and lines in, words and sound out, and everything that goes wrong."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from agents.llm.options import LLMOptions
from agents.llm.sounding import Wanted
from agents.llm.transport import Request
from agents.sound.wave import Sound, read_sound, wav_bytes
from scenarios.schema import HEARD_HZ
from simulator.talking.partner import Event, Over, Words
from simulator.talking.server import _ReadingSound
from simulator.talking.streaming import Tell, streamed
from tests.fault_server import Answer, FaultServer, broken
from tests.sounds import tone, wav_file
from tests.talking.conftest import TONE, delta, spoken, stored, turns_in

Talk = Callable[..., tuple[int, list[str]]]


def test_files_go_in_as_sound_and_sound_comes_out(server: FaultServer, clinic_talk: Talk, tmp_path: Path) -> None:
    first, second = (wav_file(tmp_path, tone(0.4 + at, rate_hz=rate), f"{at}.wav")
                     for at, rate in enumerate((16_000, 44_100)))
    server.script.extend([spoken("Since when?"), spoken("Any fever?")])
    code, lines = clinic_talk("--url", server.url, "--file", first, "--file", second, "--system", "You are a doctor.")
    assert code == 0, lines
    assert turns_in(lines) == [
        ("patient", "0.wav, 0.4 s of sound"), ("doctor", "Since when?"),
        ("patient", "1.wav, 1.4 s of sound"), ("doctor", "Any fever?")]
    about = next(line for line in lines if line.startswith("* turn 4: "))
    assert "30 of 40 prompt positions cached" in about and "real-time factor" in about and "first sound" in about
    assert read_sound(Path(about.partition("0.5 s of sound: ")[2])).samples.tolist() == pytest.approx(
        TONE.samples.tolist(), abs=1e-4)
    asked = server.requests[1]
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "user"]
    assert asked["modalities"] == ["text", "audio"] and asked["stream"] and asked["model"] == "good"
    sent = asked["messages"][3]["content"][0]["input_audio"]
    heard = read_sound(base64.b64decode(sent["data"]))
    assert (sent["format"], heard.rate_hz) == ("wav", HEARD_HZ) and heard.seconds == pytest.approx(1.4, abs=0.01)
    assert asked["messages"][:3] == [*server.requests[0]["messages"], {"role": "assistant", "content": "Since when?"}]
    kept = stored(tmp_path / "talk")
    assert [f"{line['number']} {line['role']}" for line in kept] == ["1 patient", "2 doctor", "3 patient", "4 doctor"]
    assert all((tmp_path / "talk" / line["audio"]["path"]).is_file() for line in kept)
    assert 0 < kept[1]["first_words_s"] <= kept[1]["first_sound_s"] <= kept[1]["total_s"]


def test_typed_lines_are_answered_again_and_the_talk_goes_on_later(
    server: FaultServer, clinic_talk: Talk, tmp_path: Path
) -> None:
    code, lines = clinic_talk(
        "--url", server.url, "--no-speak", lines="My back hurts.\n/again\n\n//slash\n/save\n/quit\nnever said\n")
    assert code == 0, lines
    said = turns_in(lines)
    assert [words for who, words in said if who == "patient"] == ["My back hurts.", "/slash"]
    assert len(said) == 5 and said[1] != said[2], "answered again with another seed"
    assert "modalities" not in server.requests[0]
    assert server.requests[2]["messages"][1]["content"] == said[2][1], "the newer answer counts"
    assert server.requests[1]["messages"] == server.requests[0]["messages"]
    assert "**2 doctor** " in (tmp_path / "talk" / "talk.md").read_text("utf-8")
    code, lines = clinic_talk("--resume", tmp_path / "talk", lines="And now?\n")
    assert code == 0 and "* going on after 4 turns" in lines
    again = server.requests[3]["messages"]
    assert again[:3] == server.requests[2]["messages"] and len(again) == 5 and again[4]["content"] == "And now?"
    assert "modalities" not in server.requests[3], "still without sound"
    assert "--resume" in lines[-1] and clinic_talk("--url", server.url)[0] == 2, "the folder holds a talk already"


def test_a_wrong_file_is_said_to_be_wrong_and_the_talk_goes_on(
    server: FaultServer, clinic_talk: Talk, tmp_path: Path
) -> None:
    (tmp_path / "not.wav").write_bytes(b"<html>" * 50)
    (tmp_path / "empty.wav").touch()
    wav_file(tmp_path, tone(0.0), "nothing.wav")
    wav_file(tmp_path, tone(31.0, rate_hz=8000), "long.wav")
    wav_file(tmp_path, tone(0.01), "click.wav")
    good = wav_file(tmp_path, tone(), "my good.wav")
    (tmp_path / "cut.wav").write_bytes(good.read_bytes()[:2000])
    names = ["not.wav", "empty.wav", "nothing.wav", "long.wav", "click.wav", "cut.wav", "gone.wav"]
    lines = "".join(f"/file {tmp_path / name}\n" for name in names) + f"/file\n/file {tmp_path}\n'{good}'\nHello.\n"
    server.script.extend([spoken(), spoken()])
    code, shown = clinic_talk("--url", server.url, lines=lines)
    errors = [line for line in shown if line.startswith("error: ")]
    for error, why in zip(errors, (
        "cannot be read as sound", "is empty", "holds no sound", "at most 30 s", "0.1 s at least", "cut short",
        "no such file", "name the file", "is a folder",
    ), strict=True):
        assert why in error
    assert code == 2 and [who for who, _ in turns_in(shown)] == ["patient", "doctor"] * 2
    assert len(server.requests) == 2 and len(stored(tmp_path / "talk")) == 4


def test_what_a_server_does_wrong_ends_the_turn_alone(server: FaultServer, clinic_talk: Talk, tmp_path: Path) -> None:
    server.script.extend([broken(400), broken(400), spoken("Rest."), Answer(text="Only written.")])
    code, lines = clinic_talk("--url", server.url, lines="One.\n/again\nTwo.\n/again\n")
    assert code == 2 and len([line for line in lines if line.startswith("error: ")]) == 2
    assert any("--no-speak" in line for line in lines), "what to try with a server that only writes"
    assert turns_in(lines)[-2:] == [("doctor", "Rest."), ("doctor", "Only written.")]
    assert "no sound came" in lines[-2] and "no sound came" not in lines[-4]
    said = server.requests[-1]["messages"]
    assert [message["content"] for message in said] == ["Two."], "what was never answered is not told"
    assert [line.get("withdrawn", False) for line in stored(tmp_path / "talk")] == [False, True, False, False, False]


@pytest.mark.parametrize(("words", "why"), [
    (("--url", "{url}", "--model", "other"), "unknown model of"),
    (("--url", "http://127.0.0.1:9/v1"), "nobody answers at"),
    (("--url", "{url}", "-o", "temprature=1"), "option 'temprature'"),
    (("--url", "{url}", "-o", "temperature"), "KEY=VALUE"),
    (("--url", "ftp://x"), "http://host:port/v1"),
    (("--url", "{url}", "--doctor", "chat"), "name one doctor"), ((), "name one doctor"),
    (("--doctor", "chatt"), "Did you mean 'chat'"), (("--doctor", "chat", "--model", "m"), "--model goes with"),
    (("--resume", "nowhere"), "holds no conversation"),
])
def test_who_cannot_be_talked_with_is_said_at_once(
    server: FaultServer, clinic_talk: Talk, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    code, lines = clinic_talk(*(word.format(url=server.url) for word in words), lines="Hello.\n")
    assert code == 2 and why in lines[-1], lines
    assert not (tmp_path / "talk").exists() and not server.requests


def test_a_server_of_several_models_wants_a_name(clinic_talk: Talk) -> None:
    with FaultServer(models=("a", "b")) as server:
        code, lines = clinic_talk("--url", server.url, lines="Hello.\n")
        assert code == 2 and "serves a, b" in lines[-1]
        assert clinic_talk("--url", server.url, "--model", "b", "--no-speak", lines="Hello.\n")[0] == 0


def test_a_doctor_of_the_catalogue_hears_or_says_that_it_does_not(
    server: FaultServer, clinic_talk: Talk, tmp_path: Path
) -> None:
    sound = wav_file(tmp_path, tone())
    code, lines = clinic_talk("--doctor", "history-taker", "--file", sound)
    assert code == 2 and "error: history-taker hears no sound: type" in lines
    server.script.append(spoken("Where does it hurt?"))
    code, lines = clinic_talk(
        "--doctor", "audio-chat", "-o", "model=good", "-o", f"base_url={server.url}", "--file", sound)
    assert code == 0 and turns_in(lines)[-1] == ("doctor", "Where does it hurt?"), lines
    asked = server.requests[0]["messages"]
    assert asked[0]["role"] == "system" and "input_audio" in json.dumps(asked[1])
    assert stored(tmp_path / "talk")[1]["audio"]["seconds"] == pytest.approx(0.5)


@pytest.mark.parametrize(("cuts", "passed_on"), [
    ((3, 8), 2), ((1, 2, 3, 4, 5), 3), ((5, 7), 1), ((12_000,), 2), ((), 1),
])
def test_pieces_that_end_within_a_sample_wait_for_the_next(cuts: tuple[int, ...], passed_on: int) -> None:
    pcm = wav_bytes(TONE)[44:]
    edges = [0, *cuts, len(pcm)]
    pieces = [base64.b64encode(pcm[at:end]).decode() for at, end in pairwise(edges)]
    told: list[Sound] = []
    wanted = Wanted(streamed=True, headerless=True)
    reading = _ReadingSound(0.0, Request(LLMOptions(model="m"), (), 0, 1), wanted, told.append)
    for piece in pieces:
        reading.feed(f"data: {json.dumps(delta(audio={'data': piece}))}\n\n".encode())
    heard = np.concatenate([sound.samples for sound in told])
    assert heard.tolist() == pytest.approx(TONE.samples.tolist(), abs=1e-4)
    assert len(told) == passed_on, "as early as samples are whole"
    reading.feed(f"data: {json.dumps(delta(audio={'data': '%%%%'}))}\n\n".encode())
    assert len(reading.sounds) == len(pieces) + 1, "what cannot be read alone is left to the whole"


async def test_leaving_early_ends_the_call_at_once() -> None:
    ended: list[bool] = []

    async def call(tell: Tell) -> Event:
        tell(Words("a"))
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)
        return Over()

    async with asyncio.timeout(5), aclosing(streamed(call)) as events:
        assert await anext(events) == Words("a")
    assert ended == [True]
