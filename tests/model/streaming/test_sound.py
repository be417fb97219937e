"""Units become sound as they come; what goes wrong with one answer's sound ends that answer only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from model.streaming.types import Ended, SoundPiece, TextPiece, UnitPiece
from model.vocoder.base import Samples
from model.vocoder.codec_vocoder import CodecStream, CodecVocoder
from tests.model import recorded
from tests.model.streaming.running import GREEDY, TEXT, ask, engine, run, vocoder

SPOKEN = replace(GREEDY, max_units=60)


@pytest.fixture(scope="module")
def voice() -> CodecVocoder:
    return vocoder()


def whole(voice: CodecVocoder, units: Sequence[int]) -> Samples:
    return voice.push([voice.open()], [list(units)], [True])[0]


def test_sound_comes_before_the_text_is_complete_and_is_that_of_the_units(voice: CodecVocoder) -> None:
    running = engine(voice)
    heard = [ask(running, recorded.dialogue("d1"), SPOKEN), ask(running, recorded.dialogue("d6"), SPOKEN)]
    written = ask(running, recorded.dialogue("t1"), TEXT)
    run(running)
    for one in heard:
        kinds = [type(event) for event in one.events]
        last_text = len(kinds) - 1 - kinds[::-1].index(TextPiece)
        assert kinds.index(TextPiece) < kinds.index(UnitPiece) < kinds.index(SoundPiece) < last_text
        assert kinds.count(SoundPiece) >= 4
        assert one.ended.first_text_s < one.ended.first_sound_s < one.ended.total_s
        assert np.allclose(one.sound, whole(voice, one.ended.units), atol=1e-5) and np.abs(one.sound).max() > 0
        assert {event.rate_hz for event in one.events if isinstance(event, SoundPiece)} == {voice.rate_hz}
    assert not any(isinstance(event, SoundPiece | UnitPiece) for event in written.events)
    counters = running.counters
    assert counters.vocoder_streams == 0
    assert counters.vocoder_frames_computed >= counters.vocoder_frames_emitted > 0


def test_the_first_sound_needs_three_text_ids(voice: CodecVocoder) -> None:
    running = engine(voice)
    heard = ask(running, recorded.dialogue("t1"), SPOKEN)
    while not any(isinstance(event, SoundPiece) for event in heard.events):
        running.step()
    assert running.counters.text_ids == 3 and running.counters.unit_ids == 10
    running.close()


def test_giving_up_while_it_sounds_closes_the_stream(voice: CodecVocoder) -> None:
    running = engine(voice)
    heard, other = ask(running, recorded.dialogue("d1")), ask(running, recorded.dialogue("d6"), SPOKEN)
    while not any(isinstance(event, SoundPiece) for event in heard.events):
        running.step()
    stream = heard.answer.speech.stream
    heard.answer.cancel()
    running.step()
    assert heard.ended.finish == "cancelled" and stream.closed and heard.answer.speech.stream is None
    run(running)
    assert np.allclose(other.sound, whole(voice, other.ended.units), atol=1e-5)
    assert running.counters.vocoder_streams == running.counters.unit_rows == 0


class Narrow(CodecVocoder):
    """Claims to have few units, so that random ids are outside."""

    def __init__(self, like: CodecVocoder, codebook: int) -> None:
        super().__init__(like._codec)
        self.codebook = codebook


def test_units_that_the_vocoder_lacks_end_the_answer_with_an_error(voice: CodecVocoder) -> None:
    running = engine(Narrow(voice, 2000))
    heard, written = ask(running, recorded.dialogue("d1")), ask(running, recorded.dialogue("t1"), TEXT)
    run(running)
    assert heard.ended.finish == "error" and "the vocoder has 2000" in heard.ended.error
    assert list(written.ended.text_ids) == recorded.tensors()["t1.text_ids"].tolist()
    assert running.counters.failed == 1 and running.counters.running == 0
    assert ask(running, recorded.dialogue("t1"), TEXT).answer is not None


class Torn(CodecVocoder):
    """Fails once."""

    failures = 1

    def push(
        self, streams: Sequence[CodecStream], units: Sequence[Sequence[int]], final: Sequence[bool]
    ) -> list[Samples]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the device is out of memory")
        return super().push(streams, units, final)


def test_a_failing_vocoder_ends_who_speaks_and_the_engine_goes_on(voice: CodecVocoder) -> None:
    running = engine(Torn(voice._codec))
    heard, written = ask(running, recorded.dialogue("d1"), SPOKEN), ask(running, recorded.dialogue("d6"), TEXT)
    run(running)
    assert heard.ended == replace(heard.ended, finish="error", error="the device is out of memory")
    assert written.ended.finish == "length"
    again = ask(running, recorded.dialogue("d1"), SPOKEN)
    run(running)
    assert isinstance(again.ended, Ended) and again.ended.finish == "stop" and len(again.sound)
    assert running.counters.vocoder_streams == running.counters.unit_rows == running.counters.text_rows == 0
