"""One utterance from a microphone: real speech, the real activity model, a person who types meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from agents.sound.vad import VoiceActivity
from agents.sound.wave import Samples, Sound, joined, silence
from scenarios.errors import SoundError
from simulator.talking.conversation import Conversation
from simulator.talking.desk import Desk
from simulator.talking.listening import EndOfSpeech, one_utterance
from simulator.talking.server import open_server
from simulator.talking.transcript import About, Transcript
from simulator.talking.views import PlainView
from tests.fault_server import FaultServer
from tests.sounds import noise, speech, tone

BLOCK = 800


@pytest.fixture(scope="module")
def activity() -> VoiceActivity:
    return VoiceActivity()


def blocks(sound: Sound) -> Iterator[Samples]:
    for start in range(0, len(sound.samples), BLOCK):
        yield sound.samples[start : start + BLOCK]


async def microphone(sound: Sound, *, then: asyncio.Event | None = None) -> AsyncGenerator[Samples, None]:
    for block in blocks(sound):
        yield block
    if then is not None:
        then.set()
        await asyncio.sleep(3600)


def test_a_pause_ends_it_and_taking_breath_does_not(activity: VoiceActivity) -> None:
    said = speech("My chest hurts. It began yesterday.")
    whole = joined([silence(1.0, 16_000), said, silence(0.4, 16_000), said, silence(2.0, 16_000)])
    whole = Sound(whole.samples + noise(whole.seconds, 0.001).samples, 16_000)
    end = EndOfSpeech(activity)
    ended = next(at for at, block in enumerate(blocks(whole)) if end.feed(block)) * BLOCK / 16_000
    spoken_until = 1.4 + 2 * said.seconds
    assert end.began_s == pytest.approx(1.0, abs=0.35) and end.ended_s == pytest.approx(spoken_until, abs=0.5)
    assert spoken_until + 0.3 < ended < spoken_until + 1.6


async def test_speech_is_cut_out_of_the_silence_around_it(activity: VoiceActivity) -> None:
    said = speech("Since this morning.")
    whole = joined([silence(2.0, 16_000), said, silence(3.0, 16_000)])
    sound = await one_utterance(microphone(whole), ended=asyncio.Event(), longest_s=30, end=EndOfSpeech(activity))
    assert said.seconds - 0.4 < sound.seconds < said.seconds + 1.0
    loud = np.abs(sound.samples) > 0.02
    assert loud.any() and loud.sum() == pytest.approx((np.abs(said.samples) > 0.02).sum(), rel=0.05)


async def test_a_key_ends_it_and_the_longest_turn_too() -> None:
    ended = asyncio.Event()
    sound = await one_utterance(microphone(tone(0.5), then=ended), ended=ended, longest_s=30)
    assert sound.seconds == pytest.approx(0.5)
    sound = await one_utterance(microphone(tone(4.0)), ended=asyncio.Event(), longest_s=2.0)
    assert 1.8 < sound.seconds <= 2.0


async def test_nobody_says_anything(activity: VoiceActivity) -> None:
    for sound, end in ((silence(1.0, 16_000), None), (noise(1.0, 0.02), EndOfSpeech(activity))):
        with pytest.raises(SoundError, match="nobody was heard"):
            await one_utterance(microphone(sound), ended=asyncio.Event(), longest_s=30, end=end)


class Hands:
    """A person at the keys: ``typed`` comes after ``after_s``."""

    def __init__(self, typed: str | None, after_s: float = 0.0) -> None:
        self.typed, self.after_s = typed, after_s

    async def line(self, mark: str = "") -> str | None:
        await asyncio.sleep(self.after_s)
        return self.typed


class Room:
    """Where one thing is said over and over, as a sound card hears it."""

    def __init__(self, sound: Sound) -> None:
        self.sound = sound

    async def heard(self) -> AsyncGenerator[Samples, None]:
        async for block in microphone(self.sound, then=asyncio.Event()):
            yield block


@pytest.mark.parametrize(("hands", "ends", "said"), [
    (Hands("", 3600), "vad", True), (Hands("", 0.2), "key", True), (Hands(None), "key", False),
])
async def test_enter_opens_the_microphone(
    server: FaultServer, tmp_path: Path, hands: Hands, ends: Literal["vad", "key"], said: bool
) -> None:
    sound = joined([silence(0.5, 16_000), speech("It began yesterday."), silence(2.0, 16_000)])
    partner = await open_server(server.url, "", {}, speak=False)
    transcript = Transcript.begin(tmp_path / "t", About(kind="url", where=server.url))
    talk = Conversation(partner, transcript, PlainView())
    desk = Desk(talk, hands, Room(sound), ends)  # type: ignore[arg-type]
    await desk.do("")
    found = desk.heard()
    assert (found is not None) == said and desk.heard() is None and desk.leaving == (not said)
    if found is not None:
        await talk.speak(found)
        assert [line.way for line in transcript.turns] == ["microphone", ""] and talk.well
        assert "input_audio" in str(server.requests[0]["messages"])
    await partner.aclose()
