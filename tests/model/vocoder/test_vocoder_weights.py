"""Reading vocoder weights: every wrong key is named, both namings of weight norm load, and no file runs code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model.errors import CheckpointError
from model.vocoder.config import FlowConfig, HiftConfig, VocoderConfig
from model.vocoder.flow import Flow
from model.vocoder.hift import Hift
from model.vocoder.weights import find_weights, load_flow, load_hift, read_xvector
from tests.model.vocoder.networks import FOLDER

CONFIG = VocoderConfig.read(FOLDER / "config.json")


def test_every_wrong_key_is_named(tmp_path: Path) -> None:
    state = load_file(FOLDER / "flow.safetensors")
    lost, bent = "encoder.encoders.1.self_attn.pos_bias_u", "decoder.estimator.final_proj.weight"
    del state[lost]
    state[bent] = state[bent][:, :5].contiguous()
    state["encoder.encoders.9.norm_ff.bias"] = torch.zeros(3)
    save_file(state, file := tmp_path / "flow.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_flow(CONFIG.flow, file)
    assert caught.value.missing == (lost,)
    assert caught.value.unexpected == ("encoder.encoders.9.norm_ff.bias",)
    assert caught.value.misshapen == (f"{bent}: [80, 5, 1], wanted [80, 32, 1]",)
    assert lost in str(caught.value) and str(file) in str(caught.value)
    whole = load_file(FOLDER / "hift.safetensors")
    for wrong in ({**whole, "extra": torch.zeros(1)}, {name: whole[name] for name in whole if name != "conv_pre.bias"}):
        save_file(wrong, file)
        with pytest.raises(CheckpointError, match=r"extra|conv_pre\.bias"):
            load_hift(CONFIG.hift, file)


def test_names_that_hift_may_have(tmp_path: Path) -> None:
    state = load_file(FOLDER / "hift.safetensors")
    renamed = {
        "generator."
        + name.replace(".weight_g", ".parametrizations.weight.original0").replace(
            ".weight_v", ".parametrizations.weight.original1"
        ): value
        for name, value in state.items()
    }
    torch.save({**renamed, "epoch": 3, "step": 70}, file := tmp_path / "hift.pt")
    loaded = load_hift(CONFIG.hift, file).state_dict()
    assert loaded.keys() == state.keys() and all(torch.equal(loaded[name], state[name]) for name in state)
    torch.save({**renamed, "conv_pre.bias": state["conv_pre.bias"]}, file)
    with pytest.raises(CheckpointError, match=r"conv_pre\.bias is there twice"):
        load_hift(CONFIG.hift, file)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_damaged_files(tmp_path: Path) -> None:
    for suffix in (".pt", ".safetensors"):
        file = tmp_path / f"flow{suffix}"
        whole = (FOLDER / "flow.safetensors").read_bytes()
        if suffix == ".pt":
            torch.save(load_file(FOLDER / "flow.safetensors"), file)
            whole = file.read_bytes()
        for piece in (b"", whole[:5_000], whole[:-1_000], b"\x80\x04no weights"):
            file.write_bytes(piece)
            with pytest.raises(CheckpointError, match="cannot be read as tensors"):
                load_flow(CONFIG.flow, file)
    state = load_file(FOLDER / "flow.safetensors")
    state["encoder_proj.bias"][3] = float("nan")
    save_file(state, file)
    with pytest.raises(CheckpointError, match=r"not finite: encoder_proj\.bias"):
        load_flow(CONFIG.flow, file)


class Touch:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.file,))


def test_a_file_runs_no_code(tmp_path: Path) -> None:
    torch.save({"encoder_proj.bias": Touch(tmp_path / "ran")}, file := tmp_path / "flow.pt")
    for read in (lambda: load_flow(CONFIG.flow, file), lambda: read_xvector(file)):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read()
    np.save(file := tmp_path / "voice.npy", np.array([Touch(tmp_path / "ran")], dtype=object), allow_pickle=True)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_xvector(file)
    assert not (tmp_path / "ran").exists()


def test_what_is_no_state_dict(tmp_path: Path) -> None:
    for thing, said in (
        (torch.zeros(3), "holds a Tensor"),
        ({"a": "text"}, "a is str"),
        ({1: torch.zeros(2)}, "holds a dict"),
    ):
        torch.save(thing, file := tmp_path / "flow.pt")
        with pytest.raises(CheckpointError, match=said):
            load_flow(CONFIG.flow, file)
    with pytest.raises(CheckpointError, match=r"has none of hift\.safetensors, hift\.pt"):
        find_weights(tmp_path, "hift")


def test_x_vectors(tmp_path: Path) -> None:
    vector = torch.arange(192.0)
    np.save(tmp_path / "one.npy", vector.numpy()[None])
    torch.save(vector, tmp_path / "one.pt")
    save_file({"zh": vector, "en": vector + 1}, tmp_path / "two.safetensors")
    torch.save({"zh": {"embedding": vector[None], "text": "x"}}, tmp_path / "spk2info.pt")
    for name, voice in (("one.npy", None), ("one.pt", None), ("two.safetensors", "zh"), ("spk2info.pt", None)):
        assert torch.equal(read_xvector(tmp_path / name, voice=voice), vector), name
    with pytest.raises(CheckpointError, match="choose one of its voices: en, zh"):
        read_xvector(tmp_path / "two.safetensors")
    for wrong in (vector[:100], vector * float("inf"), vector * 0):
        np.save(tmp_path / "wrong.npy", wrong.numpy())
        with pytest.raises(CheckpointError, match="192 finite numbers"):
            read_xvector(tmp_path / "wrong.npy")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_xvector(tmp_path / "none.npy")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("flow", "vocab_size"), None, "describes no CosyVoice2 vocoder"),
        (("flow", "decoder", "estimator", "channels"), [256, 256], "describes no CosyVoice2 vocoder"),
        (("flow", "encoder", "use_cnn_module"), True, "without convolution modules"),
        (("flow", "token_mel_ratio"), 4, "double the rate"),
        (("hift", "in_channels"), 100, "different mel bins"),
        (("hift",), 7, "describes no CosyVoice2 vocoder"),
    ],
)
def test_configurations_of_something_else(tmp_path: Path, path: tuple[str, ...], value: object, said: str) -> None:
    data = json.loads((FOLDER / "config.json").read_text("utf-8"))
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (tmp_path / "config.json").write_text(json.dumps(data), "utf-8")
    with pytest.raises(CheckpointError, match=said):
        VocoderConfig.read(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("{", "utf-8")
    with pytest.raises(CheckpointError, match="no readable JSON"):
        VocoderConfig.read(tmp_path / "config.json")


def test_published_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Number of tensors and of weights that the published classes have at CosyVoice2-0.5B's sizes."""
    for fill in ("normal_", "uniform_"):
        monkeypatch.setattr(torch.Tensor, fill, lambda tensor, *_, **__: tensor)
    flow, hift = Flow(FlowConfig()).state_dict(), Hift(HiftConfig()).state_dict()
    assert (len(flow), sum(tensor.numel() for tensor in flow.values())) == (1121, 112_549_360)
    assert (len(hift), sum(tensor.numel() for tensor in hift.values())) == (328, 20_821_295)
