"""A recording becomes the x-vector of who speaks in it, through a network file that anybody may swap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.errors import BadSound, CheckpointError
from model.vocoder.speaker import filter_banks, recording, xvector_of_sound
from tests.onnx_bytes import field, model, tensor_info

WEIGHTS = np.random.default_rng(5).normal(size=(80, 192)).astype(np.float32)


def network(path: Path) -> Path:
    """An ONNX file of CAM++'s interface: [1, T, 80] -> [1, T, 192] by a matrix -> the largest over time."""
    shape = b"".join(field(1, size) for size in WEIGHTS.shape)
    weights = shape + field(2, 1) + field(8, "w") + field(9, WEIGHTS.tobytes())
    matmul = field(1, "input") + field(1, "w") + field(2, "y") + field(4, "MatMul")
    axes = field(1, "axes") + field(8, 1) + field(20, 7)
    flat = field(1, "keepdims") + field(3, 0) + field(20, 2)
    largest = field(1, "y") + field(2, "embedding") + field(4, "ReduceMax") + field(5, axes) + field(5, flat)
    graph = field(1, matmul) + field(1, largest) + field(2, "g") + field(5, weights)
    graph += field(11, tensor_info("input", 1, "T", 80)) + field(12, tensor_info("embedding", 1, 192))
    path.write_bytes(model(graph))
    return path


def voice(seconds: float, hz: float = 140.0) -> np.ndarray:
    t = np.arange(int(seconds * 16_000)) / 16_000
    return (0.2 * np.sign(np.sin(2 * np.pi * hz * t)) * (1 + np.sin(3 * t))).astype(np.float32)


def test_the_network_gets_kaldis_banks_less_their_mean(tmp_path: Path) -> None:
    samples = voice(2)
    banks = filter_banks(samples)
    assert banks.shape == (198, 80), "25 ms windows every 10 ms, none beyond the end"
    wanted = ((banks - banks.mean(axis=0)) @ WEIGHTS).max(axis=0)
    made = xvector_of_sound(network(tmp_path / "campplus.onnx"), samples).numpy()
    assert made.shape == (192,) and np.allclose(made, wanted, atol=1e-3)
    assert not np.allclose(made, xvector_of_sound(tmp_path / "campplus.onnx", voice(2, 230.0)).numpy(), atol=0.1)


def test_any_sound_file_is_read_as_one_channel_of_16_khz(tmp_path: Path) -> None:
    stereo = np.stack([voice(1), voice(1)], axis=1).repeat(3, axis=0)
    soundfile.write(tmp_path / "v.wav", stereo, 48_000)
    heard = recording(tmp_path / "v.wav")
    assert heard.dtype == np.float32 and abs(len(heard) - 16_000) <= 1


@pytest.mark.parametrize(
    "samples", [voice(0.2), voice(31), np.full(32_000, np.nan, np.float32)], ids=["short", "long", "nan"]
)
def test_recordings_that_tell_nothing_are_refused(tmp_path: Path, samples: np.ndarray) -> None:
    with pytest.raises(BadSound, match="0.5 to 30 s"):
        xvector_of_sound(network(tmp_path / "campplus.onnx"), samples)


def test_what_is_no_network_or_no_sound_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"campplus\.onnx.*is not there"):
        xvector_of_sound(tmp_path / "campplus.onnx", voice(1))
    (tmp_path / "campplus.onnx").write_bytes(b"not a network")
    with pytest.raises(CheckpointError, match="cannot be run"):
        xvector_of_sound(tmp_path / "campplus.onnx", voice(1))
    (tmp_path / "v.wav").write_bytes(b"RIFFnothing")
    with pytest.raises(BadSound, match="no sound that can be read"):
        recording(tmp_path / "v.wav")
