"""Whole checkpoints load by key: recorded, sharded, text only; types, attention, memory, fingerprint."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel

from model.checkpoint import load
from model.config import LlamaOmni2Config, SpeechMedAssistConfig
from model.errors import CheckpointError, NeedsPackage, SpeechLMError
from model.loading.placing import check_keys, empty_model
from model.loading.weights import Stored
from model.presets import PRESETS
from model.random_checkpoint import write_random
from model.speech_lm import LlamaOmni2, SpeechLM, SpeechMedAssist
from model.streaming.types import Message
from tests.model.checkpoint.broken import HEADS, PARITY, change_json, change_weights, copied, shard

TALK = [[Message("system", ("Be brief.",)), Message("user", ("医生, my head hurts.",))]]


def test_the_recorded_checkpoint_loads_bit_for_bit_and_computes_as_built_with_memory() -> None:
    loaded = load(PARITY, encoder_heads=HEADS)
    stored = load_file(PARITY / "model.safetensors")
    state = loaded.model.state_dict()
    assert state.keys() == stored.keys()
    assert all(torch.equal(state[key], stored[key]) for key in stored)
    built = LlamaOmni2(loaded.model.config).eval()
    built.load_state_dict(stored)
    inputs = loaded.processor(TALK)
    assert torch.equal(loaded.model(**inputs).logits, built(**inputs).logits)
    rows = built.speech_generator.embed(torch.arange(400, 420))[None]
    ours = loaded.model.speech_generator.model(inputs_embeds=rows).logits
    assert torch.equal(ours, built.speech_generator.model(inputs_embeds=rows).logits)
    assert loaded.info.format == "llama-omni2" and not loaded.info.text_only and not loaded.info.speaks
    assert loaded.info.parameters == sum(stored[key].numel() for key in stored if key not in _tied_and_buffers(stored))
    config = loaded.model.config
    assert (config.text_chunk, config.unit_chunk, config.end_ids, config.sep_id) == (3, 10, (306, 304), 326)
    assert config.rope_parameters["rope_theta"] == config.unit_lm.rope_parameters["rope_theta"] == 1_000_000.0


def _tied_and_buffers(stored: dict[str, torch.Tensor]) -> set[str]:
    return {"speech_generator.model.lm_head.weight", "model.speech_encoder.positional_embedding"} & set(stored)


@pytest.mark.parametrize(("size", "keys"), [("0.5B", 1079), ("7B", 1127)])
@pytest.mark.parametrize("kind", [LlamaOmni2Config, SpeechMedAssistConfig])
def test_full_sizes_have_the_published_keys(size: str, keys: int, kind: type[LlamaOmni2Config]) -> None:
    model = empty_model(kind(**PRESETS[size]))
    assert isinstance(model, LlamaOmni2 if kind is LlamaOmni2Config else SpeechMedAssist)
    state = model.state_dict()
    assert len(state) == keys
    assert all(tensor.is_meta for tensor in state.values())
    assert state["speech_generator.model.model.embed_tokens.weight"].shape == (158_227, 896)
    assert state["model.speech_projector.linear1.weight"].shape == (2048, 6400)
    assert {
        "lm_head.weight", "model.norm.weight", "model.layers.23.mlp.down_proj.weight", "speech_generator.gate.0.bias",
        "model.speech_encoder.blocks.31.attn.key.weight", "model.speech_encoder.blocks.31.mlp.2.bias",
        "model.speech_encoder.positional_embedding", "speech_generator.input_proj.2.weight",
        "speech_generator.model.lm_head.weight", "speech_generator.model.model.layers.23.self_attn.q_proj.bias",
    } <= state.keys()  # fmt: skip
    assert "model.speech_encoder.blocks.0.attn.key.bias" not in state
    stored = {key: Stored(Path("x"), torch.bfloat16, tuple(tensor.shape), 0) for key, tensor in state.items()}
    check_keys(model, stored, "published")
    lost, odd = "model.norm.weight", {"model.x": stored["lm_head.weight"]}
    with pytest.raises(CheckpointError) as error:
        check_keys(model, {key: stored[key] for key in stored if key != lost} | odd, "published")
    assert (error.value.missing, error.value.unexpected) == ((lost,), ("model.x",))


def test_shards_give_what_one_file_gives(tmp_path: Path) -> None:
    folder = copied(tmp_path / "sharded")
    shard(folder)
    one, many = load(PARITY, encoder_heads=HEADS), load(folder, encoder_heads=HEADS)
    ours = many.model.state_dict()
    assert all(torch.equal(tensor, ours[key]) for key, tensor in one.model.state_dict().items())
    assert one.info.fingerprint != many.info.fingerprint


def test_speechmedassist_and_its_merged_stages_load_without_the_fast_tokenizers_file(tmp_path: Path) -> None:
    folder = copied(tmp_path / "stage3")
    # its merge script copies these files and no tokenizer.json; the class is that of stage 2
    (folder / "tokenizer.json").unlink()
    change_json(
        folder / "config.json", model_type="SpeechMedAssist", architectures=["SpeechQwen2ForCausalLM"],
        tts_tokenizer="../weight/tts_tokenizer", speech_encoder="../weight/whisper/large-v3.pt",
    )  # fmt: skip
    loaded = load(folder, encoder_heads=HEADS)
    assert (loaded.info.format, loaded.info.text_only) == ("speechmedassist", False)
    assert isinstance(loaded.model, SpeechMedAssist)
    text = "医生 my head hurts <|im_end|>"
    assert loaded.processor.prompt(TALK[0]).ids == load(PARITY, encoder_heads=HEADS).processor.prompt(TALK[0]).ids
    assert loaded.processor.tokenizer(text)["input_ids"][-1] == loaded.processor.end_id


@pytest.mark.parametrize("entry", ["kept", "absent"])
def test_text_stages_load_as_text_only(tmp_path: Path, entry: str) -> None:
    folder = copied(tmp_path / "stage1")
    change_weights(folder, _mute)
    changes = {} if entry == "kept" else {"speech_generator": None, "stream_params": None}
    change_json(
        folder / "config.json", model_type="SpeechMedAssist", architectures=["SpeechQwen2ForCausalLM"], **changes
    )
    loaded = load(folder, encoder_heads=HEADS)
    assert loaded.info.text_only and loaded.model.speech_generator is None
    whole = load(PARITY, encoder_heads=HEADS).model
    inputs = loaded.processor(TALK)
    assert torch.equal(loaded.model(**inputs).logits, whole(**inputs).logits)


def test_a_lost_speech_generator_is_named_and_can_be_done_without(tmp_path: Path) -> None:
    folder = copied(tmp_path / "lost")
    change_weights(folder, _mute)
    with pytest.raises(CheckpointError, match="has a speech_generator and the weights have none.*text_only=True"):
        load(folder, encoder_heads=HEADS)
    assert load(folder, encoder_heads=HEADS, text_only=True).info.text_only
    assert load(PARITY, encoder_heads=HEADS, text_only=True).model.speech_generator is None


def _mute(tensors: dict[str, torch.Tensor]) -> None:
    for key in [key for key in tensors if key.startswith("speech_generator.")]:
        del tensors[key]


def test_tied_heads_may_be_stored_or_not_and_must_be_equal(tmp_path: Path) -> None:
    head, embedding = "speech_generator.model.lm_head.weight", "speech_generator.model.model.embed_tokens.weight"
    without = copied(tmp_path / "without")
    change_weights(without, lambda tensors: tensors.pop(head))
    model = load(without, encoder_heads=HEADS).model
    assert model.speech_generator.model.lm_head.weight is model.speech_generator.model.get_input_embeddings().weight
    only_head = copied(tmp_path / "head")
    change_weights(only_head, lambda tensors: tensors.pop(embedding))
    again = load(only_head, encoder_heads=HEADS).model
    assert torch.equal(again.state_dict()[embedding], model.state_dict()[embedding])
    other = copied(tmp_path / "other")
    change_weights(other, lambda tensors: tensors[head].add_(1))
    with pytest.raises(CheckpointError, match=f"{head} and {embedding} differ"):
        load(other, encoder_heads=HEADS)
    untied = copied(tmp_path / "untied")
    change_weights(untied, lambda tensors: tensors.pop("lm_head.weight"))
    with pytest.raises(CheckpointError) as error:
        load(untied, encoder_heads=HEADS)
    assert error.value.missing == ("lm_head.weight",)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_types_are_those_asked_for_and_rotary_frequencies_stay_exact(name: str) -> None:
    loaded, exact = load(PARITY, encoder_heads=HEADS, dtype=name), load(PARITY, encoder_heads=HEADS)
    state = loaded.model.state_dict()
    wanted = {key: tensor.to(getattr(torch, name)) for key, tensor in exact.model.state_dict().items()}
    assert all(torch.equal(state[key], wanted[key]) for key in wanted)
    assert torch.equal(loaded.model.model.rotary_emb.inv_freq, exact.model.model.rotary_emb.inv_freq)
    assert loaded.model.dtype == loaded.model.config.dtype == getattr(torch, name)
    assert loaded.info.fingerprint != exact.info.fingerprint


def test_stored_bfloat16_stays_so_and_attention_can_be_chosen(tmp_path: Path) -> None:
    folder = copied(tmp_path / "half")
    change_weights(folder, lambda tensors: tensors.update({key: one.bfloat16() for key, one in tensors.items()}))
    assert load(folder, encoder_heads=HEADS).model.dtype == torch.bfloat16
    sdpa, eager = (load(PARITY, encoder_heads=HEADS, attention=name).model for name in ("sdpa", "eager"))
    assert (sdpa.config._attn_implementation, eager.config._attn_implementation) == ("sdpa", "eager")
    assert eager.speech_generator.model.config._attn_implementation == "eager"
    inputs = load(PARITY, encoder_heads=HEADS).processor(TALK)
    assert torch.allclose(sdpa(**inputs).logits, eager(**inputs).logits, atol=2e-4)


def test_choices_that_do_not_exist_and_flash_attention_that_is_not_there() -> None:
    for wrong in ({"attention": "magic"}, {"dtype": "int3"}, {"device": "tape"}, {"quantization": "3bit"}):
        with pytest.raises(SpeechLMError, match=f"{next(iter(wrong.values()))!r}.*choose"):
            load(PARITY, encoder_heads=HEADS, **wrong)  # type: ignore[arg-type]
    if not torch.cuda.is_available():
        with pytest.raises(SpeechLMError, match="no such CUDA device"):
            load(PARITY, encoder_heads=HEADS, device="cuda:3")
        with pytest.raises(NeedsPackage, match="pip install flash-attn"):
            load(PARITY, encoder_heads=HEADS, attention="flash_attention_2")


def test_the_fingerprint_sees_weights_configuration_and_tokenizer(tmp_path: Path) -> None:
    def print_of(name: str, change: object = None) -> str:
        folder = copied(tmp_path / name)
        if callable(change):
            change(folder)
        return load(folder, encoder_heads=HEADS).info.fingerprint

    def edge(folder: Path) -> None:
        with (folder / "model.safetensors").open("r+b") as file:
            file.seek(-3, 2)
            file.write(b"\1\2\3")

    prints = [
        print_of("same"), print_of("again"), print_of("edge", edge),
        print_of("config", lambda folder: change_json(folder / "config.json", stream_params="(3, 11)")),
        print_of("tokenizer", lambda folder: change_json(folder / "tokenizer_config.json", model_max_length=77)),
    ]  # fmt: skip
    assert prints[0] == prints[1] and len(set(prints)) == 4
    assert all(len(one) == 64 for one in prints)


@pytest.mark.soak
def test_loading_needs_the_models_own_size_and_little_more(tmp_path: Path) -> None:
    """A model of 1.1 GB (float32) is loaded by a process of its own, which reports its peak above the start."""
    size = _measure(tmp_path / "large")
    assert 0.85 <= size["peak"] / size["model"] < 1.2  # below 1: importing had its own peak


def _measure(folder: Path) -> dict[str, float]:
    code = f"""
import json, resource
from pathlib import Path
from model.config import SpeechLMConfig
from model.checkpoint import load
from model.random_checkpoint import write_random
from model import presets
presets.PRESETS["tiny"]["num_hidden_layers"] = 60
presets.PRESETS["tiny"]["intermediate_size"] = 7000
write_random({str(folder)!r}, vocoder=None)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
    code = f"""
import json, resource, model.checkpoint, model.speech_lm
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
loaded = model.checkpoint.load({str(folder)!r})
held = sum(t.numel() * t.element_size() for t in loaded.model.parameters())
print(json.dumps({{"peak": peak() - before, "model": held}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3], capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_speech_lm_is_what_comes_out_in_evaluation_mode() -> None:
    loaded = load(PARITY, encoder_heads=HEADS)
    assert isinstance(loaded.model, SpeechLM) and not loaded.model.training
    assert all(parameter.requires_grad for parameter in loaded.model.parameters())


def test_loading_in_several_threads_leaves_transformers_as_it_was(tmp_path: Path) -> None:
    """transformers' own loading swaps methods of its classes meanwhile; two at once may never swap them back."""
    folder = write_random(tmp_path / "tiny")
    before = PreTrainedModel.tie_weights, PreTrainedModel.init_weights, torch.nn.init.normal_
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: load(folder), range(8)))
    assert (PreTrainedModel.tie_weights, PreTrainedModel.init_weights, torch.nn.init.normal_) == before
    assert len({one.info.parameters for one in loaded}) == 1 and all(one.vocoder is not None for one in loaded)


def test_parameters_are_counted_once_even_where_nothing_is_tied_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = load(PARITY, encoder_heads=HEADS).info.parameters
    monkeypatch.setattr(PreTrainedModel, "tie_weights", lambda *args, **kwargs: None)
    assert load(PARITY, encoder_heads=HEADS).info.parameters == wanted
