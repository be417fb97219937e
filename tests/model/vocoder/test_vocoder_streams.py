"""Streams of the vocoder: equal to the whole history, alone or in company, few computed frames, freed at the end."""

from __future__ import annotations

import gc
import random
import weakref

import numpy as np
import pytest
import torch

from model.errors import BadUnits, SpeechLMError
from model.vocoder.cosyvoice import CosyVoice2Vocoder, CosyVoiceStream
from model.vocoder.flow_stream import FlowStream, compute
from model.vocoder.hift_stream import HiftStreams
from model.vocoder.noise import StartNoise
from model.vocoder.schedule import AT_ONCE, Schedule
from tests.model.vocoder.networks import small, some_units


def say(
    vocoder: CosyVoice2Vocoder, units: list[int], piece: int = 10, seed: int = 0
) -> tuple[list[np.ndarray], CosyVoiceStream]:
    stream, sounds = vocoder.open(seed), []
    for at in range(0, len(units), piece):
        sounds += vocoder.push([stream], [units[at : at + piece]], [at + piece >= len(units)])
    return sounds, stream


def advance(vocoder: CosyVoice2Vocoder, streams: list[FlowStream], final: list[bool]) -> list[torch.Tensor]:
    """All frames that the streams' units give now, all streams in one batch."""
    made = [[torch.zeros(80, 0)] for _ in streams]
    while True:
        ends = [stream.count if last else stream.count - 3 for stream, last in zip(streams, final, strict=True)]
        pieces = [s.next_piece(end, last, 50, 3) for s, end, last in zip(streams, ends, final, strict=True)]
        todo = [at for at, piece in enumerate(pieces) if piece is not None]
        if not todo:
            return [torch.cat(parts, 1) for parts in made]
        new = compute(vocoder.flow, [streams[at] for at in todo], [pieces[at] for at in todo], vocoder.start_noise)
        for at, mel in zip(todo, new, strict=True):
            made[at].append(mel)


@pytest.mark.parametrize(("seed", "left_chunks"), [(1, None), (2, None), (3, 1), (4, 0)])
def test_a_stream_equals_the_whole_history(seed: int, left_chunks: int | None) -> None:
    """Pieces of any size give what running all units so far again gives, for frames that were not given out before."""
    vocoder, chance = small(seed, left_chunks=left_chunks), random.Random(seed)
    units, noise = some_units(190, seed), vocoder.start_noise.frames(0, 400)
    stream = FlowStream(vocoder.flow, vocoder.flow.speaker(vocoder.xvector[None])[0], left_chunks)
    at = given = 0
    while at < len(units):
        step = min(chance.choice([1, 2, 3, 9, 20, 51, 60]), len(units) - at)
        stream.units += units[at : at + step]
        at += step
        (mel,) = advance(vocoder, [stream], [at == len(units)])
        again = vocoder.flow.whole(
            units[:at], stream.speaker[None], noise, final=at == len(units), left_chunks=left_chunks
        )[:, given:]
        assert mel.shape == again.shape
        assert mel.numel() == 0 or float((mel - again).abs().max()) < 1e-4
        given += mel.shape[1]
    assert given == 2 * len(units)
    assert stream.steps[0].frames <= (300 if left_chunks is None else 100 * left_chunks)


def test_bounding_the_past_changes_the_mel() -> None:
    """So the test above can tell."""
    vocoder, units = small(5), some_units(170, 5)
    noise, speaker = vocoder.start_noise.frames(0, 340), vocoder.flow.speaker(vocoder.xvector[None])
    exact, bounded = (vocoder.flow.whole(units, speaker, noise, final=True, left_chunks=n) for n in (None, 1))
    assert torch.allclose(exact[:, :200], bounded[:, :200], atol=1e-5)
    assert float((exact[:, 200:] - bounded[:, 200:]).abs().max()) > 1e-3


def test_ragged_streams_in_one_batch_equal_single_ones() -> None:
    """Streams of different ages and piece sizes: each one's mel is what it is alone."""
    vocoder, chance = small(6), random.Random(6)
    speaker = vocoder.flow.speaker(vocoder.xvector[None])[0]
    lengths = [140, 61, 9, 103]
    units = [some_units(length, at) for at, length in enumerate(lengths)]
    plans = [[chance.randrange(1, 40) for _ in range(length)] for length in lengths]
    plans[0][:2], plans[1][:2], plans[3][:2] = [103, 34], [25, 30], [53, 40]  # pasts of 200, 0 and 100 frames

    def run(rows: list[int]) -> list[torch.Tensor]:
        streams, at = [FlowStream(vocoder.flow, speaker) for _ in rows], [0 for _ in rows]
        mels = [[] for _ in rows]
        for turn in range(max(lengths)):
            live = [n for n, row in enumerate(rows) if at[n] < lengths[row]]
            for n in live:
                step = plans[rows[n]][turn]
                streams[n].units += units[rows[n]][at[n] : at[n] + step]
                at[n] += step
            made = advance(vocoder, [streams[n] for n in live], [at[n] >= lengths[rows[n]] for n in live])
            for n, mel in zip(live, made, strict=True):
                mels[n].append(mel)
        return [torch.cat(parts, 1) for parts in mels]

    for row, mel in enumerate(run([0, 1, 2, 3])):
        (alone,) = run([row])
        assert mel.shape == alone.shape == (80, 2 * lengths[row])
        assert float((mel - alone).abs().max()) < 1e-4


def test_sounds_in_one_batch_equal_single_ones_and_a_cancelled_one_harms_none() -> None:
    vocoder = small(7)
    units = [some_units(length, length) for length in (97, 34, 70)]
    streams = [vocoder.open(seed) for seed in range(4)]
    heard: list[list[np.ndarray]] = [[], [], [], []]
    for at in range(0, 100, 10):
        if at == 40:
            streams[3].close()
        live = [n for n in range(4) if not streams[n].closed]
        given = [units[n % 3][at : at + 10] for n in live]
        final = [n < 3 and at + 10 >= len(units[n]) for n in live]
        for n, sound in zip(live, vocoder.push([streams[n] for n in live], given, final), strict=True):
            heard[n].append(sound)
    for n in range(3):
        alone = np.concatenate(say(vocoder, units[n], seed=n)[0])
        together = np.concatenate(heard[n])
        assert together.shape == alone.shape == (960 * len(units[n]),)
        assert np.abs(together - alone).max() < 1e-3 < np.abs(alone).max()


def test_frames_computed_for_each_frame_given_out() -> None:
    """At most 2 over 300 units; the published way, every piece with all its history, comes to 15.5."""
    vocoder, units = small(8), some_units(300, 8)
    sounds, stream = say(vocoder, units)
    work = stream.work
    assert (work.units, work.frames_emitted, work.samples) == (300, 600, 288_000) == (300, 600, sum(map(len, sounds)))
    assert work.frames_computed == 1026 and work.frames_computed / work.frames_emitted <= 2
    published = sum(2 * (at if at == 300 else at - 3) for at in range(10, 301, 10))
    assert 15.2 < published / 600 < 15.5
    vocoder.schedule = AT_ONCE
    assert say(vocoder, units[:90])[1].work.frames_computed == 552  # published: 852


def test_the_first_sound_comes_with_the_tenth_unit() -> None:
    vocoder, units = small(9), some_units(40, 9)
    sounds, _ = say(vocoder, units, piece=1)
    assert [at + 1 for at, sound in enumerate(sounds) if len(sound)] == [10, 20, 30, 40]
    assert len(sounds[9]) == (14 - 8) * 480 and np.abs(sounds[9]).max() > 1e-3


def test_how_units_are_cut_does_not_matter() -> None:
    vocoder, units = small(10), some_units(110, 10)
    tens, ones, all_at_once = (np.concatenate(say(vocoder, units, piece)[0]) for piece in (10, 1, 110))
    assert np.array_equal(tens, ones) and np.array_equal(tens, all_at_once)
    assert not np.array_equal(tens, np.concatenate(say(vocoder, units, 110, seed=1)[0]))
    vocoder.schedule = Schedule(every=False)
    assert say(vocoder, units, 110)[1].work.frames_computed == 220


@pytest.mark.parametrize("schedule", [Schedule(), AT_ONCE])
@pytest.mark.parametrize("count", [1, 3, 7, 12, 53])
def test_short_answers_sound_whole(schedule: Schedule, count: int) -> None:
    vocoder = small(11, schedule)
    for piece in (count, 7, 1 if count < 10 else 10):
        sound = np.concatenate(say(vocoder, some_units(count, count), piece)[0])
        assert sound.shape == (960 * count,) and sound.dtype == np.float32
        assert np.isfinite(sound).all() and np.abs(sound).max() <= 1
        assert all(np.abs(part).max() > 1e-4 for part in np.split(sound, count))


def test_an_answer_without_units_and_a_late_end() -> None:
    vocoder = small(12)
    (nothing,) = vocoder.push([vocoder.open()], [[]], [True])
    assert nothing.shape == (0,)
    stream, units = vocoder.open(), some_units(23, 12)
    (early,) = vocoder.push([stream], [units], [False])
    (rest,) = vocoder.push([stream], [[]], [True])
    assert len(early) + len(rest) == 23 * 960 and len(rest) == 6 * 960 + 8 * 480


@pytest.mark.parametrize("unit", [-1, 64, 2**70, 1.5, "7", None])
def test_bad_units_change_nothing(unit: object) -> None:
    vocoder, units = small(13), some_units(30, 13)
    good, bad = vocoder.open(), vocoder.open()
    with pytest.raises(BadUnits, match="unit"):
        vocoder.push([good, bad], [units, [1, unit]], [False, False])  # type: ignore[list-item]
    assert good.work.units == bad.work.units == 0 and not bad.closed
    sound = np.concatenate([*vocoder.push([good], [units[:20]], [False]), *vocoder.push([good], [units[20:]], [True])])
    assert len(sound) == 960 * 30


def test_streams_that_cannot_be_pushed() -> None:
    vocoder, other = small(14), small(14)
    stream = vocoder.open()
    with pytest.raises(SpeechLMError, match="twice"):
        vocoder.push([stream, stream], [[1], [2]], [False, False])
    with pytest.raises(SpeechLMError, match="another vocoder"):
        other.push([stream], [[1]], [False])
    with pytest.raises(SpeechLMError, match="do not go together"):
        vocoder.push([stream], [[1], [2]], [False])
    stream.close()
    stream.close()
    with pytest.raises(SpeechLMError, match="closed"):
        vocoder.push([stream], [[1]], [False])


def test_everything_is_freed() -> None:
    """After the final piece, after closing in the middle and after an error nothing of a stream is left."""
    vocoder, units = small(15), some_units(75, 15)

    def tensors() -> int:
        gc.collect()
        return sum(1 for thing in gc.get_objects() if type(thing) is torch.Tensor)

    def one(end: str) -> weakref.ref[FlowStream]:
        stream = vocoder.open()
        assert stream.flow is not None
        held = weakref.ref(stream.flow)
        vocoder.push([stream], [units[:60]], [False])
        if end == "final":
            vocoder.push([stream], [units[60:]], [True])
        elif end == "close":
            stream.close()
        else:
            with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
                patch.setattr(HiftStreams, "__call__", _out_of_memory)
                vocoder.push([stream], [units[60:]], [True])
        assert stream.closed
        return held

    one("final")
    before = tensors()
    for end in ("final", "close", "error", "close"):
        assert one(end)() is None
    assert tensors() == before


def _out_of_memory(*_: object) -> None:
    raise MemoryError


def test_lower_precision_of_the_flow() -> None:
    vocoder, units = small(16), some_units(70, 16)
    sound, _ = say(vocoder, units)
    halved, stream = say(vocoder.to(dtype=torch.bfloat16), units)
    assert [len(part) for part in halved] == [len(part) for part in sound]
    assert np.isfinite(np.concatenate(halved)).all() and stream.work.frames_emitted == 140


def test_fades() -> None:
    hift = small(17).hift
    as_published, even = HiftStreams(hift, 8), HiftStreams(hift, 8, even_fade=True)
    total = as_published.rising + as_published.falling
    assert 1.07 < float(total.max()) < 1.081
    assert torch.allclose(even.rising + even.falling, torch.ones(3840, dtype=torch.float64))


def test_the_start_noise_goes_on_for_ever() -> None:
    noise = StartNoise(80)
    theirs = torch.randn((1, 80, 15_000), generator=torch.Generator().manual_seed(0))[0]
    assert torch.equal(noise.frames(14_990, 10), theirs[:, -10:])
    assert torch.equal(noise.frames(14_990, 20)[:, :10], theirs[:, -10:])
    assert noise.frames(14_995, 40).std() > 0.9
    assert not torch.equal(noise.frames(15_000, 40), theirs[:, :40])
    given = StartNoise(80, seed=4, first=torch.ones(80, 5))
    assert torch.equal(given.frames(3, 2), torch.ones(80, 2)) and given.frames(0, 9)[:, 5:].std() > 0.5


@pytest.mark.parametrize(
    "wrong", [{"hop": 0}, {"growing": ()}, {"growing": (7, 7)}, {"growing": (9, 5)}, {"growing": (0, 5)}]
)
def test_schedules_that_are_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="schedule"):
        Schedule(**wrong)  # type: ignore[arg-type]
