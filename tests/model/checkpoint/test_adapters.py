"""LoRA adapters and quantized layers, with peft and bitsandbytes themselves where they are installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.checkpoint import export, load
from model.errors import CheckpointError, NeedsPackage, SpeechLMError
from model.loading.quantizing import INSIDE
from model.streaming.types import Message
from tests.model.checkpoint.broken import HEADS, PARITY, change_json

TALK = [[Message("user", ("医生, my head hurts.",))]]
LAYER = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


def logits(loaded: Any) -> torch.Tensor:
    """Return the logits of one prompt."""
    with torch.inference_mode():
        return loaded.model(**loaded.processor(TALK)).logits.float()


def written_adapter(folder: Path) -> Path:
    """Write an adapter of the text layers in peft's form, by hand: it is read, not trained, here."""
    tensors: dict[str, torch.Tensor] = {}
    for layer, (name, out) in [(n, p) for n in range(2) for p in (("q_proj", 64), ("v_proj", 32))]:
        stem = f"base_model.model.model.layers.{layer}.self_attn.{name}.lora_"
        noise = torch.Generator().manual_seed(layer)
        tensors[f"{stem}A.weight"] = torch.randn(4, 64, generator=noise) * 0.2
        tensors[f"{stem}B.weight"] = torch.randn(out, 4, generator=noise) * 0.2
    tensors["base_model.model.model.speech_projector.linear2.bias"] = torch.full((64,), 0.5)
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "bias": "none",
        "base_model_name_or_path": "/nowhere/base", "task_type": "CAUSAL_LM", "lora_dropout": 0.1,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def merged_by_hand(folder: Path) -> dict[str, torch.Tensor]:
    """Return the recorded weights with W + alpha / r * B A."""
    state, adapter = load_file(PARITY / "model.safetensors"), load_file(folder / "adapter_model.safetensors")
    for key in [key for key in adapter if key.endswith("lora_A.weight")]:
        name = key.removeprefix("base_model.model.").replace("lora_A.weight", "weight")
        state[name] = state[name] + 2 * adapter[key.replace("lora_A", "lora_B")] @ adapter[key]
    state["model.speech_projector.linear2.bias"] = torch.full((64,), 0.5)
    return state


def test_an_adapter_is_merged_or_kept_and_touches_only_its_layers(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    folder = written_adapter(tmp_path / "lora")
    plain, merged = load(PARITY, encoder_heads=HEADS), load(PARITY, encoder_heads=HEADS, adapter=folder)
    wanted = merged_by_hand(folder)
    ours = merged.model.state_dict()
    assert ours.keys() == wanted.keys()
    for key in wanted:
        assert torch.allclose(ours[key], wanted[key], atol=1e-5), key
    kept = load(PARITY, encoder_heads=HEADS, adapter=folder, merge=False)
    assert torch.allclose(logits(kept), logits(merged), atol=1e-3)
    assert (logits(plain) - logits(merged)).abs().max() > 0.1
    assert len({one.info.fingerprint for one in (plain, merged)}) == 2
    export(merged, tmp_path / "merged", dtype="float32")
    assert torch.equal(logits(load(tmp_path / "merged")), logits(merged))
    with pytest.raises(CheckpointError, match="adapter that is not merged"):
        export(kept, tmp_path / "kept")


def change_adapter(folder: Path, name: str) -> str:
    """Break an adapter; return what the error must say."""
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    if name == "layer":
        tensors[LAYER.replace("layers.0", "layers.7")] = tensors[LAYER].clone()
    elif name == "shape":
        tensors[LAYER] = torch.zeros(4, 63)
    elif name == "half":
        del tensors[LAYER]
    elif name == "whole":
        tensors["base_model.model.model.speech_projector.linear9.bias"] = torch.zeros(64)
    elif name == "empty":
        tensors = {"base_model.model.model.norm.weight": torch.ones(64)}
    save_file(tensors, file)
    return {
        "layer": "not in this model(.|\n)*1 unexpected: model.layers.7.self_attn.q_proj",
        "empty": "holds no LoRA weights",
        "shape": r"lora_A.weight: \[4, 63\], \[4, 64\]", "half": f"1 missing: {LAYER}", "whole": "linear9.bias",
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", ["layer", "shape", "half", "whole", "empty"])
def test_an_adapter_of_another_model_is_named(tmp_path: Path, name: str) -> None:
    pytest.importorskip("peft")
    folder = written_adapter(tmp_path / "lora")
    message = change_adapter(folder, name)
    with pytest.raises(CheckpointError, match=message):
        load(PARITY, encoder_heads=HEADS, adapter=folder)


def test_what_is_no_lora_in_safetensors_is_refused(tmp_path: Path) -> None:
    folder = written_adapter(tmp_path / "lora")
    change_json(folder / "adapter_config.json", peft_type="PREFIX_TUNING")
    with pytest.raises(CheckpointError, match="peft_type is 'PREFIX_TUNING'"):
        load(PARITY, encoder_heads=HEADS, adapter=folder)
    change_json(folder / "adapter_config.json", peft_type="LORA")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(CheckpointError, match="adapters in pickled files are not read"):
        load(PARITY, encoder_heads=HEADS, adapter=folder)


def test_peft_writes_what_is_read(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    base = load(PARITY, encoder_heads=HEADS)
    pattern = r"model\.layers\.\d+\.mlp\.(up|down)_proj"
    wrapped = peft.get_peft_model(base.model, peft.LoraConfig(r=2, use_rslora=True, target_modules=pattern))
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    wanted = logits(base)  # peft works in place
    wrapped.save_pretrained(tmp_path / "lora", save_embedding_layers=False)
    assert torch.allclose(logits(load(PARITY, encoder_heads=HEADS, adapter=tmp_path / "lora")), wanted, atol=1e-3)


@pytest.mark.parametrize(("name", "worst"), [("8bit", 0.02), ("4bit", 0.25)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_only_the_qwen2_layers_are_quantized(tiny: Path, name: str, worst: float, dtype: str) -> None:
    bnb = pytest.importorskip("bitsandbytes")
    loaded, plain = load(tiny, dtype=dtype, quantization=name), load(tiny)
    kind = bnb.nn.Linear8bitLt if name == "8bit" else bnb.nn.Linear4bit
    changed = {key for key, layer in loaded.model.named_modules() if isinstance(layer, kind)}
    linear = {key for key, layer in plain.model.named_modules() if isinstance(layer, torch.nn.Linear)}
    assert changed == {key for key in linear if INSIDE.fullmatch(key)} and len(changed) == 2 * 4 * 7
    for path in ("model.layers.1.mlp.down_proj", "speech_generator.model.model.layers.0.self_attn.k_proj"):
        ours, theirs = loaded.model.get_submodule(path), plain.model.get_submodule(path)
        x = torch.randn(5, theirs.in_features, generator=torch.Generator().manual_seed(0))
        wanted = theirs(x)
        error = (ours(x.to(getattr(torch, dtype))).float() - wanted).abs().max() / wanted.abs().max()
        assert 0 < error < worst, path
    assert logits(loaded).isfinite().all()
    stored = sum(one.numel() * one.element_size() for one in loaded.model.model.layers.parameters())
    full = sum(one.numel() * 4 for one in plain.model.model.layers.parameters())
    assert stored < full * (0.35 if name == "8bit" else 0.25)
    assert loaded.info.parameters == plain.info.parameters
    with pytest.raises(CheckpointError, match="quantized layers"):
        export(loaded, Path("/nowhere/at-all"))
    if name == "4bit" and not torch.cuda.is_available():
        with pytest.raises(SpeechLMError, match="multiples of 64; this model has .32, 96, 176.: use 8bit"):
            load(PARITY, encoder_heads=HEADS, quantization=name)


def test_an_adapter_stays_beside_quantized_weights(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    pytest.importorskip("bitsandbytes")
    folder = written_adapter(tmp_path / "lora")
    with pytest.raises(SpeechLMError, match="cannot be merged into quantized weights"):
        load(PARITY, encoder_heads=HEADS, adapter=folder, quantization="8bit")
    kept = load(PARITY, encoder_heads=HEADS, adapter=folder, quantization="8bit", merge=False)
    plain = load(PARITY, encoder_heads=HEADS, quantization="8bit")
    merged = load(PARITY, encoder_heads=HEADS, adapter=folder)
    assert (logits(kept) - logits(merged)).abs().mean() < 0.2 * (logits(plain) - logits(merged)).abs().mean()


@pytest.mark.parametrize("package", ["peft", "bitsandbytes"])
def test_a_package_that_is_not_installed_is_named(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written_adapter(tmp_path / "lora")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == package else found(name, *a))
    wish = {"adapter": folder} if package == "peft" else {"quantization": "4bit"}
    with pytest.raises(NeedsPackage, match=f"pip install {package}"):
        load(PARITY, encoder_heads=HEADS, **wish)  # type: ignore[arg-type]
    shutil.rmtree(folder)
