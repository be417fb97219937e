"""The codec as a vocoder: pieces and batches give the sound of the whole, nothing is computed twice, nothing stays."""

from __future__ import annotations

import random
import weakref

import numpy as np
import pytest
import torch

from model.codec_parts.config import Head
from model.errors import BadUnits, SpeechLMError
from model.vocoder.base import Samples, Vocoder
from model.vocoder.codec_vocoder import CodecStream, CodecVocoder
from tests.model.codec.sizes import loud_codec, units

HEADS: tuple[Head, ...] = ("istft", "griffin_lim")


def streamed(vocoder: CodecVocoder, rows: list[list[int]], seed: int) -> tuple[list[Samples], list[CodecStream]]:
    """Push all rows side by side in random pieces; a row that is over leaves the others alone."""
    chance = random.Random(seed)
    streams = [vocoder.open(seed) for _ in rows]
    left = [list(row) for row in rows]
    heard: list[list[Samples]] = [[] for _ in rows]
    while live := [n for n, stream in enumerate(streams) if not stream.closed]:
        counts = [chance.choice((0, 1, 2, 3, 11)) for _ in live]
        pieces = [left[n][:count] for n, count in zip(live, counts, strict=True)]
        for n, count in zip(live, counts, strict=True):
            left[n] = left[n][count:]
        final = [not left[n] and chance.random() < 0.7 for n in live]
        for n, samples in zip(live, vocoder.push([streams[n] for n in live], pieces, final), strict=True):
            heard[n].append(samples)
    return [np.concatenate(pieces) for pieces in heard], streams


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("options", [
    {}, {"decoder_look_ahead_units": 0, "head_look_ahead_frames": 0, "griffin_lim_look_ahead_frames": 0},
    {"decoder_look_ahead_units": 3, "head_look_ahead_frames": 9, "griffin_lim_look_ahead_frames": 7},
    {"frames_per_unit": 2, "sample_rate": 16_000}, {"frames_per_unit": 8},
], ids=str)
def test_pieces_beside_others_give_the_sound_of_the_whole(head: Head, options: dict[str, int]) -> None:
    codec = loud_codec(griffin_lim_iterations=4, **options)
    vocoder = CodecVocoder(codec, head)
    contract: Vocoder = vocoder
    assert contract.units_per_s == 25 and contract.codebook == 6_561 and contract.rate_hz == codec.config.sample_rate
    rows = [units(codec, count, seed=count)[0].tolist() for count in (23, 1, 8, 0, 2)]
    heard, streams = streamed(vocoder, rows, seed=5)
    for row, samples, stream in zip(rows, heard, streams, strict=True):
        whole = codec.sound(torch.tensor([row], dtype=torch.long), head=head)[0].numpy()
        assert samples.dtype == np.float32 and samples.shape == (codec.config.unit_samples * len(row),)
        assert np.abs(samples).max(initial=0) <= 1 and (not row or np.abs(samples).max() > 0.01)
        assert np.abs(samples - whole).max(initial=0) <= 1e-5
        frames = codec.config.frames_per_unit * len(row)
        assert stream.work.units == len(row) and stream.work.samples == len(samples)
        assert stream.work.frames_computed == stream.work.frames_emitted == frames


@pytest.mark.parametrize("head", HEADS)
def test_a_long_stream_does_not_drift_from_the_whole(head: Head) -> None:
    codec = loud_codec(griffin_lim_iterations=4)
    row = units(codec, 100)[0].tolist()
    (heard,), _ = streamed(CodecVocoder(codec, head), [row], seed=1)
    assert np.abs(heard - codec.sound(torch.tensor([row]), head=head)[0].numpy()).max() <= 1e-5


@pytest.mark.parametrize(("head", "first"), [("istft", [0, 120, 960]), ("griffin_lim", [0, 0, 600])])
def test_sound_comes_after_few_units(head: Head, first: list[int]) -> None:
    vocoder = CodecVocoder(loud_codec(), head)
    stream = vocoder.open()
    assert [len(vocoder.push([stream], [[unit]], [False])[0]) for unit in (5, 6, 7)] == first


@pytest.mark.parametrize("bad", [[6_561], [-1], [1, 2, 10**30], [1.5], ["7"], [None]])
def test_bad_units_are_refused_before_any_stream_takes_some(bad: list[int]) -> None:
    codec = loud_codec()
    vocoder = CodecVocoder(codec)
    streams = [vocoder.open(), vocoder.open()]
    with pytest.raises(BadUnits, match="unit"):
        vocoder.push(streams, [[1, 2, 3], bad], [True, False])
    good = vocoder.push(streams, [[1, 2, 3], np.array([4, 5])], [True, True])
    assert np.allclose(good[0], codec.sound(torch.tensor([[1, 2, 3]]))[0].numpy(), atol=1e-5)
    assert np.allclose(good[1], codec.sound(torch.tensor([[4, 5]]))[0].numpy(), atol=1e-5)


def test_streams_that_cannot_be_pushed_are_refused() -> None:
    vocoder, other = CodecVocoder(loud_codec()), CodecVocoder(loud_codec())
    ended, closed, live = vocoder.open(), vocoder.open(), vocoder.open()
    vocoder.push([ended], [[1]], [True])
    closed.close()
    closed.close()
    for streams, told in [
        ([live, ended], "closed"), ([closed], "closed"), ([live, live], "twice"), ([other.open()], "another"),
    ]:
        with pytest.raises(SpeechLMError, match=told):
            vocoder.push(streams, [[1]] * len(streams), [False] * len(streams))
    with pytest.raises(SpeechLMError, match="2 pieces"):
        vocoder.push([live], [[1], [2]], [False])
    assert live.work.units == 0 and vocoder.push([], [], []) == []


def tensors(stream: CodecStream) -> list[torch.Tensor]:
    return [tensor for line in stream.lines for tensor in (line.waiting, *line.state)]


@pytest.mark.parametrize(("head", "count"), [("istft", 1_000), ("griffin_lim", 100)])
def test_streams_that_end_or_are_cut_off_leave_nothing(head: Head, count: int) -> None:
    vocoder = CodecVocoder(loud_codec(griffin_lim_iterations=1), head)
    streams, seen = [], []
    for n in range(0, count, 100):
        new = [vocoder.open() for _ in range(100)]
        vocoder.push(new, [[n, 7, 8]] * 100, [False] * 100)
        seen += [weakref.ref(tensor) for stream in new for tensor in tensors(stream)]
        vocoder.push(new[::2], [[9]] * 50, [True] * 50)
        for stream in new:
            stream.close()
        streams += new
    assert len(streams) == count < len(seen)
    assert all(not tensors(stream) for stream in streams) and not any(ref() is not None for ref in seen)


def test_a_stream_holds_its_caches_only_whatever_came_through_it() -> None:
    vocoder = CodecVocoder(loud_codec())
    stream, beside = vocoder.open(), vocoder.open()
    sizes = set()
    for _ in range(5):
        vocoder.push([stream, beside], [[1, 2, 3]] * 2, [False] * 2)
        sizes.add(sum(tensor.untyped_storage().nbytes() for tensor in tensors(stream)))
        assert all(t.untyped_storage().nbytes() == t.numel() * t.element_size() for t in tensors(stream))
    assert len(sizes) == 1
