"""What all ears share: sound in pieces that leave nothing out, absent packages, no weight on those who only read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agents import catalog
from agents.listeners import weights
from agents.listeners.funasr_decoding import dithered
from agents.listeners.hearing import as_heard, pieces, together
from agents.listeners.weights import weights_hash
from agents.sound.wave import joined, silence
from scenarios.errors import InputError, MissingExtra
from tests.agents.listeners.listening import NOTHING, listener, spoken, two_minutes
from tests.conftest import ROOT
from tests.sounds import tone


def test_pieces_are_all_of_the_sound_and_none_is_too_long() -> None:
    samples = two_minutes().samples
    cut = pieces(samples, 30.0)
    assert 5 <= len(cut) <= 6 and all(25 * 16_000 <= len(piece) <= 30 * 16_000 for piece in cut[:-1])
    assert np.array_equal(np.concatenate(cut), samples)
    assert [len(pieces(samples[:n], 30.0)) for n in (0, 1, 480_000, 480_001)] == [0, 1, 1, 2]


def test_a_cut_is_made_where_nobody_speaks() -> None:
    first, second = pieces(joined([tone(27.0), silence(0.3, 16_000), tone(20.0)]).samples, 30.0)
    assert 27.0 <= len(first) / 16_000 <= 27.3 and abs(first[-1]) == abs(second[0]) == 0


def test_sound_is_made_16_khz_and_silence_is_nothing() -> None:
    assert len(as_heard(spoken("zh", 44_100))) == pytest.approx(len(as_heard(spoken("zh", 16_000))), abs=2)
    assert all(len(as_heard(sound)) == 0 for sound in NOTHING)


def test_texts_of_pieces_become_one_line() -> None:
    assert together([" three\ndays ", "", "of pain"], "en") == "three days of pain"
    assert together(["三天", " ", "疼"], "zh") == "三天疼"


def test_dither_is_faint_and_the_same_every_time() -> None:
    quiet = np.zeros(16_000, np.float32)
    heard = dithered(quiet, 1.0)
    assert np.array_equal(heard, dithered(quiet, 1.0)) and np.array_equal(quiet, dithered(quiet, 0.0))
    assert heard.std() * 32_768 == pytest.approx(1.0, abs=0.05)


def test_a_file_is_hashed_once_and_again_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    file.write_bytes(b"one")
    first = weights_hash(file)
    before = weights._hash.cache_info().misses
    assert weights_hash(file) == weights_hash(tmp_path / "." / "weights.pt") == first
    assert weights._hash.cache_info().misses == before
    file.write_bytes(b"two")
    assert weights_hash(file) != first
    with pytest.raises(InputError, match="cannot be read"):
        weights_hash(tmp_path / "none.pt")


@pytest.mark.parametrize(("backend", "package"), [
    ("whisper", "whisper"), ("whisper", "torch"), ("funasr", "funasr"), ("funasr", "kaldi_native_fbank"),
])
def test_an_absent_package_names_the_command(backend: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf"listener '{backend}' needs .*clinic-simulator\[speech\]"):
        listener(backend, model="anything")


def test_making_ears_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"x")
    heavy = ("torch", "whisper", "funasr", "soundfile", "soxr", "jiwer", "openai", "transformers")
    code = f"""
import sys
from agents import catalog
from scenarios.schema import BackendRef
make = lambda **options: catalog.create("listener", BackendRef.model_validate(options))
make(backend="transcript", cer=0.2), make(backend="openai-transcription", model="m")
make(backend="whisper", model={str(tmp_path / "x.pt")!r})
import agents.listeners.funasr
print([name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_catalogue_says_who_reads() -> None:
    reading = {name for name, spec in catalog.specs("listener").items() if "reads" in spec.capabilities}
    assert reading == {"transcript"} and len(catalog.specs("listener")) >= 4
