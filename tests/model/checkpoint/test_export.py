"""Written checkpoints: layouts, shards, both tokenizers, atomicity, cards, transformers' own way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi
from safetensors import safe_open
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

from model.checkpoint import Layout, export, load
from model.config import LlamaOmni2Config, SpeechLMConfig
from model.errors import CheckpointError, SpeechLMError
from model.loading.exporting import published_config
from model.presets import PRESETS
from model.random_checkpoint import write_random
from model.speech_lm import SpeechLM
from tests.model.checkpoint.broken import HEADS, PARITY

TEXT = "医生，我头疼 three days 12.5 mg\n\n<|im_end|>"


def same_weights(one: SpeechLM, other: SpeechLM) -> bool:
    """Whether two models hold equal tensors under equal keys."""
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


@pytest.mark.parametrize("layout", ["llama-omni2", "speechmedassist", "clinic"])
def test_what_is_exported_loads_bit_for_bit(tiny: Path, tmp_path: Path, layout: Layout) -> None:
    loaded = load(tiny)
    folder = export(loaded, tmp_path / "out", layout, dtype="float32", shard_bytes=9_000_000)
    again = load(folder)
    assert again.info.format == layout and again.info.speaks and again.info.parameters == loaded.info.parameters
    assert same_weights(loaded.model, again.model)
    ours, theirs = loaded.model.config, again.model.config
    kept = ("speech_length", "text_chunk", "unit_chunk", "end_ids", "sep_id", "unit_end_id", "speech_encoder_heads")
    for key in kept:
        assert getattr(ours, key) == getattr(theirs, key), key
    assert ours.unit_lm.to_dict() == theirs.unit_lm.to_dict()
    assert loaded.processor.tokenizer(TEXT)["input_ids"] == again.processor.tokenizer(TEXT)["input_ids"]
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    sizes = {name: (folder / name).stat().st_size for name in set(index["weight_map"].values())}
    assert len(sizes) > 2 and index["metadata"]["total_size"] <= sum(sizes.values())
    heads = {"lm_head.weight", "speech_generator.model.lm_head.weight"}
    assert (heads <= index["weight_map"].keys()) == (layout != "clinic")


def test_the_recorded_checkpoint_is_written_as_it_was_published(tmp_path: Path) -> None:
    loaded = load(PARITY, encoder_heads=HEADS)
    folder = export(loaded, tmp_path / "out", dtype="float32")
    before, after = (json.loads((one / "config.json").read_text()) for one in (PARITY, folder))
    left_out = {"transformers_version", "speech_encoder"}
    assert before.keys() - after.keys() <= left_out
    for key in before.keys() - left_out - {"speech_generator"}:
        assert after[key] == before[key], key
    inner, outer = before["speech_generator"], after["speech_generator"]
    shared = inner.keys() & outer.keys()
    assert {key: inner[key] for key in shared} == {key: outer[key] for key in shared}
    assert inner.keys() - outer.keys() <= {"transformers_version", "use_mrope"}
    with safe_open(PARITY / "model.safetensors", "pt") as old, safe_open(folder / "model.safetensors", "pt") as new:
        assert set(old.keys()) == set(new.keys())
        assert all(torch.equal(old.get_tensor(key), new.get_tensor(key)) for key in old.keys())  # noqa: SIM118
    assert same_weights(load(folder).model, loaded.model)


def test_units_follow_the_text_in_the_written_unit_tokenizer(tiny: Path, tmp_path: Path) -> None:
    loaded = load(tiny)
    for source in (loaded, load(PARITY, encoder_heads=HEADS)):
        config = source.model.config
        folder = export(source, tmp_path / source.info.format)
        units = AutoTokenizer.from_pretrained(folder / "tts_tokenizer")
        assert units.convert_tokens_to_ids(["<sep>", "<0>", "<6560>"]) == [
            config.sep_id, config.first_unit_id, config.first_unit_id + 6560,
        ]  # fmt: skip
        assert units.eos_token_id == units.pad_token_id == config.unit_end_id
        assert units.decode([config.first_unit_id + 7, config.first_unit_id + 6560]) == "<7><6560>"
        text = "医生 hello"
        assert units(text)["input_ids"] == source.processor.tokenizer(text)["input_ids"]
        assert source.processor.tokenizer.convert_tokens_to_ids("<speech>") == config.sep_id


def test_the_published_configuration_at_full_size() -> None:
    config = published_config(LlamaOmni2Config(**PRESETS["7B"]), "llama-omni2", torch.bfloat16)
    wanted = {
        "architectures": ["Omni2Speech2SQwen2ForCausalLM"], "model_type": "omni2_speech2s_qwen2", "rope_theta": 1e6,
        "stream_params": "(3,10)", "unit_vocab_size": 6561, "tts_tokenizer": "tts_tokenizer", "vocab_size": 152_064,
        "speech_encoder": "models/speech_encoder/large-v3.pt", "speech_encoder_type": "whisper",
        "eos_token_id": 151_645,
        "speech_encoder_ds_rate": 5, "speech_encoder_hidden_size": 1280, "speech_projector_type": "linear",
        "tokenizer_model_max_length": 4096, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    }  # fmt: skip
    assert {key: config[key] for key in wanted} == wanted
    inner = config["speech_generator"]
    assert (inner["vocab_size"], inner["eos_token_id"], inner["rope_theta"]) == (158_227, 151_643, 1e6)
    own = {"speech_length", "long_speech", "max_drain_units", "unit_start_id", "speech_encoder_heads"}
    assert not own & config.keys()


def test_types_and_choices(tiny: Path, tmp_path: Path) -> None:
    loaded = load(tiny, text_only=True)
    folder = export(loaded, tmp_path / "half")
    again = load(folder)
    assert again.model.dtype == torch.bfloat16 and again.info.text_only
    assert json.loads((folder / "config.json").read_text())["model_type"] == "omni2_speech_qwen2"
    assert not (folder / "tts_tokenizer").exists()
    with pytest.raises(SpeechLMError, match="writes text only"):
        load(folder, vocoder=tiny / "vocoder")
    wrong = ({"layout": "gguf"}, {"dtype": "int8"})
    for choice in wrong:
        with pytest.raises(SpeechLMError, match="choose"):
            export(loaded, tmp_path / "x", **choice)  # type: ignore[arg-type]
    with pytest.raises(SpeechLMError, match="processor"):
        export(loaded.model, tmp_path / "x")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["half"]


def test_nothing_is_written_over_and_nothing_half_is_left(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="nothing is written over"):
        export(loaded, tmp_path / "full")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="nothing is written over"):
        export(loaded, tmp_path / "link")
    monkeypatch.setattr("model.checkpoint.write_card", _full_disk)
    with pytest.raises(CheckpointError, match="No space left"):
        export(loaded, tmp_path / "new")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["full", "link"]


def _full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_card_says_what_it_is_for(tiny: Path, tmp_path: Path) -> None:
    text = (tiny / "README.md").read_text()
    assert "not a medical device" in text and "research only" in text and "weights are random" in text
    assert "not a medical device" in (export(load(tiny), tmp_path / "out") / "README.md").read_text()


def test_transformers_own_way_there_and_back(tiny: Path, tmp_path: Path) -> None:
    model = load(tiny).model
    model.save_pretrained(tmp_path / "saved")
    load(tiny).processor.save_pretrained(tmp_path / "saved")
    for auto in (AutoModel, AutoModelForCausalLM, SpeechLM):
        again = auto.from_pretrained(tmp_path / "saved")
        assert isinstance(again, SpeechLM) and same_weights(model, again)
    assert isinstance(AutoConfig.from_pretrained(tmp_path / "saved"), SpeechLMConfig)
    assert same_weights(load(tmp_path / "saved").model, model)
    assert same_weights(SpeechLM.from_pretrained(tiny), model)


def test_equal_seeds_give_equal_files_and_other_seeds_do_not(tiny: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)
    state = torch.random.get_rng_state()
    again = write_random(tmp_path / "again")
    assert torch.equal(state, torch.random.get_rng_state())
    for file in (one for one in tiny.rglob("*") if one.is_file()):
        assert file.read_bytes() == (again / file.relative_to(tiny)).read_bytes(), file.name
    other = write_random(tmp_path / "other", seed=1, vocoder=None, layout="speechmedassist")
    loaded = load(other)
    assert not same_weights(loaded.model, load(tiny).model) and loaded.info.format == "speechmedassist"
    assert loaded.vocoder is None and not loaded.info.speaks and load(tiny).info.speaks


def test_the_tiny_tokenizer_keeps_every_text(tiny: Path) -> None:
    processor = load(tiny).processor
    for text in ("您好，我发烧三十九度。", "Ärzte 😀 \u0000\n\t  x", "<|im_start|>system", "12345 mg/dL", "あ한"):
        assert processor.tokenizer.decode(processor._plain(text)) == text
    assert len(processor._plain("医生您好，我最近两天一直咳嗽。")) < 12
    config = processor.config
    assert (processor.start_id, processor.end_id, config.end_ids, config.unit_end_id) == (1, 2, (2, 0), 0)


def test_push_to_hub_sends_the_weights(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of transformers' own way but the requests themselves."""
    sent: dict[str, bytes] = {}

    def commit(*_: object, operations: Sequence[Any], **__: object) -> None:
        sent.update({one.path_in_repo: Path(one.path_or_fileobj).read_bytes() for one in operations})

    monkeypatch.setattr(HfApi, "create_repo", lambda *_, **__: SimpleNamespace(repo_id="me/doctor"))
    monkeypatch.setattr(HfApi, "create_commit", commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    load(tiny).model.push_to_hub("me/doctor")
    assert {"config.json", "generation_config.json", "model.safetensors"} <= sent.keys()
    assert json.loads(sent["config.json"])["model_type"] == "clinic_speechlm"
