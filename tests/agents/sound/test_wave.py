"""Whatever is called a sound file becomes the right samples or a clear error, never a crash and never half a sound."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.sound.wave import Sound, joined, read_sound, resampled, silence, wav_bytes
from scenarios.errors import SoundError
from tests.sounds import noise, tone

WAVE = tone(0.5, 440, 0.5).samples
PLAIN = wav_bytes(Sound(WAVE, 16_000))


def wav(data: bytes, *, rate: int = 16_000, channels: int = 1, bits: int = 16, code: int = 1, size: int = -1) -> bytes:
    """Return a WAV file whose header says what it is told to say; ``size``: of the data, the true one by default."""
    frame = max(channels * bits // 8, 1)
    form = struct.pack("<HHIIHH", code, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data) if size < 0 else size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def written(samples: NDArray[Any], rate_hz: int, kind: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=kind, subtype=subtype)
    return file.getvalue()


def refused(source: Path | bytes, **more: Any) -> SoundError:
    with pytest.raises(SoundError) as caught:
        read_sound(source, **more)
    assert "object at" not in str(caught.value), "the message shows Python's insides"
    return caught.value


@pytest.mark.parametrize(
    ("kind", "subtype", "error"),
    [
        ("WAV", "PCM_U8", 1 / 128), ("WAV", "PCM_16", 1 / 32_768), ("WAV", "PCM_24", 1e-6), ("WAV", "PCM_32", 1e-7),
        ("WAV", "FLOAT", 0), ("WAV", "DOUBLE", 0), ("WAV", "ULAW", 0.02), ("FLAC", "PCM_16", 1 / 32_768),
        ("FLAC", "PCM_24", 1e-6), ("AIFF", "PCM_16", 1 / 32_768), ("OGG", "VORBIS", 0.02),
        ("OGG", "OPUS", 0.05), ("MP3", None, 0.05), ("RF64", "PCM_16", 1 / 32_768), ("CAF", "PCM_16", 1 / 32_768),
    ],
)
def test_every_common_format_gives_the_same_samples(kind: str, subtype: str | None, error: float) -> None:
    read = read_sound(written(WAVE, 16_000, kind, subtype))
    assert read.rate_hz == 16_000 and read.samples.dtype == np.float32 and read.samples.flags.c_contiguous
    assert len(read.samples) == len(WAVE) and read.seconds == 0.5
    assert np.abs(read.samples - WAVE)[500:-500].max() <= error


def test_stereo_of_44_1_khz_is_averaged_and_can_be_resampled(tmp_path: Path) -> None:
    left, right = tone(1.0, 440, 0.5, 44_100).samples, tone(1.0, 440, 0.1, 44_100).samples
    path = tmp_path / "stereo.wav"
    path.write_bytes(written(np.stack([left, right], axis=1), 44_100, "WAV", "PCM_16"))
    read = read_sound(path)
    assert (read.rate_hz, len(read.samples), read.seconds) == (44_100, 44_100, 1.0)
    assert np.abs(read.samples - (left + right) / 2).max() < 1e-4
    down = resampled(read, 16_000)
    assert (down.rate_hz, len(down.samples)) == (16_000, 16_000)
    assert np.abs(down.samples - tone(1.0, 440, 0.3, 16_000).samples)[200:-200].max() < 1e-3


@pytest.mark.parametrize("channels", [2, 6, 255])
def test_many_channels_are_averaged(channels: int) -> None:
    samples = np.stack([WAVE * (n + 1) / channels for n in range(channels)], axis=1)
    read = read_sound(written(samples, 16_000, "WAV", "FLOAT"))
    assert np.abs(read.samples - WAVE * (channels + 1) / 2 / channels).max() < 1e-6


def test_a_missing_file_a_folder_and_a_pipe_are_told_apart(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.wav").kind == "missing"
    assert "folder" in str(refused(tmp_path)) and refused(tmp_path).kind == "not_audio"
    os.mkfifo(tmp_path / "pipe.wav")
    assert "pipe" in str(refused(tmp_path / "pipe.wav"))
    assert refused(Path("/dev/zero")).kind == "not_audio"
    assert refused(tmp_path / ("n" * 5000)).kind == "missing"
    assert refused(tmp_path / "zero\0byte").kind == "missing"
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert refused(tmp_path / "gone.wav").kind == "missing"


PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.mark.parametrize("content", [b"hello, I have a cough", PNG, b"\0" * 4096, os.urandom(5000), b"R", b"{}"])
def test_what_is_no_sound_is_not_audio(tmp_path: Path, content: bytes) -> None:
    for name in ("it.wav", "it.txt", "it.raw"):
        (tmp_path / name).write_bytes(content)
        error = refused(tmp_path / name)
        assert error.kind == "not_audio" and str(tmp_path / name) in str(error) and "can be read" in str(error)
    assert refused(content, name="the upload").kind == "not_audio"


def test_no_bytes_and_no_seconds_are_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    assert refused(tmp_path / "empty.wav").kind == "empty" and refused(b"").kind == "empty"
    for kind in ("WAV", "FLAC", "AIFF"):
        assert refused(written(np.zeros(0, np.float32), 16_000, kind)).kind in {"empty", "corrupt"}
    assert refused(wav(b"")).kind == "empty" and "0 s" in str(refused(wav(b"")))


def test_a_wav_cut_short_anywhere_is_corrupt() -> None:
    for end in [*range(4, 60), 1000, 10_000, len(PLAIN) - 2, len(PLAIN) - 1]:
        error = refused(PLAIN[:end])
        assert error.kind in ({"corrupt"} if end >= 12 else {"corrupt", "not_audio"}), (end, error)
        if end > 44:
            assert f"has {end - 44}" in str(error) and "16000 bytes" in str(error)


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3", "CAF"])
def test_other_files_cut_short_are_never_read_as_whole(kind: str) -> None:
    content = written(noise(3.0).samples, 16_000, kind)
    for share in (0.001, 0.01, 0.3, 0.7):
        error = refused(content[: round(len(content) * share)])
        assert error.kind in {"corrupt", "empty", "not_audio"}


def test_an_ogg_file_without_its_last_page_is_corrupt() -> None:
    content = written(noise(3.0).samples, 16_000, "OGG", "OPUS")
    assert "last page" in str(refused(content[: content.rfind(b"OggS")]))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (wav(PLAIN[44:], size=0), "corrupt"), (wav(PLAIN[44:], size=100_000), "corrupt"),
        (wav(PLAIN[44:], size=100), "corrupt"), (wav(PLAIN[44:], rate=0), "corrupt"),
        (wav(PLAIN[44:], rate=4_000_000_000), "corrupt"), (wav(PLAIN[44:], rate=400_000), "corrupt"),
        (wav(PLAIN[44:], rate=100), "corrupt"), (wav(PLAIN[44:], channels=0), "corrupt"),
        (wav(PLAIN[44:], channels=65_535), "corrupt"), (wav(PLAIN[44:], bits=0), "corrupt"),
        (wav(PLAIN[44:], code=99), "corrupt"), (b"RIFF\xff\xff\xff\xffWAVE", "corrupt"),
        (b"RIFF\xff\xff\xff\xffWAVE" + b"JUNK\0\0\0\0" * 5000, "corrupt"), (b"fLaC" + bytes(200), "corrupt"),
    ],
)
def test_a_header_that_lies_is_found_out(content: bytes, kind: str) -> None:
    assert refused(content).kind == kind


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F024])
def test_a_header_written_before_the_length_was_known_is_read_to_the_end(size: int) -> None:
    read = read_sound(wav(PLAIN[44:], size=size))
    assert len(read.samples) == len(WAVE) and np.abs(read.samples - WAVE).max() < 1e-4


def test_a_flac_stream_that_does_not_know_its_length_is_refused() -> None:
    content = bytearray(written(WAVE, 16_000, "FLAC"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    assert "convert it" in str(refused(bytes(content)))


def test_chunks_before_and_after_the_sound_do_no_harm() -> None:
    tags = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"
    content = PLAIN[:36] + tags + PLAIN[36:] + tags + bytes(7)
    assert np.abs(read_sound(content).samples - WAVE).max() < 1e-4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(bad: float) -> None:
    samples = WAVE.copy()
    samples[77] = bad
    assert refused(written(samples, 16_000, "WAV", "FLOAT")).kind == "corrupt"


@pytest.mark.parametrize("rate", [100, 8_000, 48_000])
def test_two_hours_are_refused_before_they_are_read(tmp_path: Path, rate: int) -> None:
    size = 7200 * rate * 2
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(wav(b"", rate=rate, size=size))
        file.truncate(44 + size)
    tracemalloc.start()
    began = time.perf_counter()
    error = refused(path)
    took_s, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.kind == "too_long" and "7200 s" in str(error) and "600 s" in str(error)
    assert took_s < 0.5 and peak < 200_000


def test_ten_minutes_are_read_and_a_caller_may_want_less() -> None:
    content = wav_bytes(silence(600.0, 1000))
    assert read_sound(content).seconds == 600.0
    assert refused(wav_bytes(silence(600.001, 1000))).kind == "too_long"
    assert refused(content, max_seconds=30, name="the reply").kind == "too_long"


def test_a_wide_file_is_averaged_as_it_is_read() -> None:
    content = wav(bytes(2 * 255 * 60_000), channels=255)
    tracemalloc.start()
    read_sound(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 255 * 60_000 / 3


@pytest.mark.filterwarnings("error")
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_is_a_crash(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(DAMAGED)))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, min(len(content) - 1, 200)))] = data.draw(st.integers(0, 255))
    try:
        read = read_sound(bytes(content[: data.draw(st.integers(1, len(content)))]))
    except SoundError:
        return
    assert len(read.samples) and np.isfinite(read.samples).all() and 1000 <= read.rate_hz <= 192_000


DAMAGED = [
    wav(PLAIN[44:644]), written(WAVE[:400], 16_000, "FLAC"), written(WAVE, 16_000, "OGG"),
    written(WAVE, 16_000, "AIFF"), written(WAVE[:300], 16_000, "WAV", "FLOAT"),
]


def test_equal_samples_give_equal_bytes_and_come_back_as_they_were() -> None:
    sound = noise(1.0, 0.3)
    once = wav_bytes(sound)
    assert once == wav_bytes(Sound(sound.samples.copy(), 16_000)) and len(once) == 44 + 2 * 16_000
    again = read_sound(once)
    assert wav_bytes(again) == once
    assert np.abs(again.samples - np.clip(sound.samples, -1, 1)).max() <= 1 / 32_768
    assert wav_bytes(Sound(sound.samples[::2], 16_000)) == wav_bytes(Sound(sound.samples[::2].copy(), 16_000))


def test_every_16_bit_value_comes_back() -> None:
    values = np.arange(-32_768, 32_768, dtype=np.int16)
    assert wav_bytes(read_sound(wav(values.tobytes())))[44:] == values.tobytes()


@pytest.mark.filterwarnings("error")
def test_what_exceeds_full_scale_is_clipped_and_nan_is_nothing() -> None:
    samples = np.asarray([0, 2, -2, np.inf, -np.inf, np.nan, 1e38, -1e38, 1, -1], np.float32)
    assert np.frombuffer(wav_bytes(Sound(samples, 8_000))[44:], "<i2").tolist() == [
        0, 32_767, -32_768, 32_767, -32_768, 0, 32_767, -32_768, 32_767, -32_768,
    ]


def test_sounds_are_joined_with_pauses() -> None:
    one, two = tone(0.1), noise(0.2)
    whole = joined([one, two, one], pause_s=0.05)
    assert whole.seconds == pytest.approx(0.5) and not whole.samples[1600:2400].any()
    assert (whole.samples[2400:5600] == two.samples).all() and (whole.samples[-1600:] == one.samples).all()
    for wrong in ([], [one, Sound(one.samples, 8_000)]):
        with pytest.raises(ValueError, match="one sample rate"):
            joined(wrong)


@pytest.mark.parametrize(("rate_hz", "to_hz"), [(22_050, 16_000), (8_000, 24_000), (24_000, 16_000), (16_000, 16_000)])
def test_resampling_keeps_the_length_and_the_tone(rate_hz: int, to_hz: int) -> None:
    sound = tone(1.0, 440, 0.5, rate_hz)
    new = resampled(sound, to_hz)
    assert len(new.samples) == to_hz and new.samples.dtype == np.float32
    assert np.abs(new.samples - tone(1.0, 440, 0.5, to_hz).samples)[400:-400].max() < 1e-3
    assert (new is sound) == (rate_hz == to_hz)
    assert len(resampled(Sound(np.zeros(0, np.float32), rate_hz), to_hz).samples) == 0
