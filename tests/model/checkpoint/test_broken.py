"""Broken checkpoints are refused with the names of what is wrong: keys, shapes, shards, links, vocabularies."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model.checkpoint import load
from model.errors import CheckpointError
from tests.model.checkpoint.broken import HEADS, change_json, change_weights, copied, shard

Break = Callable[[Path], object]


def refused(folder: Path) -> CheckpointError:
    """Load it and return the error that must come."""
    with pytest.raises(CheckpointError) as error:
        load(folder, encoder_heads=HEADS)
    return error.value


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    folder = copied(tmp_path / "c")

    def wrong(tensors: dict[str, torch.Tensor]) -> None:
        del tensors["model.norm.weight"], tensors["speech_generator.gate.0.bias"]
        tensors["model.layers.2.mlp.up_proj.weight"] = torch.zeros(1)
        tensors["lm_head.weight"] = tensors["lm_head.weight"][:100].clone()

    change_weights(folder, wrong)
    error = refused(folder)
    assert error.missing == ("model.norm.weight", "speech_generator.gate.0.bias")
    assert error.unexpected == ("model.layers.2.mlp.up_proj.weight",)
    assert error.misshapen == ("lm_head.weight: [100, 64], [384, 64]",)
    assert all(name in str(error) for name in (*error.missing, *error.unexpected, *error.misshapen))


def test_weights_that_are_no_real_numbers_are_named(tmp_path: Path) -> None:
    folder = copied(tmp_path / "c")
    change_weights(folder, lambda tensors: tensors.update({"model.norm.weight": torch.ones(64, dtype=torch.int32)}))
    assert "model.norm.weight" in str(refused(folder))


def cut(folder: Path, by: int) -> None:
    """Cut bytes off the second shard."""
    file = folder / "model-00002-of-00003.safetensors"
    file.write_bytes(file.read_bytes()[:-by])


def reindex(folder: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Change the index's map."""
    file = folder / "model.safetensors.index.json"
    index = json.loads(file.read_text())
    change(index["weight_map"])
    file.write_text(json.dumps(index))


SHARDS: dict[str, tuple[Break, str]] = {
    "missing": (lambda f: (f / "model-00002-of-00003.safetensors").unlink(), "missing.*: model-00002-of-00003.safe"),
    "truncated": (lambda f: cut(f, 5), r"model-00002-of-00003.safetensors: is truncated: \d+ bytes"),
    "cut in its header": (lambda f: (f / "model-00001-of-00003.safetensors").write_bytes(b"\xff\0\0\0\0\0\0\0{"),
                          "model-00001-of-00003.safetensors: is truncated or no safetensors"),
    "empty": (lambda f: (f / "model-00001-of-00003.safetensors").write_bytes(b""), "model-00001.*truncated"),
    "longer": (lambda f: (f / "model-00003-of-00003.safetensors").open("ab").write(b"x" * 9), "00003.*more bytes"),
    "astray": (lambda f: reindex(f, lambda m: m.update({"lm_head.weight": "model-00003-of-00003.safetensors"})),
               "does not agree(.|\n)*lm_head.weight .in model-0000[12]"),
    "not listed": (lambda f: reindex(f, lambda m: m.pop("model.norm.weight")), "model.norm.weight .*index: nowhere"),
    "not stored": (lambda f: reindex(f, lambda m: m.update(ghost=m["lm_head.weight"])), "missing: ghost"),
    "outside": (lambda f: reindex(f, lambda m: m.update(ghost="../../secret.safetensors")),
                "'../../secret.safetensors' is not a name of a file in this folder"),
    "absolute": (lambda f: reindex(f, lambda m: m.update(ghost="/etc/passwd")), "'/etc/passwd' is not a name"),
    "no map": (lambda f: (f / "model.safetensors.index.json").write_text('{"weight_map": [1]}'), "has no weight_map"),
    "no JSON": (lambda f: (f / "model.safetensors.index.json").write_text("{"), "index.json: is not readable JSON"),
    "both kinds": (lambda f: (f / "model.safetensors").write_bytes(b""), "holds both model.safetensors and"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARDS)
def test_a_broken_shard_or_index_is_named(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path / "c")
    shard(folder)
    broken, message = SHARDS[name]
    broken(folder)
    with pytest.raises(CheckpointError, match=message):
        load(folder, encoder_heads=HEADS)


def header(folder: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    """Rewrite the header of the weight file."""
    file = folder / "model.safetensors"
    content = file.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    entries = json.loads(content[8 : 8 + length])
    change(entries)
    made = json.dumps(entries).encode()
    file.write_bytes(struct.pack("<Q", len(made)) + made + content[8 + length :])


HEADERS: dict[str, tuple[Callable[[dict[str, dict[str, object]]], object], str]] = {
    "another type": (lambda h: h["model.norm.weight"].update(dtype="F8_E4M3"), "norm.weight is stored as F8_E4M3"),
    "another place": (lambda h: h["model.norm.weight"].update(data_offsets=[0, 256]), "does not follow the tensor"),
    "beyond the end": (lambda h: h["model.norm.weight"].update(data_offsets=[10**14, 10**14 + 256]), "does not follow"),
    "negative": (lambda h: h["model.norm.weight"].update(data_offsets=[-256, 0]), "no usable shape or place"),
    "another size": (lambda h: h["model.norm.weight"].update(shape=[65]), r"256 bytes, its shape \[65\] needs 260"),
    "no shape": (lambda h: h["model.norm.weight"].pop("shape"), "header is damaged"),
    "huge": (lambda h: h["model.norm.weight"].update(shape=[2**62, 2**62]), "no usable shape"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_damaged_header_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path / "c")
    change, message = HEADERS[name]
    header(folder, change)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=message):
        load(folder, encoder_heads=HEADS)


FILES: dict[str, tuple[Break, str]] = {
    "no configuration": (lambda f: (f / "config.json").unlink(), "config.json is missing"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no weights"),
    "pickled weights": (lambda f: (f / "model.safetensors").rename(f / "model.bin"), "model.bin may carry code"),
    "no tokenizer": (lambda f: [(f / n).unlink() for n in ("tokenizer.json", "vocab.json")], "no usable tokenizer"),
    "a list": (lambda f: (f / "config.json").write_text("[]"), "must hold one JSON object"),
    "deep": (lambda f: (f / "config.json").write_text("[" * 100_000), "not readable JSON"),
    "a folder": (lambda f: ((f / "model.safetensors").unlink(), (f / "model.safetensors").mkdir()), "is not a file"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_folder_without_what_it_needs(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path / "c")
    broken, message = FILES[name]
    broken(folder)
    with pytest.raises(CheckpointError, match=message):
        load(folder, encoder_heads=HEADS)


def test_links_that_lead_outside_are_not_followed(tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        folder = copied(tmp_path / name)
        secret = tmp_path / f"secret-{name}"
        (folder / name).rename(secret)
        (folder / name).symlink_to(secret)
        assert f"{name} is a link that leads out of the folder" in str(refused(folder))
    inside = copied(tmp_path / "inside")
    (inside / "model.safetensors").rename(inside / "weights.bin")
    (inside / "model.safetensors").symlink_to("weights.bin")
    assert load(inside, encoder_heads=HEADS).info.parameters


def larger_vocabulary(folder: Path) -> None:
    """Let the tokenizer have more words than the model has rows."""
    file = folder / "tokenizer_config.json"
    decoder = json.loads(file.read_text())["added_tokens_decoder"]
    last = max(map(int, decoder))
    more = {str(last + n): {**decoder[str(last)], "content": f"<more{n}>"} for n in range(1, 100)}
    change_json(file, added_tokens_decoder=decoder | more)


def unit_tokenizer(folder: Path) -> None:
    """Add a unit tokenizer whose first unit is one place too far."""
    (folder / "tts_tokenizer").mkdir()
    (folder / "tts_tokenizer" / "added_tokens.json").write_text('{"<sep>": 326, "<0>": 328, "<6560>": 6887}')


VOCABULARIES: dict[str, tuple[Break, str]] = {
    "more words than rows": (larger_vocabulary, "ids without an embedding .up to '<more99>' = .*vocab_size is 384"),
    "words among the units": (larger_vocabulary, "text ids lie where the speech generator has <sep> .326."),
    "other units": (lambda f: change_json(f / "config.json", unit_vocab_size=6565), "<sep> .322."),
    "more units than rows": (lambda f: change_json(f / "config.json", unit_vocab_size=7000), "<sep> would be -113"),
    "unit tokenizer": (unit_tokenizer, "tts_tokenizer has <0> = 328, the model 327"),
    "no end": (lambda f: [change_json(f / n, eos_token_id=3) for n in ("config.json", "generation_config.json")],
               "<.im_end.> is 306 and eos_token_id is .3.: answers would not end"),
    "end beyond the rows": (lambda f: change_json(f / "generation_config.json", eos_token_id=[306, 999]),
                            "999. is not below"),
    "end is no number": (lambda f: change_json(f / "generation_config.json", eos_token_id="x"), "eos_token_id is 'x'"),
    "rows": (lambda f: change_json(f / "config.json", vocab_size=400), "384, 64., .400, 64"),
}  # fmt: skip


@pytest.mark.parametrize("name", VOCABULARIES)
def test_another_vocabulary_is_refused(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path / "c")
    broken, message = VOCABULARIES[name]
    broken(folder)
    with pytest.raises(CheckpointError, match=message):
        load(folder, encoder_heads=HEADS)
