"""Writes tokenizers beside weights: ours, and as readers of the published layouts expect them; it knows no weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from model.config import SpeechLMConfig
from model.loading.exporting import Layout
from model.loading.writing import write_json


def write_tokenizer(folder: Path, tokenizer: PreTrainedTokenizerBase, layout: Layout) -> None:
    """Write the tokenizer; in the published layouts also as vocab.json and merges.txt, for readers of those."""
    tokenizer.save_pretrained(str(folder))
    if layout == "clinic":
        return
    held = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    write_json(folder / "vocab.json", held["vocab"])
    pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in held["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *pairs]) + "\n", encoding="utf-8")
    _make_readable(folder, tokenizer.chat_template)


def write_unit_tokenizer(folder: Path, source: Path, config: SpeechLMConfig) -> None:
    """Write ``tts_tokenizer``: the text tokenizer with ``<sep>`` and the units ``<0>`` ... behind it.

    Args:
        folder: made.
        source: folder with the written text tokenizer.
        config: says where the units begin.
    """
    folder.mkdir()
    held = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = {token: index for token, index in held["model"]["vocab"].items() if index < config.sep_id}
    added = [entry for entry in held["added_tokens"] if entry["id"] < config.sep_id]
    taken = set(vocabulary.values()) | {entry["id"] for entry in added}
    added += [_entry(f"<|unused{index}|>", index) for index in range(config.sep_id) if index not in taken]
    added.append(_entry("<sep>", config.sep_id, special=True))
    added += [_entry(f"<{unit}>", config.first_unit_id + unit) for unit in range(config.unit_vocab_size)]
    held["model"]["vocab"], held["added_tokens"] = vocabulary, sorted(added, key=lambda entry: int(entry["id"]))
    (folder / "tokenizer.json").write_text(json.dumps(held, ensure_ascii=False), encoding="utf-8")
    by_id = {index: token for token, index in vocabulary.items()} | {entry["id"]: entry["content"] for entry in added}
    end = by_id[config.unit_end_id]
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": end, "pad_token": end,
        "clean_up_tokenization_spaces": False, "model_max_length": config.unit_lm.max_position_embeddings,
    })  # fmt: skip


def _entry(token: str, index: int, *, special: bool = False) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": index, "content": token, **flags, "special": special}


def _make_readable(folder: Path, template: object) -> None:
    """Say it in words that versions of transformers before 5 know as well."""
    file = folder / "tokenizer_config.json"
    stated = json.loads(file.read_text(encoding="utf-8"))
    if stated.get("tokenizer_class") == "TokenizersBackend":
        stated["tokenizer_class"] = "PreTrainedTokenizerFast"
    if isinstance(stated.get("extra_special_tokens"), list):
        stated["additional_special_tokens"] = stated.pop("extra_special_tokens")
    if isinstance(template, str):
        stated["chat_template"] = template
    for key in ("is_local", "local_files_only"):
        stated.pop(key, None)
    write_json(file, stated)
