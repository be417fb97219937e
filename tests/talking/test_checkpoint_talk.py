"""Talking with a real, tiny SpeechLM in this process: sound in, words and sound out, caches, barge-in, going on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from agents.sound.wave import read_sound
from simulator.talking.conversation import Conversation
from simulator.talking.in_process import open_checkpoint
from simulator.talking.partner import Over, Said, Voiced, Words
from simulator.talking.transcript import About, Transcript
from simulator.talking.views import PlainView
from tests.sounds import speech, tone, wav_file
from tests.talking.conftest import stored, turns_in

pytest.importorskip("torch")
SHORT = {"max_new_tokens": 12, "max_spoken_s": 2.0, "device": "cpu"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from model.random_checkpoint import write_random

    return write_random(tmp_path_factory.mktemp("tiny") / "doctor")


def options() -> list[str]:
    return [word for key, value in SHORT.items() for word in ("-o", f"{key}={value}")]


def test_recordings_are_answered_in_sound_and_a_later_sitting_goes_on(
    tiny: Path, clinic_talk: Callable[..., Any], tmp_path: Path
) -> None:
    first = wav_file(tmp_path, speech("My chest has hurt since yesterday.", rate_hz=44_100), "first.wav")
    code, lines = clinic_talk(tiny, "--file", first, "--file", first, *options())
    assert code == 0, lines
    assert [who for who, _ in turns_in(lines)] == ["patient", "doctor"] * 2
    kept = stored(tmp_path / "talk")
    assert kept[0]["audio"] == kept[2]["audio"], "equal sounds lie there once"
    for line in (kept[1], kept[3]):
        sound = read_sound(tmp_path / "talk" / line["audio"]["path"])
        assert 0.3 < sound.seconds <= 2.5 and line["text"]
        assert line["first_words_s"] <= line["total_s"] and line["first_sound_s"] <= line["total_s"]
    assert kept[1]["usage"].get("cached", 0) == 0
    assert kept[3]["usage"]["cached"] >= kept[1]["usage"]["prompt"], "only what is new was computed"
    named = ("--doctor", "speechlm", "-o", f"checkpoint={tiny}")
    code, lines = clinic_talk("--resume", tmp_path / "talk", *named, *options(), lines="It is worse at night.\n")
    assert code == 0 and f"* doctor: {tiny.name}" in lines
    assert stored(tmp_path / "talk")[5]["usage"]["prompt"] > kept[3]["usage"]["prompt"]


async def test_breaking_off_keeps_what_was_said_and_frees_the_model(tiny: Path, tmp_path: Path) -> None:
    partner = open_checkpoint(str(tiny), {**SHORT, "max_new_tokens": 200, "max_spoken_s": 60.0})
    counters = partner._opened.worker.engine.counters
    talk = Transcript.begin(tmp_path / "t", About(kind="checkpoint", where=str(tiny)))
    view = _Breaking()
    conversation = Conversation(partner, talk, view)
    view.task = asyncio.ensure_future(conversation.speak(tone(1.0)))
    with pytest.raises(asyncio.CancelledError):
        await view.task
    line = talk.turns[1]
    assert line.finish == "cancelled" and line.text and line.total_s is not None
    for _ in range(200):
        counters = partner._opened.worker.engine.counters
        if not counters.running:
            break
        await asyncio.sleep(0.02)
    assert counters.running == 0 and counters.waiting == 0
    conversation.view = PlainView()
    partner._opened.options = partner._opened.options.model_copy(update=SHORT)
    await conversation.again()
    assert conversation.well and talk.turns[1].finish != "cancelled" and talk.turns[1].attempt == 1
    await partner.aclose()


async def test_equal_seeds_say_the_same_and_without_a_voice_there_are_words(tiny: Path) -> None:
    partner = open_checkpoint(str(tiny), {**SHORT, "temperature": 1.0})
    told = [Said("patient", sound=tone(0.5)), Said("patient", "And a cough."), Said("doctor", "Since when?"),
            Said("patient", "昨天。")]
    answers = []
    for seed in (1, 1, 2):
        async with aclosing(partner.answer(told, seed)) as events:
            found = [event async for event in events]
        assert isinstance(found[-1], Over) and any(isinstance(event, Voiced) for event in found)
        answers.append("".join(event.text for event in found if isinstance(event, Words)))
    assert answers[0] == answers[1] != answers[2]
    partner.speaks = False
    async with aclosing(partner.answer(told, 1)) as events:
        assert not [event async for event in events if isinstance(event, Voiced)]
    await partner.aclose()


def test_a_broken_checkpoint_is_said_to_be_one(tiny: Path, tmp_path: Path, clinic_talk: Callable[..., Any]) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        (broken / name).write_bytes((tiny / name).read_bytes())
    (broken / "model.safetensors").write_bytes((tiny / "model.safetensors").read_bytes()[:100_000])
    for where in (broken, tmp_path / "nowhere", tiny / "config.json"):
        code, lines = clinic_talk(where, lines="Hello.\n")
        assert code == 2 and str(where) in lines[-1] + lines[-2], lines
    code, lines = clinic_talk(tiny, "-o", "temperature=hot", lines="Hello.\n")
    assert code == 2 and "temperature" in lines[-1]
    code, lines = clinic_talk("--doctor", "llama-omni2-0.5b", lines="Hello.\n")
    assert code == 2 and "ICTNLP/LLaMA-Omni2-0.5B" in lines[-1], "an entry that is not here names what to fetch"
    assert not (tmp_path / "talk").exists() and json.loads((tiny / "config.json").read_text())


class _Breaking(PlainView):
    """Breaks the answer off at its third piece of words."""

    task: asyncio.Future[None] | None = None
    _pieces = 0

    def words(self, more: str) -> None:
        super().words(more)
        self._pieces += 1
        if self._pieces == 3 and self.task is not None:
            self.task.cancel()
