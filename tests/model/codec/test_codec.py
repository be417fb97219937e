"""The codec: lengths, look-ahead, batches, gradients, and what is refused when it is saved and loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.codec import Codec, CodecConfig
from model.errors import BadUnits, CheckpointError, SpeechLMError
from tests.model.codec.sizes import loud_codec, small, spoken, units


def test_the_tiny_preset_has_the_units_of_the_speech_model_and_few_weights() -> None:
    codec = Codec(CodecConfig())
    assert codec.config.codebook == 6_561 and codec.config.unit_samples * 25 == codec.config.sample_rate == 24_000
    assert sum(p.numel() for p in codec.parameters()) < 2_000_000


@pytest.mark.parametrize(("samples", "count"), [(0, 0), (1, 1), (959, 1), (960, 1), (961, 2), (24_000, 25)])
def test_a_unit_is_begun_every_960_samples(samples: int, count: int) -> None:
    codec = loud_codec()
    found = codec.encode(torch.randn(2, samples) * 0.1)
    assert found.shape == (2, count) and found.dtype == torch.int64
    assert codec.decode(found).shape == (2, 80, 4 * count)
    assert codec.sound(found).shape == codec.sound(found, head="griffin_lim").shape == (2, 960 * count)


@pytest.mark.parametrize("head", ["istft", "griffin_lim"])
def test_a_padded_batch_gives_what_single_runs_give(head: str) -> None:
    codec = loud_codec()
    lengths = torch.tensor([9_000, 24_000, 2_881])
    sound = torch.randn(3, 24_000, generator=torch.Generator().manual_seed(0)) * 0.1
    together = codec.encode(sound, lengths)
    counts = (lengths + 959) // 960
    heard = codec.sound(together, counts, head=head)  # type: ignore[arg-type]
    for row, length, count in zip(range(3), lengths.tolist(), counts.tolist(), strict=True):
        alone = codec.encode(sound[row : row + 1, :length])
        assert torch.equal(together[row, :count], alone[0])
        made = codec.sound(alone, head=head)[0]  # type: ignore[arg-type]
        assert 0.01 < made.abs().max() < 1
        assert torch.allclose(heard[row, : 960 * count], made, atol=1e-5)
        assert heard[row, 960 * count :].abs().sum() == 0
        assert torch.allclose(codec.decode(together, counts)[row, :, : 4 * count], codec.decode(alone)[0], atol=1e-4)


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_a_unit_changes_frames_from_its_look_ahead_on_and_no_earlier(ahead: int) -> None:
    codec = loud_codec(decoder_look_ahead_units=ahead)
    one = units(codec, 12)
    other = one.clone()
    other[0, 6] = (one[0, 6] + 3_281) % 6_561
    moved = (codec.decode(one) - codec.decode(other)).abs().amax((0, 1)) > 1e-6
    assert moved.nonzero()[0].item() == 4 * (6 - ahead)


def test_units_of_past_sound_do_not_change_when_more_is_said() -> None:
    codec = loud_codec()
    sound = torch.randn(1, 24_000, generator=torch.Generator().manual_seed(0)) * 0.1
    assert torch.equal(codec.encode(sound[:, :12_360])[:, :12], codec.encode(sound)[:, :12])


def test_gradients_reach_every_weight() -> None:
    torch.manual_seed(0)
    codec = Codec(small()).train()
    found = codec(spoken("Good morning.")[None])
    found.loss.backward()
    still = [name for name, p in codec.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == [] and found.units_used > 1 and found.perplexity > 1


def test_padding_takes_no_part_in_the_loss_or_the_statistics() -> None:
    torch.manual_seed(0)
    codec = Codec(small(head="griffin_lim")).train()
    sound = torch.randn(2, 9_600) * 0.1
    whole = codec(sound)
    mean = codec.level.running_mean.clone()
    codec.level.reset_running_stats()
    padded = codec(torch.cat([sound, torch.ones(2, 9_600)], dim=1), torch.tensor([9_600, 9_600]))
    assert torch.allclose(whole.mel_l1, padded.mel_l1, atol=1e-5)
    assert torch.allclose(mean, codec.level.running_mean, atol=1e-6)
    assert padded.units_used == whole.units_used


def test_training_on_one_unit_is_refused_in_words() -> None:
    with pytest.raises(SpeechLMError, match="two units"):
        Codec(small()).train()(torch.zeros(1, 960))


@pytest.mark.parametrize("bad", [[[6_561]], [[-1]], [[0.5]]])
def test_units_outside_the_codebook_are_refused(bad: list[list[float]]) -> None:
    for call in (loud_codec().decode, loud_codec().sound):
        with pytest.raises(BadUnits, match="unit"):
            call(torch.tensor(bad))


@pytest.mark.parametrize("head", ["istft", "griffin_lim"])
def test_what_is_saved_comes_back(head: str, tmp_path: Path) -> None:
    codec = loud_codec(head=head)
    codec.level.running_mean.uniform_(-1, 1)
    codec.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").exists()
    again = Codec.from_pretrained(tmp_path).eval()
    sound, some = torch.randn(1, 9_600) * 0.1, units(codec, 9)
    assert again.config.to_dict()["levels"] == [3] * 8 and again.config.head == head
    assert torch.equal(codec.encode(sound), again.encode(sound))
    assert torch.equal(codec.sound(some), again.sound(some))
    if head == "griffin_lim":
        with pytest.raises(CheckpointError, match="no learned head"):
            again.sound(some, head="istft")


@pytest.mark.parametrize(("key", "value"), [
    ("levels", [3, 4]), ("levels", []), ("levels", "3,3"), ("levels", None), ("hidden_size", "wide"),
    ("hidden_size", 0), ("sample_rate", 22_050), ("sample_rate", True), ("head", "vocos"), ("head", None),
    ("frames_per_unit", 3), ("head_look_ahead_frames", -1),
    ("griffin_lim_iterations", 0), ("decorrelation", "much"), ("initializer_range", -1), ("levels", [3] * 30),
])
def test_a_damaged_configuration_is_named(key: str, value: object, tmp_path: Path) -> None:
    Codec(small()).save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    with pytest.raises(CheckpointError, match=key) as caught:
        Codec.from_pretrained(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    Codec(small()).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    for change, named in [
        (lambda w: w.pop("encoder.out.bias"), "missing: encoder.out.bias"),
        (lambda w: w.update(extra=torch.zeros(1)), "unexpected: extra"),
        (lambda w: w.update({"decoder.out.bias": torch.zeros(3)}), "decoder.out.bias"),
    ]:
        weights = dict(whole)
        change(weights)
        save_file(weights, file, {"format": "pt"})
        with pytest.raises(CheckpointError, match=named):
            Codec.from_pretrained(tmp_path)
    save_file(whole, file, {"format": "pt"})
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError):
        Codec.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError):
        Codec.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError):
        Codec.from_pretrained(tmp_path / "nowhere")
