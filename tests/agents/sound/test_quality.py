"""PESQ and STOI fall with noise, and say why where they cannot be had; scorers of every kind, made on the spot."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from agents.sound.quality import pesq, stoi
from agents.sound.utmos import NoScore, scorer
from agents.sound.wave import Sound, joined, read_sound, resampled, silence
from scenarios.errors import InputError
from tests.onnx_bytes import field, model, tensor_info
from tests.sounds import noise, speech, tone

SENTENCE = "Good morning, doctor. I have had a headache for three days."


def behind_noise(sound: Sound, level: float) -> Sound:
    return Sound(sound.samples + noise(sound.seconds, level, sound.rate_hz).samples, sound.rate_hz)


@pytest.mark.parametrize("measure", [pesq, stoi])
def test_more_noise_leaves_less(measure: object) -> None:
    clean = speech(SENTENCE)
    values = [measure(clean, behind_noise(clean, level)).value for level in (0.001, 0.01, 0.1)]
    assert values == sorted(values, reverse=True) and values[0] > values[-1] + 0.1


def test_an_unchanged_sound_has_the_best_score() -> None:
    clean = speech(SENTENCE)
    assert pesq(clean, clean).value == pytest.approx(4.644, abs=0.001)
    assert stoi(clean, clean).value == pytest.approx(1.0, abs=0.001)


def test_a_longer_or_shorter_arrival_at_another_rate_is_fitted() -> None:
    clean = speech(SENTENCE)
    echo = resampled(joined([clean, silence(0.7, 16_000)]), 8_000)
    score = stoi(clean, echo)
    assert score.value is not None and score.value > 0.95
    half = Sound(clean.samples[: len(clean.samples) // 2], 16_000)
    less = stoi(clean, half)
    assert less.value is not None and less.value < score.value
    assert pesq(clean, half).value is not None


@pytest.mark.parametrize(("clean", "arrived", "why"), [
    (silence(1, 16_000), silence(1, 16_000), "arrived"), (silence(1, 16_000), noise(1.0), "no speech"),
    (tone(0.1), tone(0.1), "shorter"), (silence(0, 16_000), silence(0, 16_000), "shorter"),
    (tone(1.0), silence(1, 16_000), "nothing arrived"),
])
def test_pesq_says_why_it_has_no_value(clean: Sound, arrived: Sound, why: str) -> None:
    assert pesq(clean, arrived).value is None
    assert why in pesq(clean, arrived).reason


def test_stoi_says_why_it_has_no_value() -> None:
    assert "silent" in stoi(silence(1, 16_000), noise(1.0)).reason
    for short in (0.02, 0.2):
        assert "less than 0.4 s" in stoi(tone(short), tone(short)).reason
    assert stoi(speech(SENTENCE), silence(3, 16_000)).value == 0.0


def test_chopped_speech_on_which_the_reference_code_dies_is_measured_in_pieces() -> None:
    at = np.arange(30 * 16_000)
    gate = (at / 16_000) % 0.44 < 0.22
    chopped = Sound((np.random.default_rng(0).normal(0, 0.2, len(at)) * gate).astype(np.float32), 16_000)
    score = pesq(chopped, behind_noise(chopped, 0.02))
    assert score.value is not None and 1.0 < score.value < 4.6


def seconds_of(sound: Sound) -> float:
    return 1.0 + sound.seconds


def broken(sound: Sound) -> float:
    raise RuntimeError("out of order")


def test_a_callable_scores_and_its_errors_are_one_sounds_problem() -> None:
    assert scorer(f"{__name__}:seconds_of")(tone(0.5)) == 1.5
    with pytest.raises(NoScore, match="out of order"):
        scorer(f"{__name__}:broken")(tone(0.5))
    with pytest.raises(NoScore, match="nan"):
        scorer("numpy:mean")(Sound(np.array([np.nan]), 16_000).samples)


def test_a_torchscript_model_scores_with_and_without_a_rate(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv1d(1, 4, 400, 320)
            self.out = torch.nn.Linear(4, 1)

        def forward(self, wave: torch.Tensor) -> torch.Tensor:
            return self.out(self.conv(wave.unsqueeze(1)).mean(-1))[:, 0]

    class Rated(Net):
        def forward(self, wave: torch.Tensor, rate: int) -> torch.Tensor:
            return self.out(self.conv(wave.unsqueeze(1)).mean(-1))[:, 0] + rate / 16000

    torch.manual_seed(0)
    plain = Net().eval()
    rated = Rated().eval()
    rated.load_state_dict(plain.state_dict())
    torch.jit.script(plain).save(str(tmp_path / "plain.pt"))
    torch.jit.script(rated).save(str(tmp_path / "rated.jit"))
    said = speech(SENTENCE, rate_hz=24_000)
    wave = torch.from_numpy(resampled(said, 16_000).samples)[None]
    expected = float(plain(wave).detach())
    assert scorer(str(tmp_path / "plain.pt"))(said) == pytest.approx(expected, abs=1e-3)
    assert scorer(str(tmp_path / "rated.jit"))(said) == pytest.approx(expected + 1, abs=1e-3)
    with pytest.raises(NoScore, match="cannot score"):
        scorer(str(tmp_path / "plain.pt"))(tone(0.001))
    torch.save({"model": plain.state_dict()}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="no TorchScript"):
        scorer(str(tmp_path / "weights.pt"))


def test_an_onnx_model_scores(tmp_path: Path) -> None:
    path = tmp_path / "mean.onnx"
    path.write_bytes(mean_square_model())
    loud = tone(0.5, level=0.8)
    assert scorer(str(path))(loud) == pytest.approx(0.32, abs=1e-3)
    path.write_bytes(b"not a model")
    with pytest.raises(InputError, match="no ONNX model"):
        scorer(str(path))


def mean_square_model() -> bytes:
    """Return an ONNX model, waveform (1, samples) to mean square, written field by field as protobuf."""
    square = field(1, "wave") * 2 + field(2, "square") + field(4, "Mul")
    keep = field(1, "keepdims") + field(3, 0) + field(20, 2)
    mean = field(1, "square") + field(2, "score") + field(4, "ReduceMean") + field(5, keep)
    graph = field(1, square) + field(1, mean) + field(2, "g") + field(11, tensor_info("wave", "one", "n"))
    return model(graph + field(12, tensor_info("score")))


@pytest.fixture()
def server() -> Iterator[tuple[str, dict[str, bytes]]]:
    box = {"answer": b'{"utmos": 3.25}', "seen": b""}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            box["seen"] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(500 if box["answer"] == b"500" else 200)
            self.end_headers()
            self.wfile.write(box["answer"])

        def log_message(self, *args: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}/score", box
    http.shutdown()
    http.server_close()


def test_a_server_scores_16_khz_wav(server: tuple[str, dict[str, bytes]]) -> None:
    address, box = server
    score = scorer(address)
    assert score(tone(0.5, rate_hz=24_000)) == 3.25
    assert read_sound(box["seen"]).rate_hz == 16_000
    box["answer"] = json.dumps(2.5).encode()
    assert score(tone(0.5)) == 2.5
    for answer in (b"<html>", b'{"other": 1}', b"true", b"500", b"NaN"):
        box["answer"] = answer
        with pytest.raises(NoScore):
            score(tone(0.5))


@pytest.mark.parametrize("name", ["nobody", "no/such/file.onnx", "gone.pt", "nomodule_x:f", "math:nothing", "math:pi"])
def test_a_scorer_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(InputError):
        scorer(name)
